/** A session of 10,000 tasks: submitted, paged, grouped by state, followed to its end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '../../src/grids/htc-grid/calls.js';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import type { TaskRow } from '../../src/grids/tasks.js';
import { always } from '../../src/query/predicate.js';
import { collect, live, plain, scanAll } from './support.js';

const tasks = 10_000;

describe('a session of 10,000 tasks', { timeout: 300_000 }, () => {
  let grid: HtcGrid;
  let session: string;
  const calls: Call[] = [];
  const reads = () => calls.filter(({ kind }) => kind === 'table-read').length;

  beforeAll(async () => {
    grid = await openEmbedded({
      name: 'g',
      run: (task) => task,
      // The look for expired claims would be counted among the reads.
      workers: { concurrency: 8, expiryCheckMs: 3_600_000 },
      onCall: (call) => calls.push(call),
    });
    const payloads = Array.from({ length: tasks }, (_, index) => index);
    const submitted = await grid.submit(plain(payloads), live());
    session = submitted.session?.nativeId ?? '';
    expect(submitted.taskIds).toHaveLength(tasks);
  }, 120_000);
  afterAll(async () => {
    await grid.stop();
  });

  it('is paged and counted while it runs', async () => {
    const [source] = await grid.tasks([session], live());
    calls.length = 0;
    const window = await source?.window?.({
      filter: always,
      notes: {},
      signal: live(),
      projection: { fields: new Set(['state']), attributes: new Set() },
      page: { from: 'back', limit: 50, after: undefined, before: undefined },
    });
    expect(window?.rows.map(({ index }) => index)).toEqual(
      Array.from({ length: 50 }, (_, n) => tasks - 50 + n),
    );
    expect(reads()).toBe(1);
    const [progress] = await grid.progress([session], live());
    expect(progress).toMatchObject({ total: tasks });
  });

  it('is followed to its end, each task once', async () => {
    const entries = await collect(await grid.follow(session, live()));
    expect(new Set(entries.map(({ taskId }) => taskId)).size).toBe(tasks);
    expect(entries).toHaveLength(tasks);
    expect(await grid.progress([session], live())).toMatchObject([
      { total: tasks, terminal: tasks, byState: [{ state: 'SUCCEEDED', count: tasks }] },
    ]);
  });

  it('is listed whole: not one of its tasks is missing from the index', async () => {
    const [source] = await grid.tasks([session], live());
    const rows = await scanAll(source, ['state']);
    expect(new Set(rows.map(({ index }) => index)).size).toBe(tasks);
  });

  it('costs at most 10 batch reads for 1,000 of its tasks by id', async () => {
    calls.length = 0;
    const ids = Array.from({ length: 1000 }, (_, n) => `${session}_${String(n * 7)}`);
    const found = await grid.findTasks(ids, live());
    expect(found.map((row) => (row as TaskRow).nativeId)).toEqual(ids);
    expect(reads()).toBe(10);
  });
});
