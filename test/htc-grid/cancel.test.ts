/** Cancelling sessions of a grid that is at work: what has finished stays finished. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Call } from '../../src/grids/htc-grid/calls.js';
import { MemoryDataPlane } from '../../src/grids/htc-grid/data-plane-memory.js';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import { collect, deferred, live, plain, scanAll } from './support.js';

describe('cancelling', () => {
  let grid: HtcGrid;
  const calls: Call[] = [];
  const started: string[] = [];
  const aborted: string[] = [];
  let running = deferred<void>();
  beforeAll(async () => {
    grid = await openEmbedded({
      name: 'g',
      workers: { concurrency: 2 },
      onCall: (call) => calls.push(call),
      run: async (task, { signal, taskId }) => {
        started.push(taskId);
        if (task !== 'long') return task;
        running.resolve();
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            aborted.push(taskId);
            resolve();
          });
        });
        return 'never seen';
      },
    });
  });
  afterAll(async () => {
    await grid.stop();
  });
  const submit = async (payloads: readonly unknown[]) =>
    (await grid.submit(plain(payloads), live())).session?.nativeId ?? '';

  it('ends what waits and what runs, tells the log, and nothing of it is started later', async () => {
    const session = await submit(['long', 'long', 'a', 'b', 'c']);
    await running.promise;
    const [answer] = await grid.cancel([session], false, live());
    expect(answer).toMatchObject({
      status: 'DONE',
      nativeId: session,
      session: { nativeId: session, owner: 'ada' },
      cancelledRetrying: 0,
      totalCancelledTasks: 5,
      alreadyTerminal: 0,
    });
    const entries = await collect(await grid.follow(session, live()));
    expect(entries.map(({ state }) => state)).toEqual(Array(5).fill('CANCELLED'));
    expect(aborted.toSorted()).toEqual(started.filter((id) => id.startsWith(session)).sort());
    const [source] = await grid.tasks([session], live());
    const rows = await scanAll(source, ['state', 'failure', 'endedAt', 'worker']);
    for (const row of rows)
      expect(row).toMatchObject({
        state: 'CANCELLED',
        failure: { kind: 'CANCELLED' },
        endedAt: expect.any(Number) as number,
        worker: null,
      });
  });

  it('of a session whose tasks finish meanwhile counts each task once', async () => {
    for (let round = 0; round < 5; round++) {
      const session = await submit(Array(40).fill('quick'));
      const [answer] = await grid.cancel([session], false, live());
      const entries = await collect(await grid.follow(session, live()));
      expect(entries).toHaveLength(40);
      const cancelled = entries.filter(({ state }) => state === 'CANCELLED').length;
      expect(answer).toMatchObject({
        totalCancelledTasks: cancelled,
        alreadyTerminal: 40 - cancelled,
      });
      const [source] = await grid.tasks([session], live());
      const rows = await scanAll(source, ['state', 'revision']);
      const told = new Map(entries.map((entry) => [entry.taskId, entry]));
      for (const { nativeId, state, revision } of rows)
        expect(told.get(nativeId)).toMatchObject({ state, revision });
    }
  });

  it('that is only tried counts and changes nothing', async () => {
    running = deferred();
    const session = await submit(['long', 'long', 'x']);
    await running.promise;
    const before = calls.filter(({ kind }) => kind === 'table-write').length;
    const [tried] = await grid.cancel([session], true, live());
    expect(tried).toMatchObject({ status: 'DONE', totalCancelledTasks: 3 });
    // The second worker may have claimed its task in between; nothing was cancelled.
    expect(calls.filter(({ kind }) => kind === 'table-write').length - before).toBeLessThan(2);
    expect((await grid.cancel([session], false, live()))[0]).toMatchObject({
      totalCancelledTasks: 3,
    });
  });

  it('of several sessions answers for each, in their order', async () => {
    const done = await submit(['a']);
    await collect(await grid.follow(done, live()));
    const answers = await grid.cancel(['no-such', done], false, live());
    expect(answers.map(({ nativeId, status }) => [nativeId, status])).toEqual([
      ['no-such', 'NOT_FOUND'],
      [done, 'ALREADY_DONE'],
    ]);
    expect(answers[1]).toMatchObject({ alreadyTerminal: 1, totalCancelledTasks: 0 });
  });
});

it('a dry run neither stops a submission nor waits for it', async () => {
  const storing = deferred<void>();
  const data = new MemoryDataPlane({});
  const put = data.put.bind(data);
  data.put = async (entries) => {
    await storing.promise;
    await put(entries);
  };
  const grid = await openEmbedded({ name: 'g', data, run: (task) => task });
  onTestFinished(() => grid.stop());
  const submitted = grid.submit(plain(['a']), live());
  const [row] = (await grid.sessions({ active: undefined }, live())).rows;
  const [foreseen] = await grid.cancel([row?.nativeId ?? ''], true, live());
  expect(foreseen).toMatchObject({ status: 'ALREADY_DONE', totalCancelledTasks: 0 });
  storing.resolve();
  expect(await submitted).toMatchObject({ error: null, session: { nativeId: row?.nativeId } });
});
