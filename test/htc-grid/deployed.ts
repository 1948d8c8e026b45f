/** A deployed grid for tests: a table, a data plane, a gateway and a user pool, and the grid opened over them. */
import { connectLocally } from '../../src/grids/htc-grid/connection-local.js';
import type { DataPlane } from '../../src/grids/htc-grid/data-plane.js';
import { MemoryDataPlane } from '../../src/grids/htc-grid/data-plane-memory.js';
import { startDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { decodeText, encodeOutput } from '../../src/grids/htc-grid/encoding.js';
import type { HtcGrid, TaskGridSettings } from '../../src/grids/htc-grid/index.js';
import { openTaskGrid } from '../../src/grids/htc-grid/index.js';
import type { GatewayAccess } from '../../src/grids/htc-grid/over-the-wire.js';
import type { RawItem } from '../../src/grids/htc-grid/item.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { TableWriter } from '../../src/grids/htc-grid/table-writer.js';
import type { GatewayStandIn, StandInSettings } from './gateway-stand-in.js';
import { startGateway } from './gateway-stand-in.js';

export interface Deployment {
  readonly table: string;
  /** Of the table. */
  readonly endpoint: string;
  readonly gateway: GatewayStandIn;
  readonly data: DataPlane;
  readonly reader: TableReader;
  readonly writer: TableWriter;
  /** Opens another server on the grid; it is closed with the deployment. */
  open(settings?: Opening): Promise<HtcGrid>;
  /** A row as it is stored. */
  row(taskId: string): Promise<RawItem | undefined>;
  /** Rows as they were captured. */
  put(items: readonly RawItem[]): Promise<void>;
  /** Does what a worker does with each message there is; `run` may throw. */
  work(run: (task: unknown) => unknown): Promise<void>;
  stop(): Promise<void>;
}

export interface Opening extends Partial<Omit<TaskGridSettings, 'gateway'>> {
  readonly gateway?: Partial<GatewayAccess>;
}

export async function deploy(
  settings: Omit<Partial<StandInSettings>, 'connection'> = {},
): Promise<Deployment> {
  const table = 'htc_tasks_state_table-main';
  const dynamo = await startDynamoDb(undefined);
  const connection = connectLocally({ table, dynamo });
  const reader = new TableReader(connection);
  const writer = new TableWriter(connection);
  await reader.create(undefined);
  const data = settings.data ?? new MemoryDataPlane();
  const gateway = await startGateway({ ...settings, connection, data });
  const grids: HtcGrid[] = [];
  return {
    table,
    endpoint: dynamo.endpoint,
    gateway,
    data,
    reader,
    writer,
    async open({ gateway: access, ...more }: Opening = {}) {
      const grid = await openTaskGrid({
        name: 'prod',
        table: {
          table,
          region: 'eu-west-1',
          endpoint: dynamo.endpoint,
          credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
        },
        data,
        poll: { fastestMs: 20, slowestMs: 100 },
        ...more,
        gateway: {
          url: gateway.privateUrl,
          access: { apiKey: 'the-api-key' },
          lookMs: 10,
          againMs: 10,
          ...access,
        },
      });
      grids.push(grid);
      return grid;
    },
    async row(taskId) {
      const Keys = [{ task_id: { S: taskId } }];
      const { Responses } = await connection.send('BatchGetItem', {
        RequestItems: { [table]: { Keys, ConsistentRead: true } },
      });
      return Responses?.[table]?.[0];
    },
    async put(items) {
      const puts = items.map((Item) => ({ PutRequest: { Item } }));
      await connection.send('BatchWriteItem', { RequestItems: { [table]: puts } });
    },
    async work(run) {
      for (const { taskId } of gateway.messages.splice(0)) {
        try {
          await writer.claim(taskId, 'pod-1', Math.ceil(Date.now() / 1000) + 30, 'handle');
        } catch {
          continue; // cancelled before it was claimed
        }
        const input = await data.get(`${taskId}-input`, Infinity);
        const reply = replyOf(run, JSON.parse(decodeText(input?.text ?? '')));
        await data.put([[`${taskId}-output`, encodeOutput(reply)]]);
        await writer.finish(taskId, 'pod-1', Date.now());
      }
    },
    async stop() {
      for (const grid of grids) await grid.stop();
      await gateway.stop();
      connection.close();
      await dynamo.stop();
    },
  };
}

/** A function's reply is JSON, also where it raised. */
function replyOf(run: (task: unknown) => unknown, task: unknown): string {
  try {
    return JSON.stringify(run(task));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return JSON.stringify({ errorMessage: message, errorType: 'ValueError', stackTrace: [] });
  }
}
