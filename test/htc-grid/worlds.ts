/**
 * Worlds for the contract of completion sources: a real table (dynalite), what a grid's workers write, and one way of
 * learning of it that can be broken and mended.
 */
import { Redis } from 'ioredis';
import type { TaskChange } from '../../src/grids/htc-grid/change.js';
import { changeOf } from '../../src/grids/htc-grid/change.js';
import type { CompletionSource } from '../../src/grids/htc-grid/completion-source.js';
import { ChangeHub } from '../../src/grids/htc-grid/completion-source.js';
import { connectLocally } from '../../src/grids/htc-grid/connection-local.js';
import type { Connection, Operation, Operations } from '../../src/grids/htc-grid/connection.js';
import { outputKey } from '../../src/grids/htc-grid/data-plane.js';
import type { LocalDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { startDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import type { RawItem } from '../../src/grids/htc-grid/item.js';
import { decodeItem } from '../../src/grids/htc-grid/item.js';
import { PollSource } from '../../src/grids/htc-grid/poll-source.js';
import type { ChosenSourceSettings } from '../../src/grids/htc-grid/push/chosen-source.js';
import { ChosenSource } from '../../src/grids/htc-grid/push/chosen-source.js';
import { Keyspace } from '../../src/grids/htc-grid/push/keyspace.js';
import type { Push } from '../../src/grids/htc-grid/push/push.js';
import { TableStream } from '../../src/grids/htc-grid/push/table-stream.js';
import { sessionOf, statusOf } from '../../src/grids/htc-grid/status.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { TableWriter } from '../../src/grids/htc-grid/table-writer.js';
import { freePort } from '../real/redis.js';
import type { RealRedis, RedisServer } from '../real/redis.js';
import { FakeStream } from './fake-stream.js';

export const table = 'htc_tasks_state_table-main';

export interface World {
  readonly source: CompletionSource;
  readonly reader: TableReader;
  readonly writer: TableWriter;
  /** Table reads since the world began. */
  readonly reads: () => number;
  /** What a worker does with a task; `finish` is both. */
  claim(taskId: string): Promise<void>;
  end(taskId: string): Promise<void>;
  finish(taskId: string): Promise<void>;
  /** True where that a task was submitted again is noticed while it is open. */
  readonly noticesOpen: boolean;
  /** As the grid's own cancel: whatever the state is. */
  cancel(taskId: string): Promise<void>;
  /** While true nothing is told of what happens. */
  silence(isSilent: boolean): void | Promise<void>;
  /** Tells once more of a task that has ended. */
  repeat(taskId: string): Promise<void>;
  /** The source dies, and is there again; nothing to do where there is none. */
  kill(): Promise<void>;
  revive(): Promise<void>;
  /** What `Grid.health` says of the source; undefined where it has no component. */
  health(): Promise<{ readonly status?: string; readonly detail: string | null } | undefined>;
  stop(): Promise<void>;
}

export type Table = LocalDynamoDb;

export async function startTable(): Promise<Table> {
  const dynamo = await startDynamoDb(undefined);
  const connection = connectLocally({ table, dynamo });
  await new TableReader(connection).create(undefined);
  connection.close();
  return dynamo;
}

type Written = (now: RawItem, before: RawItem | undefined) => void;

/** The table's connection, and what is written over it. */
class Tapped implements Connection {
  readonly #inner: Connection;
  readonly #images = new Map<string, RawItem>();
  readonly table = table;
  readonly label = 'The state table';
  reads = 0;
  /** Answers of DescribeTable have this in them. */
  described: object = {};

  constructor(
    dynamo: Table,
    private readonly written: Written,
  ) {
    this.#inner = connectLocally({ table, dynamo });
  }

  async send<O extends Operation>(
    operation: O,
    input: Operations[O]['input'],
    signal?: AbortSignal,
  ): Promise<Operations[O]['output']> {
    if (operation === 'Query' || operation === 'BatchGetItem') this.reads++;
    const answer = await this.#inner.send(operation, input, signal);
    if (operation === 'DescribeTable') {
      const { Table: found } = answer as Operations['DescribeTable']['output'];
      return { Table: { ...found, ...this.described } };
    }
    if (operation === 'BatchWriteItem') {
      const { RequestItems: items = {} } = input as Operations['BatchWriteItem']['input'];
      for (const { PutRequest: put } of items[table] ?? []) this.#note(put?.Item);
    }
    if (operation === 'UpdateItem')
      this.#note((answer as Operations['UpdateItem']['output']).Attributes);
    return answer;
  }

  close(): void {
    this.#inner.close();
  }

  #note(now: RawItem | undefined): void {
    const key = now?.['task_id']?.S;
    if (now === undefined || key === undefined) return;
    this.written(now, this.#images.get(key));
    this.#images.set(key, now);
  }
}

/** What all worlds share; `written` hears of every row that is written. */
function tableOf(
  at: Table,
  written: Written = () => undefined,
  output: (taskId: string) => Promise<unknown> = async () => undefined,
) {
  const connection = new Tapped(at, written);
  const reader = new TableReader(connection);
  const writer = new TableWriter(connection);
  const claim = async (taskId: string) => {
    await writer.claim(taskId, 'pod-1', Math.ceil(Date.now() / 1000) + 30, 'handle');
  };
  const end = async (taskId: string) => {
    await output(taskId);
    await writer.finish(taskId, 'pod-1', Date.now());
  };
  return {
    connection,
    reader,
    writer,
    reads: () => connection.reads,
    claim,
    end,
    noticesOpen: true,
    async finish(taskId: string) {
      await claim(taskId);
      await end(taskId);
    },
    async cancel(taskId: string) {
      await connection.send('UpdateItem', {
        TableName: table,
        Key: { task_id: { S: taskId } },
        UpdateExpression: 'SET task_status = :status',
        ExpressionAttributeValues: { ':status': { S: statusOf('cancelled', sessionOf(taskId)) } },
        ReturnValues: 'ALL_NEW',
      });
    },
  };
}

const quick = { fastestMs: 10, slowestMs: 50, settleMs: 30, checkMs: 150 };
const nothing = async () => undefined;

export async function pollWorld(at: Table): Promise<World> {
  const shared = tableOf(at);
  const source = new ChosenSource({
    pushes: [],
    poll: new PollSource({ reader: shared.reader, ...quick }),
  });
  return {
    ...shared,
    source,
    silence: () => undefined,
    repeat: nothing,
    kill: nothing,
    revive: nothing,
    health: () => source.component.check(new AbortController().signal),
    stop: async () => {
      source.stop();
      shared.connection.close();
    },
  };
}

export async function hubWorld(at: Table): Promise<World> {
  const hub = new ChangeHub();
  const told = (now: RawItem) => {
    const item = decodeItem(now);
    const change = item && changeOf(item);
    if (change !== undefined) hub.emit(change.sessionId, [change]);
  };
  const shared = tableOf(at, told);
  return {
    ...shared,
    source: hub,
    silence: () => undefined,
    repeat: async (taskId) => {
      const item = (await shared.reader.items([taskId], undefined)).get(taskId);
      const change: TaskChange | undefined = item && changeOf(item);
      if (change !== undefined)
        hub.emit(change.sessionId, [change, { ...change, state: 'pending' }]);
    },
    kill: nothing,
    revive: nothing,
    health: nothing,
    stop: async () => {
      shared.connection.close();
    },
  };
}

export interface StreamWorld extends World {
  readonly stream: FakeStream;
}

interface StreamOptions extends Partial<ChosenSourceSettings> {
  readonly checkMs?: number;
  /** Pushes behind the stream. */
  readonly more?: (reader: TableReader, follows: (session: string) => boolean) => readonly Push[];
}

export async function streamWorld(
  at: Table,
  { more = () => [], checkMs = quick.checkMs, ...settings }: StreamOptions = {},
): Promise<StreamWorld> {
  const stream = new FakeStream(2);
  let isSilent = false;
  let writes = 0;
  const shared = tableOf(at, (now, before) => {
    // Shards close and split while all goes on.
    if (++writes % 40 === 0) stream.roll();
    if (writes === 60) stream.split();
    if (!isSilent) stream.write(now['task_id']?.S ?? '', now, before);
  });
  shared.connection.described = stream.specification;
  const source: ChosenSource = new ChosenSource({
    pushes: [
      new TableStream({ reader: shared.reader, calls: stream, readMs: 2, listMs: 20 }),
      ...more(shared.reader, (session) => source.follows(session)),
    ],
    poll: new PollSource({ reader: shared.reader, ...quick, checkMs }),
    probeMs: 100,
    ...settings,
  });
  return {
    ...shared,
    stream,
    source,
    silence: (value) => {
      isSilent = value;
    },
    repeat: async (taskId) => {
      const item = (await shared.reader.items([taskId], undefined)).get(taskId);
      const row = {
        task_id: { S: taskId },
        session_id: { S: sessionOf(taskId) },
        retries: { N: '0' },
        submission_timestamp: { N: String(item?.submittedAt) },
      };
      for (const status of [item?.status, statusOf('processing', sessionOf(taskId))])
        stream.write(
          taskId,
          {
            ...row,
            task_status: { S: status ?? '' },
            task_completion_timestamp: { N: String(item?.completedAt) },
          },
          undefined,
        );
    },
    kill: async () => {
      stream.disable();
      shared.connection.described = {};
    },
    revive: async () => {
      stream.enable();
      shared.connection.described = stream.specification;
    },
    health: () => source.component.check(new AbortController().signal),
    stop: async () => {
      source.stop();
      shared.connection.close();
    },
  };
}

export async function keyspaceWorld(
  at: Table,
  real: RealRedis,
  { args = [], slowestMs = 200 }: { readonly args?: readonly string[]; slowestMs?: number } = {},
): Promise<World & { readonly redis: () => Redis; readonly port: number; pid(): number }> {
  const port = await freePort();
  const flags = ['--port', String(port), '--notify-keyspace-events', 'K$', ...args];
  let server: RedisServer | undefined = await real.start(...flags);
  // Workers write outputs whether somebody listens or not.
  let client = new Redis(port, { lazyConnect: true });
  client.on('error', () => undefined);
  const written = async (taskId: string) => {
    if (server !== undefined) await client.set(outputKey(taskId), '"x"');
  };
  const shared = tableOf(at, undefined, written);
  const source: ChosenSource = new ChosenSource({
    pushes: [
      new Keyspace({
        reader: shared.reader,
        redis: { host: '127.0.0.1', port, callMs: 1000 },
        follows: (session) => source.follows(session),
        checkMs: 50,
      }),
    ],
    poll: new PollSource({ reader: shared.reader, ...quick, slowestMs }),
    probeMs: 100,
  });
  return {
    ...shared,
    source,
    port,
    pid: () => server?.pid ?? -1,
    redis: () => client,
    noticesOpen: false,
    silence: async (isSilent) => {
      await client.config('SET', 'notify-keyspace-events', isSilent ? '' : 'K$');
    },
    repeat: written,
    kill: async () => {
      client.disconnect();
      await server?.stop();
      server = undefined;
    },
    revive: async () => {
      server = await real.start(...flags);
      client = new Redis(port, { lazyConnect: true });
    },
    health: () => source.component.check(new AbortController().signal),
    stop: async () => {
      source.stop();
      client.disconnect();
      shared.connection.close();
      await server?.stop();
    },
  };
}
