/** Groups and aggregates of jobs cover the whole filter, and count what the rows would show. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type GroupKeyInput,
  SeedAggregatesDocument,
  SeedGroupsDocument,
  SeedNestedGroupsDocument,
} from '../generated/graphql.js';
import { describePools } from '../condor/pools.js';
import { type Graph, openGraph } from './open-graph.js';
import { idsOf, named, nameOf, ofSeed, type SeedJob, seedJobs, valueOf } from './seed.js';

const names = ['HoldReasonCode', 'RequestGPUs', 'MyInt', 'MyExpr', 'MyBigInt'];
const filter = ofSeed();

describePools('groups of jobs', (pool) => {
  let graph: Graph;
  let all: readonly SeedJob[];
  beforeAll(async () => {
    graph = await openGraph([await pool.open()]);
    all = await seedJobs(graph, { names });
  });
  afterAll(() => graph.stop());

  async function groups(...by: GroupKeyInput[]) {
    const { jobs } = await graph.ask(SeedGroupsDocument, { filter, by });
    if (!jobs) throw new Error('No list came.');
    return jobs.groups;
  }

  /** What the rows would count, by the text of a key. */
  const counted = (keyOf: (job: SeedJob) => unknown): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const job of all) counts[String(keyOf(job))] = (counts[String(keyOf(job))] ?? 0) + 1;
    return counts;
  };
  type Groups = Awaited<ReturnType<typeof groups>>;
  const countsOf = ({ nodes }: Groups): Record<string, number> =>
    Object.fromEntries(
      nodes.map(({ key, count }) => [key.map(({ value }) => String(value)).join('/'), count]),
    );

  describe('by fields', () => {
    it.each([
      ['OWNER', ({ owner }: SeedJob) => owner],
      ['STATE', ({ state }: SeedJob) => state],
      ['CLUSTER', ({ clusterId }: SeedJob) => clusterId],
      ['BATCH', ({ batchName }: SeedJob) => batchName],
      ['HOLD_CODE', ({ failure }: SeedJob) => failure?.holdCode ?? null],
      ['SCHEDD', ({ schedd }: SeedJob) => schedd],
    ] as const)('%s', async (field, keyOf) => {
      expect(countsOf(await groups({ field }))).toEqual(counted(keyOf));
    });

    it('by owner and state, with the names of the parts', async () => {
      const answer = await groups({ field: 'OWNER' }, { field: 'STATE' });
      expect(countsOf(answer)).toEqual(counted(({ owner, state }) => `${owner}/${state}`));
      expect(answer.nodes[0]?.key.map(({ name }) => name)).toEqual(['owner', 'state']);
      expect(answer).toMatchObject({ totalCount: answer.nodes.length, truncated: false });
    });

    it('jobs without a value are a group of their own', async () => {
      const { nodes } = await groups({ field: 'BATCH' });
      const [undefinedGroup, ...others] = nodes.filter(({ key }) => !key[0]?.defined);
      expect(others).toEqual([]);
      expect(undefinedGroup?.count).toBe(all.filter(({ batchName }) => batchName === null).length);
      expect(undefinedGroup?.key[0]?.value).toBeNull();
    });
  });

  describe('by attributes', () => {
    it('an attribute, its undefined group kept', async () => {
      const answer = await groups({ attribute: 'HoldReasonCode' });
      expect(countsOf(answer)).toEqual(counted((job) => valueOf(job, 'HoldReasonCode') ?? null));
    });

    it('an integer beyond 2^53 keeps all its digits', async () => {
      expect(countsOf(await groups({ attribute: 'MyBigInt' }))).toMatchObject({
        '9223372036854775807': 1,
      });
    });

    it.each(['HoldReasonCode', 'RequestGPUs'])('%s in ranges', async (attribute) => {
      const width = 10;
      const ranges = await groups({ attribute, bucket: { width } });
      const inRange = ({ key, count }: (typeof ranges.nodes)[number]) => [key[0]?.defined, count];
      const defined = all.filter((job) => typeof valueOf(job, attribute) === 'number');
      const buckets = new Set(
        defined.map((job) => Math.floor(Number(valueOf(job, attribute)) / width)),
      );
      expect(ranges.nodes.filter(({ key }) => key[0]?.defined)).toHaveLength(buckets.size);
      const others = all.length - defined.length;
      expect(ranges.nodes.map(inRange).filter(([isDefined]) => isDefined === false)).toEqual(
        others === 0 ? [] : [[false, others]],
      );
    });

    it('times in ranges', async () => {
      const days = await groups({ attribute: 'QDate', bucket: { width: 86_400 } });
      const total = days.nodes.reduce((sum, { count }) => sum + count, 0);
      expect(total).toBe(all.length);
    });
  });

  it('countAtLeast leaves small groups out', async () => {
    const by: GroupKeyInput[] = [{ field: 'CLUSTER' }];
    const { jobs } = await graph.ask(SeedGroupsDocument, { filter, by, countAtLeast: 5 });
    expect(jobs?.groups.nodes.map(({ count }) => count)).toEqual([5]);
    expect(jobs?.totalCount).toBe(all.length);
  });

  it('groups nest, show rows and aggregates, and two aliases group one scan in two ways', async () => {
    const { jobs } = await graph.ask(SeedNestedGroupsDocument, { filter });
    const owners = jobs?.byOwner.nodes ?? [];
    expect(owners.map(({ key }) => key[0]?.value)).toEqual(['alice', 'bob']);
    for (const { key, count, groups: inner, nodes, aggregates } of owners) {
      const own = all.filter(({ owner }) => owner === key[0]?.value);
      expect(count).toBe(own.length);
      expect(inner.nodes.reduce((sum, group) => sum + group.count, 0)).toBe(count);
      expect(idsOf(nodes)).toEqual(idsOf(own).toReversed().slice(0, 3));
      expect(Object.fromEntries(aggregates.byState.map((one) => [one.state, one.count]))).toEqual(
        Object.fromEntries(inner.nodes.map((group) => [group.key[0]?.value, group.count])),
      );
    }
    const states = counted(({ state }) => state);
    const byState = jobs?.byState.nodes.map(({ key, count }) => [key[0]?.text, count]) ?? [];
    expect(Object.fromEntries(byState)).toEqual(states);
    const counts = byState.map(([, count]) => Number(count));
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
  });

  it('aggregates count what is a number, and leave out what is not', async () => {
    const attribute = 'HoldReasonCode';
    const { jobs } = await graph.ask(SeedAggregatesDocument, { filter, attribute });
    const numbers = all
      .map((job) => valueOf(job, attribute))
      .filter((one) => typeof one === 'number');
    const sum = numbers.reduce((total, one) => total + one, 0);
    expect(jobs?.aggregates.attribute).toMatchObject({
      count: numbers.length,
      min: Math.min(...numbers),
      max: Math.max(...numbers),
      sum,
      mean: sum / numbers.length,
    });
    const sorted = numbers.toSorted((a, b) => a - b);
    const p50 = sorted[Math.ceil(sorted.length / 2) - 1] ?? NaN;
    expect(Math.abs((jobs?.aggregates.attribute.p50 ?? NaN) - p50)).toBeLessThanOrEqual(p50 / 100);
    const started = all.filter(({ waitMs }) => waitMs !== null);
    expect(jobs?.aggregates.waitMs.count).toBe(started.length);
    const none = await graph.ask(SeedAggregatesDocument, {
      filter: named('idle'),
      attribute: 'MyInt',
    });
    expect(none.jobs?.aggregates.attribute).toMatchObject({ count: 0, min: null, p50: null });
    expect(all.map(nameOf)).toContain('idle');
  });
});
