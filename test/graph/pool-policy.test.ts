/** What an operator hides of a pool, and how many jobs a list of it may hold, as clients meet it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeReal } from '../real/index.js';
import { admin, caller, type Graph, openGraph, poolGrid } from './open-graph.js';
import { ofSeed, seedJobs, seedList } from './seed.js';

describeReal('pool', 'a pool with a policy', (pool) => {
  describe('that hides attributes', () => {
    let graph: Graph;
    beforeAll(async () => {
      const hideAttributes = ['Cmd', 'owner', 'JobPrio', 'HoldReason', 'Cpus', 'ResidentSetSize'];
      const argv = ['env', '_CONDOR_RESTD_HIDE_JOB_ATTRS=Iwd MyString', ...pool.prefix];
      graph = await openGraph([poolGrid(pool, { hideAttributes, prefix: { kind: 'exec', argv } })]);
    });
    afterAll(() => graph.stop());

    const hidden = ['Cmd', 'OWNER', 'Iwd', 'mystring', 'ClaimId'];
    const document = `query ($filter: JobFilter, $names: [String!]!) {
      jobs(filter: $filter, first: 100) {
        nodes { owner command priority holdReason state failure { message } attributes(names: $names) { name redacted defined value expression }
                classAd some: classAd(names: $names) batchName }
      }
    }`;

    it('shows them nowhere, in whatever way they are asked for', async () => {
      const variables = { filter: ofSeed(), names: hidden };
      const { data, errors } = await graph.answer<{ jobs: { nodes: Shown[] } }, object>(
        document,
        variables,
      );
      expect(errors).toEqual([]);
      const nodes = data?.jobs.nodes ?? [];
      expect(nodes.length).toBeGreaterThan(10);
      for (const node of nodes) {
        const { owner, command, priority, holdReason, failure } = node;
        expect([owner, command, priority, holdReason, failure]).toEqual([
          null,
          null,
          null,
          null,
          null,
        ]);
        expect(node.attributes.map(({ redacted, value }) => [redacted, value])).toEqual(
          hidden.map(() => [true, null]),
        );
        expect(node.some).toEqual({});
        expect(Object.keys(node.classAd).join()).not.toMatch(
          /(^|,)(cmd|owner|iwd|jobprio|mystring)(,|$)/i,
        );
        // An expression that compares with a hidden attribute may hold its value.
        expect(JSON.stringify(node.classAd)).not.toMatch(/\bOwner\b/);
      }
      expect(nodes.some(({ batchName }) => batchName !== null)).toBe(true);
      expect(new Set(nodes.map(({ state }) => state)).size).toBeGreaterThan(2);
    });

    interface Shown {
      readonly owner: unknown;
      readonly command: unknown;
      readonly priority: unknown;
      readonly holdReason: unknown;
      readonly failure: unknown;
      readonly batchName: string | null;
      readonly state: string;
      readonly attributes: readonly { readonly redacted: boolean; readonly value: unknown }[];
      readonly classAd: Readonly<Record<string, unknown>>;
      readonly some: unknown;
    }

    it.each([
      [
        'a filter by attribute',
        'jobs(filter: { attributes: [{ name: "CMD", string: { defined: true } }] }) { totalCount }',
      ],
      ['a filter by field', 'jobs(filter: { not: { owner: { eq: "alice" } } }) { totalCount }'],
      ['an order by attribute', 'jobs(orderBy: [{ attribute: "Iwd" }]) { nodes { id } }'],
      ['an order by field', 'jobs(orderBy: [{ field: PRIORITY }]) { nodes { id } }'],
      ['a group by attribute', 'jobs { groups(by: [{ attribute: "MyString" }]) { totalCount } }'],
      ['a group by field', 'jobs { groups(by: [{ field: OWNER }]) { totalCount } }'],
      [
        'a nested group',
        'jobs { groups(by: [{ field: STATE }]) { nodes { groups(by: [{ field: OWNER }]) { totalCount } } } }',
      ],
      ['an aggregate', 'jobs { aggregates { attribute(name: "JobPrio") { max } } }'],
      [
        'the history',
        'jobs(source: HISTORY, orderBy: [{ field: OWNER }]) { totalCount nodes { id } }',
      ],
      ['a list over all grids', 'work(filter: { owner: { eq: "alice" } }) { totalCount }'],
      ['slots', 'slots(orderBy: [{ attribute: "Cpus" }]) { nodes { id } }'],
      [
        'machines',
        'machines(filter: { attributes: [{ name: "Cpus", number: { gt: 0 } }] }) { totalCount }',
      ],
      ['ads', 'ads { groups(by: [{ attribute: "Owner" }]) { totalCount } }'],
      [
        'a constraint on what is computed from one',
        'jobs(filter: { constraint: "MemoryUsage > 1" }) { totalCount }',
      ],
      [
        'an order by what is computed from what is computed from one',
        'jobs(orderBy: [{ attribute: "RequestMemory" }]) { nodes { id } }',
      ],
    ])('refuses %s', async (_words, selection) => {
      const { codes, errors } = await graph.answer(`{ ${selection} }`, {});
      expect(codes).toEqual(['FORBIDDEN']);
      expect(errors[0]?.message).toContain('hidden on this pool');
    });

    it('still knows whose jobs are whose', async () => {
      const all = await seedJobs(graph);
      for (const name of ['alice', 'bob']) {
        const who = caller(name, 'user');
        const own = await seedJobs(graph, {}, who);
        expect(own.length).toBeGreaterThan(0);
        expect(own.length).toBeLessThan(all.length);
        const document = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
        const { data } = await graph.answer<{ nodes: unknown[] }, object>(
          document,
          { ids: all.map(({ id }) => id) },
          who,
        );
        expect(data?.nodes.filter((node) => node !== null)).toHaveLength(own.length);
      }
    });

    it('lets everything else be asked by', async () => {
      const { codes } = await graph.answer(
        '{ jobs(filter: { batchName: { defined: true } }) { groups(by: [{ field: STATE }, { attribute: "JobUniverse" }]) { totalCount } } }',
        {},
        admin,
      );
      expect(codes).toEqual([]);
    });
  });

  describe('that limits the jobs of a list', () => {
    let graph: Graph;
    let whole: readonly string[];
    beforeAll(async () => {
      const open = await openGraph([poolGrid(pool)]);
      whole = (await seedJobs(open)).map(({ nativeId }) => nativeId);
      await open.stop();
      graph = await openGraph([poolGrid(pool, { maxJobs: 4 })]);
    });
    afterAll(() => graph.stop());

    it('cuts a page in id order and says so; the schedd still counts them all', async () => {
      const list = await seedList(graph, { first: 100 });
      expect(list.nodes.map(({ nativeId }) => nativeId)).toEqual(whole.slice(0, 4));
      expect(list.sources[0]).toMatchObject({ status: 'OK', returned: 4, truncated: true });
      expect(list.totalCount).toBe(whole.length);
      expect(list.pageInfo.hasNextPage).toBe(true);
    });

    it('leaves a page alone that is no longer than the limit', async () => {
      const list = await seedList(graph, { first: 4 });
      expect(list.sources[0]).toMatchObject({ returned: 4, truncated: false });
    });

    it('lets a client page on, so that no job is out of reach', async () => {
      const seen: string[] = [];
      let after: string | undefined;
      for (let page = 0; page < 30; page += 1) {
        const list = await seedList(graph, { first: 100, ...(after !== undefined && { after }) });
        seen.push(...list.nodes.map(({ nativeId }) => nativeId));
        if (!list.pageInfo.hasNextPage) break;
        after = list.pageInfo.endCursor ?? undefined;
      }
      expect(seen).toEqual(whole);
    });

    it('cuts what has to be read to be sorted or summed up, and says so', async () => {
      const list = await seedList(graph, {
        first: 100,
        orderBy: [{ field: 'SUBMITTED_AT', direction: 'DESC' }],
      });
      expect(list.nodes).toHaveLength(4);
      expect(list.totalCount).toBe(4);
      expect(list.sources[0]).toMatchObject({ returned: 4, truncated: true });
      const both = await seedList(graph, { first: 100, source: 'ALL' });
      expect(both.nodes).toHaveLength(4);
      expect(both.sources[0]?.truncated).toBe(true);
    });

    it('counts groups in the schedd without a limit, and finds a cluster however deep', async () => {
      const { data } = await graph.answer<{ jobs: Counted }, object>(
        'query ($filter: JobFilter) { jobs(filter: $filter) { groups(by: [{ field: STATE }]) { nodes { count } } sources { truncated } } }',
        { filter: ofSeed() },
      );
      const counts = data?.jobs.groups.nodes.map(({ count }) => count) ?? [];
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(whole.length);
      expect(data?.jobs.sources[0]?.truncated).toBe(false);
      const ids = (await seedJobs(graph)).map(({ id }) => id);
      const { data: found } = await graph.answer<{ nodes: { batch: unknown }[] }, object>(
        'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Job { batch { id progress { total } } } } }',
        { ids },
      );
      expect(found?.nodes.every(({ batch }) => batch !== null)).toBe(true);
    });

    interface Counted {
      readonly groups: { readonly nodes: readonly { readonly count: number }[] };
      readonly sources: readonly { readonly truncated: boolean }[];
    }
  });
});
