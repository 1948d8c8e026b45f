/** Work on both grids in one list, and everything found again by its id. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  NodesDocument,
  SubmitTasksDocument,
  type TimeMatch,
  type WorkByGridAndStateQuery,
  WorkByGridAndStateDocument,
  WorkPartsDocument,
  WorkRowsDocument,
  type WorkRowsQueryVariables,
} from '../generated/graphql.js';
import { foundAgain } from '../condor/found-again.js';
import { describeReal } from '../real/index.js';
import { caller, embeddedGrid, type Graph, openGraph, poolGrid } from './open-graph.js';
import { seedJobs } from './seed.js';

const patience = { interval: 100 };
const alice = caller('alice', 'user');

describeReal('pool', 'work on both grids', (pool) => {
  let graph: Graph;
  let taskIds: readonly string[];
  let seeded: TimeMatch;
  /** All of it, with what is dear: each reading of a long history takes seconds. */
  let everything: NonNullable<WorkByGridAndStateQuery['work']>;
  beforeAll(async () => {
    graph = await openGraph([poolGrid(pool), await embeddedGrid()]);
    const jobs = await seedJobs(graph, { source: 'ALL' });
    const times = jobs.map(({ submittedAt }) => Date.parse(submittedAt ?? ''));
    const at = (ms: number): string => new Date(ms).toISOString();
    seeded = { after: at(Math.min(...times)), before: at(Math.max(...times) + 1) };
    const input = { payloads: [{ fibonacci: 1 }, { fail: 'boom' }, { sleepMs: 600_000 }] };
    const { submitTasks } = await graph.ask(SubmitTasksDocument, { input }, alice);
    taskIds = submitTasks.taskIds;
    await vi.waitFor(async () => {
      const { totalCount } = await work({
        filter: { kind: 'HTC_GRID', state: { eq: 'SUCCEEDED' } },
      });
      expect(totalCount).toBe(2);
    }, patience);
    const { work: list } = await graph.ask(
      WorkByGridAndStateDocument,
      { first: 1000, filter: mine() },
      alice,
    );
    if (!list) throw new Error('No list came.');
    everything = list;
  });
  afterAll(() => graph.stop());

  /** Of Alice, and of the time of the seed: the history may be long, and other tests submit too. */
  const mine = (filter: WorkRowsQueryVariables['filter'] = {}) => ({
    and: [{ or: [{ kind: 'HTC_GRID' as const }, { submitted: seeded }] }, filter ?? {}],
  });
  async function work({ filter, ...more }: WorkRowsQueryVariables) {
    const variables = { first: 1000, ...more, filter: mine(filter) };
    const { work: list } = await graph.ask(WorkRowsDocument, variables, alice);
    if (!list) throw new Error('No list came.');
    return list;
  }

  describe('the list', () => {
    it('has tasks and jobs, each of its own type with its batch', () => {
      const { nodes, totalCount, sources } = everything;
      expect(nodes).toHaveLength(totalCount);
      const tasks = nodes.filter(({ __typename }) => __typename === 'Task');
      expect(tasks.map(({ nativeId }) => nativeId).toSorted()).toEqual(taskIds);
      expect(tasks[0]?.batch?.nativeId).toBe(taskIds[0]?.replace(/_0$/, ''));
      const jobs = nodes.filter(({ __typename }) => __typename === 'Job');
      expect(jobs.length).toBeGreaterThan(5);
      for (const { nativeId, batch } of jobs) expect(batch?.nativeId).toBe(nativeId.split('.')[0]);
      expect(sources.map(({ grid, status }) => [grid.name, status]).toSorted()).toEqual([
        ['local', 'OK'],
        ['pool', 'OK'],
      ]);
    });

    it.each<[string, WorkRowsQueryVariables['filter'], string, string]>([
      ['kind', { kind: 'HTC_GRID' }, 'Task', 'local'],
      ['kind', { kind: 'HTCONDOR' }, 'Job', 'pool'],
      ['grid', { grid: { eq: 'local' } }, 'Task', 'local'],
      ['grid', { not: { grid: { eq: 'local' } } }, 'Job', 'pool'],
    ])('is filtered by %s: the other grid is not asked', async (_words, filter, type, grid) => {
      const { nodes, sources } = await work({ filter });
      expect(new Set(nodes.map(({ __typename }) => __typename))).toEqual(new Set([type]));
      expect(sources.map((source) => source.grid.name)).toEqual([grid]);
    });

    it('is filtered by state, owner and time on both grids alike', async () => {
      const states = ['RUNNING', 'SUCCEEDED'] as const;
      const recent = { withinLast: '52w' };
      const some = await work({ filter: { state: { in: [...states] }, submitted: recent } });
      const expected = everything.nodes.filter(({ state }) => states.some((one) => one === state));
      expect(some.nodes.map(({ nativeId }) => nativeId)).toEqual(
        expected.map(({ nativeId }) => nativeId),
      );
      expect(new Set(some.nodes.map(({ __typename }) => __typename)).size).toBe(2);
      expect((await work({ filter: { owner: { eq: 'bob' } } })).totalCount).toBe(0);
      const ended = await work({ filter: { ended: { after: '2020-01-01T00:00:00Z' } } });
      expect(ended.nodes.every(({ state }) => /SUCCEEDED|FAILED|CANCELLED/.test(state))).toBe(true);
      expect(ended.totalCount).toBeGreaterThan(2);
    });

    it('is ordered by time of submission over both grids, and paged in that order', async () => {
      const orderBy = [{ field: 'SUBMITTED_AT' as const, direction: 'DESC' as const }];
      const { nodes } = await work({ orderBy });
      const times = nodes.map(({ submittedAt }) => Date.parse(submittedAt ?? ''));
      expect(times).toEqual(times.toSorted((a, b) => b - a));
      const page = await work({ orderBy, first: 4 });
      expect(page.nodes).toEqual(nodes.slice(0, 4));
    });
  });

  it('groups by grid and state count what the rows show', () => {
    const { nodes, groups } = everything;
    const counts: Record<string, number> = {};
    for (const { __typename, state } of nodes) {
      const key = `${__typename === 'Task' ? 'local' : 'pool'} ${state}`;
      counts[key] = (counts[key] ?? 0) + 1;
    }
    const shown = groups.nodes.map(({ key, count }) => [
      key.map(({ text }) => text).join(' '),
      count,
    ]);
    expect(Object.fromEntries(shown)).toEqual(counts);
  });

  it('everything is found again by its id: grids, work, batches, machines, slots, settings', async () => {
    const list = async () => {
      const parts = await graph.ask(WorkPartsDocument, {});
      const work = [...(parts.tasks?.nodes ?? []), ...(parts.jobs?.nodes ?? [])];
      return [
        ...parts.grids,
        ...work,
        ...work.flatMap(({ batch }) => batch ?? []),
        ...(parts.machines?.nodes ?? []),
        ...(parts.slots?.nodes ?? []),
        ...(parts.ads?.nodes ?? []),
        ...(parts.config?.nodes ?? []),
      ].map(({ __typename, id }) => `${__typename} ${id}`);
    };
    const types = new Set<string>();
    await foundAgain(list, async (rows) => {
      const ids = rows.map((row) => row.split(' ')[1] ?? '');
      const { nodes } = await graph.ask(NodesDocument, { ids });
      for (const node of nodes) if (node) types.add(node.__typename);
      return nodes.map((node) => node && `${node.__typename} ${node.id}`);
    });
    const kinds = [
      'ConfigEntry',
      'Grid',
      'Job',
      'JobCluster',
      'Machine',
      'PoolAd',
      'Session',
      'Slot',
      'Task',
    ];
    expect(types).toEqual(new Set(kinds));
  });
});
