/** A table on disk whose process is killed in the middle of many updates. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectLocally } from '../../src/grids/htc-grid/connection-local.js';
import type { LocalDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { startDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { partitionOf, taskIdOf } from '../../src/grids/htc-grid/status.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { live } from './support.js';

const table = 'htc_tasks_state_table-killed';
const session = newSessionId();
const tasks = 100;

describe('after kill -9', () => {
  let folder: string;
  let dynamo: LocalDynamoDb | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'htc-killed-'));
  });
  afterAll(async () => {
    await dynamo?.stop();
    await rm(folder, { recursive: true });
  });

  it('every row is in both indexes as it is in the table', async () => {
    const path = join(folder, 'table');
    const busy = fork(
      fileURLToPath(new URL('./busy-table.ts', import.meta.url)),
      [path, table, session, String(tasks)],
      { execArgv: ['--import', import.meta.resolve('tsx')] },
    );
    try {
      for (let updated = 0; updated < 500; updated++) await once(busy, 'message');
    } finally {
      busy.kill('SIGKILL');
      await once(busy, 'exit');
    }

    dynamo = await startDynamoDb(path);
    const reader = new TableReader(connectLocally({ table, dynamo }));
    const ids = Array.from({ length: tasks }, (_, index) => taskIdOf(session, index));
    const rows = await reader.items(ids, live());
    const stated = new Map([...rows].map(([id, { status }]) => [id, status]));
    expect(stated.size).toBe(tasks);

    const bySession: [string, string][] = [];
    for await (const page of reader.sessionPages(session, undefined, live()))
      bySession.push(...page.map(({ taskId, status }) => [taskId, status] as [string, string]));
    expect(bySession).toHaveLength(tasks);
    expect(new Map(bySession)).toEqual(stated);

    const byHeartbeat: [string, string][] = [];
    for (const state of ['pending', 'processing'] as const) {
      const { items } = await reader.byHeartbeat(state, partitionOf(session), {}, live());
      byHeartbeat.push(...items.map(({ taskId, status }) => [taskId, status] as [string, string]));
    }
    expect(byHeartbeat).toHaveLength(tasks);
    expect(new Map(byHeartbeat)).toEqual(stated);
  });
});
