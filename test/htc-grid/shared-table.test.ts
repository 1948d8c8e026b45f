/** The embedded table in the hands of others: rows, claims and ends as HTC-Grid's own Python code writes them. */
import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import rows from '../fixtures/htc-grid/session-3-tasks/items-1-pending.json' with { type: 'json' };
import { inputKey, outputKey } from '../../src/grids/htc-grid/data-plane.js';
import { MemoryDataPlane } from '../../src/grids/htc-grid/data-plane-memory.js';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import { live, scanAll } from './support.js';

const table = 'htc_tasks_state_table-embedded';
const patience = { interval: 50 };
type Row = Record<string, { S: string } | { N: string }>;
const captured = (rows as unknown as { Items?: Row[] } & Row[]).Items ?? rows;

describe('a table on a port of its own', () => {
  let grid: HtcGrid;
  let client: DynamoDB;
  let tablePort: number;
  const data = new MemoryDataPlane();

  beforeAll(async () => {
    tablePort = await freePort();
    grid = await openEmbedded({
      name: 'shared',
      tablePort,
      data,
      run: (task) => task,
      workers: { expiryCheckMs: 50 },
    });
    client = new DynamoDB({
      endpoint: `http://127.0.0.1:${String(tablePort)}`,
      region: 'local',
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    });
  });
  afterAll(async () => {
    client.destroy();
    await grid.stop();
  });

  const statusOf = async (id: string) => {
    const { Responses } = await client.batchGetItem({
      RequestItems: { [table]: { Keys: [{ task_id: { S: id } }] } },
    });
    return Responses?.[table]?.[0]?.['task_status']?.S;
  };

  it('a port that somebody else has is said when the grid opens', async () => {
    await expect(openEmbedded({ name: 'second', tablePort })).rejects.toThrow(
      /EADDRINUSE.*Choose another tablePort/,
    );
  });

  it('runs what the submit Lambda wrote, and leaves what a worker of a real grid has claimed', async () => {
    const ids = captured.map((row) => (row['task_id'] as { S: string }).S);
    const session = (captured[0]?.['session_id'] as { S: string }).S;
    const [first = ''] = ids;
    await data.put(ids.map((id) => [inputKey(id), 'eyJ3b3JrZXJfYXJndW1lbnRzIjogWyIxIl19']));
    const [claimed = {}] = captured;
    const soon = { N: String(Math.floor(Date.now() / 1000) + 3600) };
    const worker = {
      task_owner: { S: 'htc-agent-1' },
      task_status: { S: 'processing22' },
      heartbeat_expiration_timestamp: soon,
    };
    await client.batchWriteItem({
      RequestItems: { [table]: [{ PutRequest: { Item: { ...claimed, ...worker } } }] },
    });
    const log = await grid.follow(session, live());
    await client.batchWriteItem({
      RequestItems: { [table]: captured.slice(1).map((Item) => ({ PutRequest: { Item } })) },
    });
    await vi.waitFor(async () => {
      expect(await Promise.all(ids.slice(1).map(statusOf))).toEqual(
        Array(ids.length - 1).fill('finished22'),
      );
    }, patience);
    expect((await data.get(outputKey(ids[1] ?? ''), 1000))?.text).toBeDefined();
    expect(await statusOf(first)).toBe('processing22');
    // As state_table_dynamodb.py finishes a task.
    await client.updateItem({
      TableName: table,
      Key: { task_id: { S: first } },
      UpdateExpression: 'SET #var_task_completion_timestamp = :val1, #var_task_status = :val2',
      ConditionExpression: '#var_task_status = :was AND #var_task_owner = :me',
      ExpressionAttributeNames: {
        '#var_task_completion_timestamp': 'task_completion_timestamp',
        '#var_task_status': 'task_status',
        '#var_task_owner': 'task_owner',
      },
      ExpressionAttributeValues: {
        ':val1': { N: String(Date.now()) },
        ':val2': { S: 'finished22' },
        ':was': { S: 'processing22' },
        ':me': { S: 'htc-agent-1' },
      },
    });
    await vi.waitFor(() => {
      const told = log.read(0, 10).map(({ taskId }) => taskId);
      expect(told.sort()).toEqual([...ids].sort());
    }, patience);
    const [source] = await grid.tasks([session], live());
    const states = (await scanAll(source, ['state'])).map(({ state }) => state);
    expect(states).toEqual(Array(ids.length).fill('SUCCEEDED'));
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { readonly port: number };
      server.close(() => {
        resolve(port);
      });
    });
  });
}
