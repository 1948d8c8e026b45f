/**
 * What a deployed grid has beside its clients: the table with and without a stream, the gateway's results, and workers that
 * do to table and Redis what HTC-Grid's do, in their order. In a process of its own.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { connectLocally } from '../../src/grids/htc-grid/connection-local.js';
import type { Connection, Operation, Operations } from '../../src/grids/htc-grid/connection.js';
import { outputKey } from '../../src/grids/htc-grid/data-plane.js';
import { MemoryDataPlane } from '../../src/grids/htc-grid/data-plane-memory.js';
import { type LocalDynamoDb, startDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { encodeOutput } from '../../src/grids/htc-grid/encoding.js';
import type { RawItem } from '../../src/grids/htc-grid/item.js';
import type { StreamOperation } from '../../src/grids/htc-grid/push/stream-calls.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { taskIdOf } from '../../src/grids/htc-grid/status.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { TableWriter } from '../../src/grids/htc-grid/table-writer.js';
import { FakeStream } from '../../test/htc-grid/fake-stream.js';
import { startGateway } from '../../test/htc-grid/gateway-stand-in.js';
import type { Start } from '../child.js';
import { atRandomTimes, type End, type Spread, tasksOf } from '../ends.js';
import { now } from '../raw-subscribers.js';

export interface DeploymentSettings extends Spread {
  readonly redisPort: number;
}

export interface Places {
  readonly table: string;
  /** Of the table as shipped, and of the same table with a stream. */
  readonly endpoint: string;
  readonly streamEndpoint: string;
  readonly gateway: string;
}

const table = 'htc_tasks_state_table-bench';
/** How long a function runs; then the row says that it has finished so long after its output. */
const functionMs = 100;
const leastAfterOutputMs = 5;
const mostAfterOutputMs = 20;

export const start: Start<DeploymentSettings> = async ({ redisPort, ...spread }) => {
  const dynamo = await startDynamoDb(undefined);
  const stream = new FakeStream(2);
  const connection = streamed(connectLocally({ table, dynamo }), stream);
  await new TableReader(connection).create(undefined);
  const writer = new TableWriter(connection);
  const redis = new Redis(redisPort);
  const gateway = await startGateway({ connection, data: new MemoryDataPlane() });
  const front = await withStream(dynamo, stream);
  const { port } = front.address() as AddressInfo;
  const places: Places = {
    table,
    endpoint: dynamo.endpoint,
    streamEndpoint: `http://127.0.0.1:${String(port)}`,
    gateway: gateway.privateUrl,
  };
  let session = '';
  const work = async (index: number): Promise<End> => {
    const taskId = taskIdOf(session, index);
    await writer.claim(taskId, 'pod-1', Math.ceil(Date.now() / 1000) + 30, 'handle');
    await pause(functionMs);
    await redis.set(outputKey(taskId), encodeOutput('null'));
    await pause(leastAfterOutputMs + Math.random() * (mostAfterOutputMs - leastAfterOutputMs));
    const at = now();
    await writer.finish(taskId, 'pod-1', Date.now());
    return [taskId, at];
  };
  return {
    url: '',
    answers: {
      places: () => places,
      /** A new session, whose tasks wait. */
      async session() {
        session = newSessionId();
        const submittedAt = Date.now();
        const tasks = Array.from({ length: tasksOf(spread) }, (_, index) => ({
          taskId: taskIdOf(session, index),
          sessionId: session,
          priority: 0,
          submittedAt,
        }));
        await writer.insert(tasks, undefined);
        return session;
      },
      /** Does them; when each row began to be updated. */
      work: () => atRandomTimes(spread, work),
    },
    async stop() {
      front.closeAllConnections();
      front.close();
      await gateway.stop();
      redis.disconnect();
      connection.close();
      await dynamo.stop();
    },
  };
};

/** What is written over the connection goes into the stream. */
function streamed(inner: Connection, stream: FakeStream): Connection {
  const images = new Map<string, RawItem>();
  const note = (row: RawItem | undefined): void => {
    const key = row?.['task_id']?.S;
    if (row === undefined || key === undefined) return;
    stream.write(key, row, images.get(key));
    images.set(key, row);
  };
  return {
    ...inner,
    async send<O extends Operation>(operation: O, input: Operations[O]['input']) {
      const answer = await inner.send(operation, input);
      if (operation === 'BatchWriteItem') {
        const { RequestItems: items = {} } = input as Operations['BatchWriteItem']['input'];
        for (const { PutRequest: put } of items[table] ?? []) note(put?.Item);
      }
      if (operation === 'UpdateItem')
        note((answer as Operations['UpdateItem']['output']).Attributes);
      return answer;
    },
  };
}

/** An endpoint of the table that has a stream. */
async function withStream(dynamo: LocalDynamoDb, stream: FakeStream): Promise<Server> {
  const answerOf = async (target: string, body: string): Promise<object> => {
    const [service = '', operation = ''] = target.split('.');
    const input = JSON.parse(body) as object;
    if (service.startsWith('DynamoDBStreams'))
      return stream.answer(operation as StreamOperation, input);
    const { body: text } = await dynamo.call(operation, body);
    const answer = JSON.parse(text) as { readonly Table?: object };
    return operation === 'DescribeTable'
      ? { Table: { ...answer.Table, ...stream.specification } }
      : answer;
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      answerOf(String(request.headers['x-amz-target']), Buffer.concat(chunks).toString()).then(
        (answer) => response.end(JSON.stringify(answer)),
        (error: unknown) => {
          const { name, message } = error as Error;
          response.writeHead(400).end(JSON.stringify({ __type: `#${name}`, message }));
        },
      );
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
