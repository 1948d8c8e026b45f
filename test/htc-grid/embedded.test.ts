/** The embedded grid from submission to the last completion. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import type { Completion } from '../../src/grids/tasks.js';
import { collect, live, plain, scanAll } from './support.js';

describe('the embedded grid', () => {
  let grid: HtcGrid;
  beforeAll(async () => {
    grid = await openEmbedded({ name: 'local' });
  });
  afterAll(async () => {
    await grid.stop();
  });

  it('runs what is submitted, and the log of the session ends when all is done', async () => {
    const { session, taskIds, replayed } = await grid.submit(
      plain([{ fibonacci: 10 }, { fail: 'boom' }, 'text']),
      live(),
    );
    expect(replayed).toBe(false);
    const id = session?.nativeId ?? '';
    expect(taskIds).toEqual([`${id}_0`, `${id}_1`, `${id}_2`]);
    expect(session).toMatchObject({
      owner: 'ada',
      submission: { state: 'SUBMITTED', expected: 3, accepted: 3, error: null },
    });
    const entries: Completion[] = await collect(await grid.follow(id, live()));
    expect(entries.map(({ taskId }) => taskId).sort()).toEqual(taskIds);
    expect(new Set(entries.map(({ state }) => state))).toEqual(new Set(['SUCCEEDED']));

    const [source] = await grid.tasks([id], live());
    const rows = await scanAll(source, ['state', 'failure', 'attempts', 'startedAt', 'revision']);
    expect(rows).toHaveLength(3);
    const failed = rows.find(({ nativeId }) => nativeId === `${id}_1`);
    expect(failed).toMatchObject({
      state: 'SUCCEEDED',
      owner: 'ada',
      attempts: 1,
      // This server saw the claim; the table does not store it.
      startedAt: expect.any(Number) as number,
      failure: { kind: 'FUNCTION_ERROR', message: 'Error: boom' },
    });
    expect(failed?.revision).toBe(entries.find(({ taskId }) => taskId === `${id}_1`)?.revision);

    const output = await grid.payload(`${id}_0`, 'output', 1000, live());
    expect(output?.json).toMatchObject({ result: 55 });
    expect((await grid.payload(`${id}_2`, 'input', 1000, live()))?.json).toBe('text');
    expect((await grid.payload(`${id}_1`, 'error', 1000, live()))?.json).toMatchObject({
      errorMessage: 'boom',
    });
    expect(await grid.payload(`${id}_9`, 'output', 1000, live())).toBeUndefined();
    const [progress] = await grid.progress([id], live());
    expect(progress).toMatchObject({ total: 3, terminal: 3, fraction: 1 });
  });

  it('tells of every completion of every session in one log', async () => {
    const log = await grid.followAll(live());
    const before = log.end;
    const { taskIds } = await grid.submit(plain([1, 2]), live());
    await vi.waitFor(() => {
      const entries = log.read(before, 100);
      expect(entries.map(({ taskId }) => taskId)).toEqual(expect.arrayContaining([...taskIds]));
    });
  });

  it('finds tasks and sessions, and says nothing of those that do not exist', async () => {
    const { session, taskIds } = await grid.submit(plain([1]), live());
    const id = session?.nativeId ?? '';
    const [found, missing] = await grid.findTasks([taskIds[0] ?? '', `${id}_77`], live());
    expect(found).toMatchObject({ nativeId: taskIds[0], sessionId: id, index: 0 });
    expect(missing).toBeUndefined();
    const [known, unknown, odd] = await grid.findSessions([id, 'no-such-session', 'a_b'], live());
    expect(known).toMatchObject({ nativeId: id });
    expect(unknown).toBeUndefined();
    expect(odd).toBeUndefined();
  });

  it('lists active sessions by what is waiting or running', async () => {
    const { session } = await grid.submit(plain([{ sleepMs: 60_000 }]), live());
    const id = session?.nativeId ?? '';
    // Look-ups within a second share one answer, which may be from before the submission.
    await vi.waitFor(async () => {
      const { rows } = await grid.sessions({ active: true }, live());
      expect(rows.map(({ nativeId }) => nativeId)).toContain(id);
    });
    const [cancelled] = await grid.cancel([id], false, live());
    expect(cancelled).toMatchObject({ status: 'DONE', totalCancelledTasks: 1 });
    expect(await collect(await grid.follow(id, live()))).toMatchObject([{ state: 'CANCELLED' }]);
  });

  it('is healthy, names its parts, and can submit, cancel and stream', async () => {
    const health = await grid.health(live());
    expect(health.status).toBe('OK');
    expect(health.components.map(({ name }) => name)).toEqual([
      'state table',
      'data plane',
      'workers',
      'queue',
    ]);
    expect(grid.capabilities()).toEqual(['SUBMIT', 'CANCEL', 'STREAM', 'RESUME', 'OUTPUT']);
  });
});
