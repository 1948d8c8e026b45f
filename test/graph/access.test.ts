/** Who sees what: everybody but an admin sees own work alone, by every way that leads to work. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  AccessEverythingDocument,
  AccessSlotsDocument,
  CancelSessionsDocument,
  ClusterJobsDocument,
  JobByNativeIdDocument,
  NodesDocument,
  OneJobDocument,
  SessionProgressDocument,
  SessionTasksDocument,
  SubmitTasksDocument,
  TaskByIdDocument,
  TaskCompletedDocument,
  TasksCursorDocument,
} from '../generated/graphql.js';
import { decodeIdAs, encodeId } from '../../src/grids/id.js';
import { decodeCursor } from '../../src/streams/cursor.js';
import { describeReal } from '../real/index.js';
import { admin, caller, embeddedGrid, type Graph, openGraph, poolGrid } from './open-graph.js';
import { ofSeed, type SeedJob, seedJobs } from './seed.js';

const alice = caller('alice', 'user');
const bob = caller('bob', 'reader');
const nobody = caller('mallory', 'reader');

describeReal('pool', 'access', (pool) => {
  let graph: Graph;
  let jobs: readonly SeedJob[];
  const sessions: Record<string, { readonly id: string; readonly tasks: readonly string[] }> = {};
  beforeAll(async () => {
    graph = await openGraph([poolGrid(pool), await embeddedGrid()]);
    jobs = await seedJobs(graph);
    for (const identity of ['alice', 'carol']) {
      const input = { payloads: [{ fibonacci: 1 }, { fibonacci: 2 }] };
      const who = caller(identity, 'user');
      const { submitTasks } = await graph.ask(SubmitTasksDocument, { input }, who);
      const tasks = submitTasks.taskIds.map((id) => encodeId('Task', 'local', id));
      sessions[identity] = { id: submitTasks.session?.id ?? '', tasks };
    }
  });
  afterAll(() => graph.stop());

  const jobsOf = (owner: string) => jobs.filter((job) => job.owner === owner);
  const sessionOf = (owner: string) => sessions[owner] ?? { id: '', tasks: [] };

  describe('lists, counts and groups', () => {
    const ask = (who: typeof alice) => graph.ask(AccessEverythingDocument, { jobs: ofSeed() }, who);

    it('a user sees own jobs, tasks and sessions alone', async () => {
      const { jobs: list, work, tasks, sessions: own } = await ask(alice);
      const mine = jobsOf('alice');
      expect(list?.totalCount).toBe(mine.length);
      expect(new Set(list?.nodes.map(({ owner }) => owner))).toEqual(new Set(['alice']));
      expect(list?.groups.nodes.map(({ key, count }) => [key[0]?.value, count])).toEqual([
        ['alice', mine.length],
      ]);
      expect(list?.aggregates.byState.reduce((sum, { count }) => sum + count, 0)).toBe(mine.length);
      expect(work?.groups.nodes.map(({ key }) => key[0]?.value)).toEqual(['alice']);
      expect(new Set(work?.nodes.map(({ owner }) => owner))).toEqual(new Set(['alice']));
      expect(tasks).toMatchObject({ totalCount: 2, groups: { nodes: [{ count: 2 }] } });
      expect(own?.nodes.map(({ id }) => id)).toEqual([sessionOf('alice').id]);
    });

    it('a reader without work sees none, and no trace of that of others', async () => {
      const { jobs: list, work, tasks, sessions: own } = await ask(nobody);
      const nothing = { totalCount: 0, nodes: [], groups: { nodes: [] } };
      expect(list).toMatchObject({ ...nothing, aggregates: { byState: [] } });
      expect(work).toMatchObject(nothing);
      expect(tasks).toMatchObject(nothing);
      expect(own).toMatchObject({ totalCount: 0, nodes: [] });
    });

    it('an admin sees all', async () => {
      const { jobs: list, tasks, sessions: all } = await ask(admin);
      expect(list?.totalCount).toBe(jobs.length);
      expect(tasks?.totalCount).toBe(4);
      expect(all?.totalCount).toBe(2);
    });

    it('a filter widens nothing', async () => {
      const filter = { or: [{ owner: { eq: 'bob' } }, { not: { owner: { eq: 'bob' } } }] };
      const seen = await seedJobs(graph, { filter, source: 'ALL' }, alice);
      expect(new Set(seen.map(({ owner }) => owner))).toEqual(new Set(['alice']));
      expect(await seedJobs(graph, { filter: { owner: { eq: 'alice' } } }, bob)).toEqual([]);
    });
  });

  describe('by id', () => {
    it('what is not the caller’s is not there', async () => {
      const job = jobsOf('alice')[0];
      const cluster = encodeId('JobCluster', 'pool', pool.scheddName, job?.clusterId ?? 0);
      const { id, tasks } = sessionOf('alice');
      const ids = [job?.id ?? '', cluster, id, ...tasks];
      const mine = await graph.ask(NodesDocument, { ids }, alice);
      expect(mine.nodes.map((node) => node?.id)).toEqual(ids);
      for (const who of [bob, nobody]) {
        const { nodes } = await graph.ask(NodesDocument, { ids }, who);
        expect(nodes, who.identity).toEqual(ids.map(() => null));
        const byId = await graph.ask(OneJobDocument, { id: job?.id ?? '' }, who);
        expect(byId.job).toBeNull();
        const byJobId = await graph.ask(JobByNativeIdDocument, { jobId: job?.nativeId ?? '' }, who);
        expect(byJobId.job).toBeNull();
        expect((await graph.ask(SessionTasksDocument, { id }, who)).session).toBeNull();
        expect((await graph.ask(TaskByIdDocument, { id: tasks[0] ?? '' }, who)).task).toBeNull();
      }
    });

    it('a cluster that is not the caller’s has no jobs and no progress to show', async () => {
      const job = jobsOf('alice')[0];
      const id = encodeId('JobCluster', 'pool', pool.scheddName, job?.clusterId ?? 0);
      expect((await graph.ask(ClusterJobsDocument, { id }, bob)).node).toBeNull();
      const { node } = await graph.ask(ClusterJobsDocument, { id }, alice);
      expect(node).toMatchObject({ jobs: { totalCount: 1 } });
    });

    it('a slot is everybody’s, the job that runs there is not', async () => {
      const run =
        'executable = /bin/sleep\narguments = infinity\ntransfer_executable = false\npriority = 99\nrequest_memory = 64MB\nqueue\n';
      const cluster = await pool.submit('alice', run);
      try {
        const slots = async (who: typeof alice) => {
          const { slots: list } = await graph.ask(AccessSlotsDocument, {}, who);
          return list?.nodes ?? [];
        };
        const slot = await vi.waitFor(
          async () => {
            const own = (await slots(alice)).find(({ job }) => job?.nativeId === `${cluster}.0`);
            if (!own) throw new Error('The job does not run yet.');
            return own;
          },
          { timeout: 100_000, interval: 500 },
        );
        const seenByBob = await slots(bob);
        expect(seenByBob.find(({ name }) => name === slot.name)).toEqual({ ...slot, job: null });
        expect(seenByBob.flatMap(({ job }) => job?.owner ?? [])).not.toContain('alice');
        expect((await slots(alice)).flatMap(({ job }) => job?.owner ?? [])).not.toContain('bob');
      } finally {
        await pool.remove(`ClusterId == ${cluster}`);
      }
    });
  });

  describe('streams', () => {
    it('cursors do not tell how far a session of others is', async () => {
      const { id } = sessionOf('alice');
      const logs = async (who: typeof alice) => {
        const { tasks: list } = await graph.ask(TasksCursorDocument, { sessions: [id] }, who);
        return decodeCursor(list?.streamCursor ?? '').map(({ log }) => log);
      };
      const [session] = decodeIdAs('Session', id).parts;
      expect(await logs(alice)).toEqual([expect.stringContaining(session)]);
      for (const who of [bob, nobody]) expect(await logs(who), who.identity).toEqual([]);
    });

    it('of a session that is not the caller’s are NOT_FOUND', async () => {
      const { id } = sessionOf('alice');
      for (const who of [bob, nobody]) {
        const refusals = [
          await graph.follow(TaskCompletedDocument, { sessions: [id] }, who),
          await graph.follow(SessionProgressDocument, { session: id }, who),
        ];
        for (const refusal of refusals) {
          expect('codes' in refusal && refusal.codes, who.identity).toEqual(['NOT_FOUND']);
        }
      }
    });
  });

  describe('actions', () => {
    it('a reader may neither submit nor cancel', async () => {
      const submitted = await graph.answer(SubmitTasksDocument, { input: { payloads: [1] } }, bob);
      expect(submitted.codes).toEqual(['FORBIDDEN']);
      const input = { sessions: [sessionOf('alice').id] };
      expect((await graph.answer(CancelSessionsDocument, { input }, bob)).codes).toEqual([
        'FORBIDDEN',
      ]);
    });

    it('a user acts on own sessions alone, an admin on all', async () => {
      const input = { payloads: [{ sleepMs: 60_000 }] };
      const { submitTasks } = await graph.ask(SubmitTasksDocument, { input }, alice);
      const cancel = { input: { sessions: [submitTasks.session?.id ?? ''] } };
      const others = await graph.ask(CancelSessionsDocument, cancel, caller('carol', 'user'));
      expect(others.cancelSessions.sessions[0]).toMatchObject({
        status: 'NOT_FOUND',
        totalCancelledTasks: 0,
      });
      const { cancelSessions } = await graph.ask(CancelSessionsDocument, cancel, admin);
      expect(cancelSessions.sessions[0]).toMatchObject({ status: 'DONE', totalCancelledTasks: 1 });
    });

    it('a caller whose token has expired is told so', async () => {
      const late = { ...alice, expiresAt: Date.now() - 1 };
      expect((await graph.answer(OneJobDocument, { id: 'x' }, late)).codes).toEqual([
        'UNAUTHENTICATED',
      ]);
    });
  });
});
