/** Jobs of the real pool: their states, where they are found, and what the sources say of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JobByNativeIdDocument } from '../generated/graphql.js';
import { describePools } from '../condor/pools.js';
import { type Graph, openGraph } from './open-graph.js';
import { idsOf, nameOf, type SeedJob, seedJobs, seedList } from './seed.js';

describePools('jobs', (pool) => {
  let graph: Graph;
  let all: readonly SeedJob[];
  beforeAll(async () => {
    graph = await openGraph([await pool.open()]);
    all = await seedJobs(graph, { source: 'ALL' });
  });
  afterAll(() => graph.stop());

  /** One job of a name, of the latest seed. */
  function one(name: string): SeedJob {
    const job = all.filter((each) => nameOf(each) === name).at(-1);
    if (!job) throw new Error(`The seed has no job ${name}.`);
    return job;
  }

  describe('states', () => {
    it.each([
      ['idle', 'QUEUED', 'Idle', 'alice'],
      ['batch', 'QUEUED', 'Idle', 'alice'],
      ['running', 'RUNNING', 'Running', 'alice'],
      ['running-bob', 'RUNNING', 'Running', 'bob'],
      ['scheduler', 'RUNNING', 'Running', 'bob'],
      ['held-by-user', 'HELD', 'Held', 'alice'],
      ['held-on-submit', 'HELD', 'Held', 'bob'],
      ['left-completed', 'SUCCEEDED', 'Completed', 'bob'],
      ['exit-0', 'SUCCEEDED', 'Completed', 'alice'],
      ['exit-3', 'FAILED', 'Completed', 'alice'],
      ['signal-9', 'FAILED', 'Completed', 'alice'],
      ['removed', 'CANCELLED', 'Removed', 'bob'],
    ])('%s is %s, for HTCondor %s', (name, state, nativeState, owner) => {
      const terminal = ['SUCCEEDED', 'FAILED', 'CANCELLED'].includes(state);
      expect(one(name)).toMatchObject({ state, nativeState, owner, terminal });
    });

    it('a failure says how: exit code, signal, hold with its code, removal with its reason', () => {
      const none = {
        message: null,
        exitCode: null,
        signal: null,
        holdCode: null,
        holdSubcode: null,
      };
      const exit = one('exit-3');
      expect(exit).toMatchObject({
        exitCode: 3,
        failure: { ...none, kind: 'EXIT_CODE', exitCode: 3 },
      });
      const signal = one('signal-9');
      expect(signal).toMatchObject({ exitCode: null, failure: { kind: 'SIGNAL', signal: 9 } });
      expect(one('held-by-user').failure).toEqual({
        ...none,
        kind: 'HELD',
        message: 'Waiting for the input files (by user alice)',
        holdCode: 1,
        // An action has no subcode: condor_hold gave one to the real pool's.
        holdSubcode: pool.kind === 'real' ? 7 : 0,
      });
      const removed = one('removed');
      expect(removed.failure?.kind).toBe('CANCELLED');
      expect(removed.failure?.message).toMatch(/^No longer needed/);
      expect(one('exit-0')).toMatchObject({ exitCode: 0, failure: null });
    });

    it('times are there as far as the job has come', () => {
      const idle = one('idle');
      expect(idle).toMatchObject({ startedAt: null, endedAt: null, waitMs: null, runMs: null });
      expect(idle.submittedAt).toMatch(/^\d{4}-.*\.000Z$/);
      const running = one('running');
      expect(Date.parse(running.startedAt ?? '')).toBeGreaterThanOrEqual(
        Date.parse(running.submittedAt ?? ''),
      );
      // A pool that was restarted runs its jobs anew.
      expect(running.attempts).toBeGreaterThanOrEqual(1);
      expect(running.endedAt).toBeNull();
      expect(running.runMs).toBeGreaterThan(0);
      const ended = one('exit-0');
      expect(Date.parse(ended.endedAt ?? '')).toBeGreaterThanOrEqual(
        Date.parse(ended.startedAt ?? ''),
      );
      // A removed job has no CompletionDate: the change of its state is its end.
      expect(one('removed').endedAt).not.toBeNull();
    });
  });

  describe('where jobs are found', () => {
    it('ALL is the queue and the history together, no job twice', async () => {
      const [queue, history] = await Promise.all(
        (['QUEUE', 'HISTORY'] as const).map((source) => seedJobs(graph, { source })),
      );
      expect(queue?.every(({ origin }) => origin === 'QUEUE')).toBe(true);
      expect(history?.every(({ origin }) => origin === 'HISTORY')).toBe(true);
      const ids = idsOf(all);
      expect(new Set(ids).size).toBe(ids.length);
      expect([...ids].sort()).toEqual([...idsOf(queue ?? []), ...idsOf(history ?? [])].sort());
      expect(queue?.map(nameOf)).toContain('left-completed');
      expect(history?.map(nameOf)).toContain('removed');
    });

    it('a job is looked up in the queue, then in the history, with its cluster and machine', async () => {
      const { nativeId: jobId, schedd } = one('exit-3');
      const { job } = await graph.ask(JobByNativeIdDocument, { jobId });
      expect(job).toMatchObject({ nativeId: jobId, origin: 'HISTORY', owner: 'alice', schedd });
      expect(job?.machine?.name).toBe(pool.machineName);
      expect(job?.batch).toMatchObject({
        __typename: 'JobCluster',
        nativeId: jobId.split('.')[0],
        progress: { total: 1, terminal: 1, byState: [{ state: 'FAILED', count: 1 }] },
      });
      const { nativeId } = one('batch');
      const { job: queued } = await graph.ask(JobByNativeIdDocument, { jobId: nativeId, schedd });
      expect(queued).toMatchObject({ nativeId, origin: 'QUEUE', state: 'QUEUED' });
      expect(queued?.batch?.progress).toMatchObject({ total: 5, terminal: 0 });
      const missing = await graph.ask(JobByNativeIdDocument, { jobId: '999999.0' });
      expect(missing.job).toBeNull();
    });
  });

  describe('source reports', () => {
    it('say who answered, what was scanned, and the expression that the schedd evaluated', async () => {
      const filter = { owner: { eq: 'alice' }, state: { eq: 'HELD' } } as const;
      const { sources, nodes } = await seedList(graph, { filter });
      expect(sources).toHaveLength(1);
      expect(sources[0]).toMatchObject({
        grid: { name: 'pool' },
        part: pool.scheddName,
        status: 'OK',
        returned: nodes.length,
        truncated: false,
        error: null,
      });
      const pushed = sources[0]?.pushedDown ?? '';
      for (const part of ['Owner =?= "alice"', 'JobStatus =?= 5']) {
        // The embedded pool is its own schedd: all is evaluated here.
        expect(pushed.includes(part)).toBe(pool.kind === 'real');
      }
      expect(Date.now() - Date.parse(sources[0]?.asOf ?? '')).toBeLessThan(60_000);
    });
  });
});
