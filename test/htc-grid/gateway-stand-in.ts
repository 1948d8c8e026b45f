/**
 * The API gateway of a deployed grid for tests, and behind it what its Lambdas do: rows into a table,
 * messages into queues, by code of its own. The faults of AWS's documentation come when a test asks.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Connection } from '../../src/grids/htc-grid/connection.js';
import type { DataPlane } from '../../src/grids/htc-grid/data-plane.js';

/** What goes wrong with one call, whatever it is. */
export interface Fault {
  /** Rows that the submit writes; all unless given. */
  readonly rows?: number;
  /** Whether messages are sent for them. @default true */
  readonly queued?: boolean;
  /** The work is done after this, and the answer is given before; at once unless given. */
  readonly workAfter?: Promise<void>;
  /** The answer waits for this. */
  readonly answerAfter?: Promise<void>;
  /** The status in place of the right one, or the connection ends without an answer. */
  readonly answer?: number | 'cut';
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Message {
  readonly queue: number;
  readonly taskId: string;
  readonly body: string;
}

export interface GatewayStandIn {
  readonly url: string;
  readonly privateUrl: string;
  readonly requests: { readonly line: string; readonly authorization: string | undefined }[];
  readonly messages: Message[];
  /** For the next calls, one each, by the last part of their path. */
  readonly faults: { submit: Fault[]; cancel: Fault[]; result: Fault[] };
  /** Resolves when no Lambda is at work. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

export interface StandInSettings {
  readonly connection: Connection;
  readonly data: DataPlane;
  readonly priorities?: number;
  readonly apiKey?: string;
  readonly isToken?: (token: string) => boolean;
}

type Task = Readonly<Record<string, string | number>>;
interface Payload {
  readonly session_id: string;
  readonly stats: Readonly<Record<string, { readonly label: string; readonly tstmp: number }>>;
  readonly tasks_list: { readonly tasks: readonly string[] };
  readonly context?: { readonly tasks_priority?: number };
}

const bodies: Readonly<Record<number, string>> = {
  401: '{"message":"Unauthorized"}',
  403: '{"message":"Forbidden"}',
  429: '{"message":"Too Many Requests"}',
  502: '{"message": "Internal server error"}',
  504: '{"message": "Endpoint request timed out"}',
  542: 'An error occurred: Traceback with secret-of-the-lambda',
  543: 'TaskQueueException: secret-of-the-lambda',
};

export async function startGateway(settings: StandInSettings): Promise<GatewayStandIn> {
  const { connection, data, priorities = 1, apiKey = 'the-api-key', isToken } = settings;
  const { table } = connection;
  const work = new Set<Promise<unknown>>();

  const updated = (taskId: string, status: string) =>
    connection.send('UpdateItem', {
      TableName: table,
      Key: { task_id: { S: taskId } },
      UpdateExpression: 'SET #s = :s, #o = :o',
      ExpressionAttributeNames: { '#s': 'task_status', '#o': 'task_owner' },
      ExpressionAttributeValues: { ':s': { S: status }, ':o': { S: 'None' } },
    });

  const tasksIn = async (session: string, state: string): Promise<string[]> => {
    const answer = await connection.send('Query', {
      TableName: table,
      IndexName: 'gsi_session_index',
      KeyConditionExpression: 'session_id = :s AND task_status = :t',
      ExpressionAttributeValues: {
        ':s': { S: session },
        ':t': { S: state + partition(session) },
      },
    });
    return (answer.Items ?? []).map((item) => item['task_id']?.S ?? '');
  };

  const lambdas = {
    async submit(content: string, fault: Fault): Promise<object> {
      const stored = await data.get(`${content}-payload`, Infinity);
      if (stored === undefined) throw new Failure(502);
      const payload = JSON.parse(Buffer.from(stored.text, 'base64url').toString()) as Payload;
      const tasks = rowsOf(payload, Date.now());
      const written = tasks.slice(0, fault.rows ?? tasks.length);
      for (let at = 0; at < written.length; at += 25) {
        const batch = written.slice(at, at + 25);
        const puts = batch.map((task) => ({ PutRequest: { Item: itemOf(task) } }));
        await connection.send('BatchWriteItem', { RequestItems: { [table]: puts } });
      }
      if (written.length < tasks.length) throw new Failure(543);
      const queue = payload.context?.tasks_priority ?? 0;
      if (queue < 0 || queue >= priorities) throw new Failure(543);
      if (fault.queued !== false)
        for (const task of tasks)
          stand.messages.push({
            queue,
            taskId: String(task['task_id']),
            body: JSON.stringify({ ...task, stats: payload.stats }),
          });
      return { session_id: payload.session_id, task_ids: payload.tasks_list.tasks };
    },

    async cancel(content: string): Promise<object> {
      const { session_ids_to_cancel: sessions } = JSON.parse(
        Buffer.from(content, 'base64url').toString(),
      ) as { session_ids_to_cancel: string[] };
      const counts: Record<string, object> = {};
      for (const session of sessions) {
        const cancelled = { pending: 0, processing: 0 };
        for (const state of ['pending', 'processing'] as const)
          for (const taskId of await tasksIn(session, state)) {
            await updated(taskId, `cancelled${partition(session)}`);
            cancelled[state]++;
          }
        counts[session] = {
          cancelled_pending: cancelled.pending,
          cancelled_processing: cancelled.processing,
          total_cancelled_tasks: cancelled.pending + cancelled.processing,
        };
      }
      return counts;
    },

    async result(content: string): Promise<object> {
      const { session_id: session } = JSON.parse(Buffer.from(content, 'base64url').toString()) as {
        session_id: string;
      };
      const lists = await Promise.all(
        (['finished', 'cancelled', 'failed'] as const).map(async (state) => {
          const ids = await tasksIn(session, state);
          return [
            [state, ids],
            [`${state}_OUTPUT`, ids.map(() => 'read_from_dataplane')],
          ] as const;
        }),
      );
      const fields = Object.fromEntries(lists.flat());
      const count = lists.reduce((sum, [[, ids]]) => sum + ids.length, 0);
      return { ...fields, metadata: { tasks_in_response: count } };
    },
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://gateway');
    const isPrivate = pathname.startsWith('/private');
    const path = /\/v1\/(submit|cancel|result)$/.exec(pathname)?.[1];
    const { authorization } = request.headers;
    stand.requests.push({
      line: `${request.method ?? ''} ${request.url ?? ''}`,
      authorization: isPrivate ? String(request.headers['x-api-key']) : authorization,
    });
    const send = (status: number, text: string, headers = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
    };
    if (isPrivate && request.headers['x-api-key'] !== apiKey) {
      send(403, bodies[403] ?? '');
      return;
    }
    if (!isPrivate && isToken?.(authorization ?? '') === false) {
      send(401, bodies[401] ?? '');
      return;
    }
    const name = path === 'submit' || path === 'cancel' || path === 'result' ? path : undefined;
    if (name === undefined || request.method !== (name === 'result' ? 'GET' : 'POST')) {
      send(403, '{"message":"Missing Authentication Token"}');
      return;
    }
    const fault = stand.faults[name].shift() ?? {};
    const refused = [302, 401, 403, 413, 429].includes(Number(fault.answer));
    const done = (async () => {
      if (refused) return {};
      await fault.workAfter;
      return lambdas[name](searchParams.get('submission_content') ?? '', fault);
    })();
    work.add(done);
    void done.then(
      () => work.delete(done),
      () => work.delete(done),
    );
    let result: object | undefined;
    let status = 200;
    if (fault.workAfter === undefined)
      try {
        result = await done;
      } catch (error) {
        status = error instanceof Failure ? error.status : 502;
      }
    else done.catch(() => undefined);
    await fault.answerAfter;
    if (fault.answer === 'cut') response.destroy();
    else if (fault.answer !== undefined || result === undefined)
      send(fault.answer ?? status, bodies[fault.answer ?? status] ?? '', fault.headers);
    else send(200, JSON.stringify(result), fault.headers);
  };

  const server = createServer((request, response) => {
    request.resume();
    void answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const stand: GatewayStandIn = {
    url: `${origin}/v1`,
    privateUrl: `${origin}/private/v1`,
    requests: [],
    messages: [],
    faults: { submit: [], cancel: [], result: [] },
    async idle() {
      await Promise.allSettled(work);
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return stand;
}

class Failure extends Error {
  constructor(readonly status: number) {
    super(String(status));
  }
}

const partition = (session: string): string =>
  String(BigInt(`0x${createHash('md5').update(session).digest('hex')}`) % 32n);

/** The rows of a payload, in the order of a message's fields. */
export function rowsOf(payload: Payload, now: number): Task[] {
  return payload.tasks_list.tasks.map((taskId) => ({
    session_id: payload.session_id,
    task_id: taskId,
    parent_session_id: payload.session_id,
    submission_timestamp: now,
    task_completion_timestamp: 0,
    task_status: `pending${partition(payload.session_id)}`,
    task_owner: 'None',
    retries: 0,
    task_definition: 'none',
    sqs_handler_id: 'None',
    heartbeat_expiration_timestamp: 0,
    task_priority: payload.context?.tasks_priority ?? 0,
  }));
}

const itemOf = (task: Task) =>
  Object.fromEntries(
    Object.entries(task).map(([key, value]) => [
      key,
      typeof value === 'number' ? { N: String(value) } : { S: value },
    ]),
  );
