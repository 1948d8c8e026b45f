/** Paging through jobs: every job once, in order, from either end, whatever the order. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobOrder, SeedJobsQueryVariables } from '../generated/graphql.js';
import { describePools } from '../condor/pools.js';
import { type Graph, openGraph } from './open-graph.js';
import { idsOf, type SeedJob, seedJobs, seedList, valueOf } from './seed.js';

const names = ['HoldReasonCode', 'MyInt'];

describePools('pages of jobs', (pool) => {
  let graph: Graph;
  let all: readonly SeedJob[];
  beforeAll(async () => {
    graph = await openGraph([await pool.open()], { maxPageSize: 1000 });
    all = await seedJobs(graph, { names });
  });
  afterAll(() => graph.stop());

  /** Every page from the front, `size` rows each. */
  async function forwards(size: number, more: SeedJobsQueryVariables = {}) {
    const jobs: SeedJob[] = [];
    for (let after: string | null = null; ;) {
      const page = await seedList(graph, { ...more, names, first: size, after });
      expect(page.totalCount).toBe(all.length);
      expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
      jobs.push(...page.nodes);
      if (!page.pageInfo.hasNextPage) return jobs;
      expect(page.nodes).toHaveLength(size);
      after = page.pageInfo.endCursor;
    }
  }

  /** Every page from the back. */
  async function backwards(size: number, more: SeedJobsQueryVariables = {}) {
    const jobs: SeedJob[] = [];
    for (let before: string | null = null; ;) {
      const page = await seedList(graph, { ...more, names, last: size, before });
      expect(page.pageInfo.hasNextPage).toBe(before !== null);
      jobs.unshift(...page.nodes);
      if (!page.pageInfo.hasPreviousPage) return jobs;
      expect(page.nodes).toHaveLength(size);
      before = page.pageInfo.startCursor;
    }
  }

  describe('in id order', () => {
    it('jobs come by cluster and number, not by the text of their ids', () => {
      const keys = all.map(({ clusterId, procId }) => clusterId * 1e6 + procId);
      expect(keys).toEqual([...keys].sort((a, b) => a - b));
    });

    it('pages from the front and from the back meet every job once', async () => {
      expect(idsOf(await forwards(4))).toEqual(idsOf(all));
      expect(idsOf(await backwards(5))).toEqual(idsOf(all));
    });

    it('downwards is the same list from its end', async () => {
      const orderBy: JobOrder[] = [{ field: 'ID', direction: 'DESC' }];
      expect(idsOf(await forwards(6, { orderBy }))).toEqual(idsOf(all).toReversed());
    });

    it('a page between two cursors has neither of their rows', async () => {
      const { edges } = await seedList(graph, { first: 1000 });
      const page = await seedList(graph, {
        first: 100,
        after: edges[2]?.cursor ?? null,
        before: edges[7]?.cursor ?? null,
      });
      expect(idsOf(page.nodes)).toEqual(idsOf(all).slice(3, 7));
      expect(page.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
    });

    it('the queue and the history page as one list', async () => {
      const everything = await seedJobs(graph, { source: 'ALL' });
      const first = await seedList(graph, { source: 'ALL', first: everything.length - 2 });
      const { endCursor: after } = first.pageInfo;
      const second = await seedList(graph, { source: 'ALL', first: 10, after });
      expect(idsOf([...first.nodes, ...second.nodes])).toEqual(idsOf(everything));
      expect(second.pageInfo.hasNextPage).toBe(false);
    });
  });

  describe('in another order', () => {
    const code = (job: SeedJob): number => Number(valueOf(job, 'HoldReasonCode') ?? Infinity);

    it('by an attribute, upwards: ids break ties, jobs without it come last', async () => {
      const orderBy: JobOrder[] = [{ attribute: 'HoldReasonCode' }];
      const jobs = await forwards(3, { orderBy });
      expect(idsOf(jobs)).toEqual(idsOf(all.toSorted((a, b) => code(a) - code(b) || 0)));
      expect(idsOf(await backwards(4, { orderBy }))).toEqual(idsOf(jobs));
    });

    it('by an attribute, downwards: jobs without it come first', async () => {
      const orderBy: JobOrder[] = [{ attribute: 'MyInt', direction: 'DESC' }];
      const jobs = await forwards(7, { orderBy });
      expect(valueOf(jobs.at(-1) ?? jobs[0]!, 'MyInt')).toBe(42);
      expect(idsOf(jobs).toSorted()).toEqual(idsOf(all).toSorted());
    });

    it('by two fields: the second orders what the first leaves alike', async () => {
      const orderBy: JobOrder[] = [
        { field: 'OWNER', direction: 'DESC' },
        { field: 'PRIORITY', direction: 'ASC' },
      ];
      const key = ({ owner, priority }: SeedJob) => [owner ?? '', priority ?? 0] as const;
      const jobs = await forwards(4, { orderBy });
      const expected = all.toSorted((a, b) => {
        const [[ownerA, priorityA], [ownerB, priorityB]] = [key(a), key(b)];
        if (ownerA !== ownerB) return ownerA < ownerB ? 1 : -1;
        return priorityA - priorityB;
      });
      expect(idsOf(jobs)).toEqual(idsOf(expected));
    });
  });

  it('a cursor of another order is refused, since it would skip jobs', async () => {
    const { pageInfo } = await seedList(graph, { first: 3 });
    const asked = seedList(graph, {
      first: 3,
      after: pageInfo.endCursor,
      orderBy: [{ field: 'OWNER' }],
    });
    await expect(asked).rejects.toThrow(/CURSOR_INVALID/);
  });
});
