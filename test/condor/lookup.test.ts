import { getEventListeners } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { JobKey, JobRow } from '../../src/grids/jobs.js';
import { JobLookup } from '../../src/grids/condor/lookup.js';
import { HiddenNames } from '../../src/grids/condor/hidden.js';
import { CommandRunner } from '../../src/grids/condor/runner.js';
import { describeReal } from '../real/index.js';
import { opened, selecting, signal } from './pool.js';

const states = (found: readonly (JobRow | Error | undefined)[]) =>
  found.map((one) => (one instanceof Error ? one : one?.state));

describeReal('pool', 'jobs by id', (pool) => {
  const key = (clusterId: number, procId = 0): JobKey => ({
    schedd: pool.scheddName,
    clusterId,
    procId,
  });
  const submitIdle = async (count: number): Promise<number> => {
    const cluster = await pool.submit(
      'alice',
      `executable=/bin/true\ntransfer_executable=false\nrequirements=false\nqueue ${count}\n`,
    );
    onTestFinished(() => pool.remove(`ClusterId == ${cluster}`));
    return cluster;
  };

  test('1,000 cost at most 20 commands, and never more than 4 at a time', async () => {
    const cluster = await submitIdle(700);
    const { port, commands } = opened(pool);
    await port.schedds(signal);
    commands.length = 0;
    const keys = Array.from({ length: 1000 }, (_, i) => key(cluster, (i * 7) % 1400));
    const found = await port.findJobs(keys, selecting(['state']), signal);
    expect(states(found).filter((state) => state === 'QUEUED')).toHaveLength(
      keys.filter(({ procId }) => procId < 700).length,
    );
    expect(commands.length).toBeLessThanOrEqual(20);
  });

  test('that different callers look up at the same time share commands', async () => {
    const cluster = await submitIdle(40);
    const { port, commands } = opened(pool);
    await port.schedds(signal);
    commands.length = 0;
    const found = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        port.findJobs(
          [key(cluster, i)],
          i % 2 === 0 ? selecting(['state']) : selecting(['owner'], ['Cmd']),
          signal,
        ),
      ),
    );
    expect(found.flat().map((job) => (job as JobRow).procId)).toEqual(
      Array.from({ length: 40 }, (_, i) => i),
    );
    expect((found[1]?.[0] as JobRow).record?.value('Cmd')).toBe('/bin/true');
    // They are answered before the command has ended.
    await vi.waitFor(() =>
      expect(commands.filter(({ kind }) => kind !== 'config')).toHaveLength(1),
    );
  });

  test('are told at once to who has all, while others wait for the history', async () => {
    const cluster = await submitIdle(1);
    const { port } = opened(pool, { askAgainMs: 600_000 });
    const one = new AbortController();
    const look = (id: JobKey) =>
      port.findJobs([id, key(cluster)], selecting(['state']), one.signal);
    const missing = look(key(999_999));
    const there = look(key(cluster));
    expect(getEventListeners(one.signal, 'abort')).toHaveLength(1);
    expect(states(await there)).toEqual(['QUEUED', 'QUEUED']);
    one.abort(new Error('left'));
    await expect(missing).rejects.toThrow('left');
    expect(getEventListeners(one.signal, 'abort')).toHaveLength(0);
  });

  test('are given up when their caller goes, and the command with the last one', async () => {
    const { port, commands } = opened(pool);
    await port.schedds(signal);
    commands.length = 0;
    const [one, two] = [new AbortController(), new AbortController()];
    // Others listen before: Node tells only the first of them whose event it is.
    for (const { signal: left } of [one, two]) left.addEventListener('abort', () => undefined);
    const asked = [one, two].map((caller) =>
      port.findJobs([key(999_999)], selecting(['state']), caller.signal),
    );
    one.abort(new Error('one left'));
    await expect(asked[0]).rejects.toThrow('one left');
    two.abort(new Error('two left'));
    await expect(asked[1]).rejects.toThrow('two left');
    await vi.waitFor(() => {
      expect(commands.every(({ outcome }) => outcome !== 'failed')).toBe(true);
    });
  });

  test('that wait when the pool is closed are told', async () => {
    const { port } = opened(pool, { gatherMs: 60_000 });
    const waiting = port.findJobs([key(1)], selecting(['state']), signal);
    await port.stop();
    await expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

test('a look-up that waits behind two hanging ones is given up at once', async () => {
  const runner = new CommandRunner({});
  const policy = async () => ({ hidden: new HiddenNames(), maxJobs: undefined });
  const pool = { name: 'condor', runner, collector: undefined, policy };
  let asked = 0;
  const hanging = () => {
    asked += 1;
    return new Promise<never>(() => undefined);
  };
  const lookup = new JobLookup(pool, hanging, { gatherMs: 0 });
  const find = (clusterId: number, until: AbortSignal) =>
    lookup.find([{ schedd: 'submit', clusterId, procId: 0 }], selecting(['state']), until);
  const hang = new AbortController();
  const asking = [];
  for (const clusterId of [1, 2]) {
    asking.push(find(clusterId, hang.signal));
    await vi.waitFor(() => expect(asked).toBe(clusterId));
  }
  const leaving = new AbortController();
  const third = find(3, leaving.signal);
  leaving.abort(new Error('left'));
  await expect(third).rejects.toThrow('left');
  expect(asked).toBe(2);
  hang.abort(new Error('over'));
  expect((await Promise.allSettled(asking)).map(({ status }) => status)).toEqual([
    'rejected',
    'rejected',
  ]);
  lookup.stop();
  await runner.stop();
});
