/** Each typed filter of jobs gives, from the schedd, what the same condition gives when it is applied here. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobFilter } from '../generated/graphql.js';
import { describePools } from '../condor/pools.js';
import { type Graph, openGraph } from './open-graph.js';
import { idsOf, nameOf, type SeedJob, seedJobs, seedList, valueOf } from './seed.js';

const names = ['RequestCpus', 'MyBool', 'MyInt', 'MyBigInt', 'MyString', 'MyUnicode', 'Rank'];

type Case = readonly [words: string, filter: JobFilter, passes: (job: SeedJob) => boolean];

const number = (job: SeedJob, name: string): number => {
  const value = valueOf(job, name);
  return typeof value === 'number' ? value : NaN;
};
const attribute = (
  name: string,
  match: Omit<NonNullable<JobFilter['attributes']>[number], 'name'>,
) => ({ attributes: [{ name, ...match }] }) satisfies JobFilter;

const noon = '2020-01-01T12:00:00Z';

const cases: readonly Case[] = [
  ['a state', { state: { eq: 'HELD' } }, ({ state }) => state === 'HELD'],
  [
    'one of some states',
    { state: { in: ['RUNNING', 'QUEUED'] } },
    ({ state }) => /RUNNING|QUEUED/.test(state),
  ],
  [
    'none of some states',
    { state: { notIn: ['HELD', 'QUEUED'] } },
    ({ state }) => !/HELD|QUEUED/.test(state),
  ],
  ['ended', { state: { terminal: true } }, ({ terminal }) => terminal],
  ['not ended', { state: { terminal: false } }, ({ terminal }) => !terminal],
  ['an owner', { owner: { eq: 'alice' } }, ({ owner }) => owner === 'alice'],
  ['not an owner', { owner: { ne: 'alice' } }, ({ owner }) => owner !== 'alice'],
  ['an owner in another case', { owner: { eq: 'Alice' } }, () => false],
  [
    'the start of a text',
    { owner: { startsWith: 'al' } },
    ({ owner }) => owner?.startsWith('al') === true,
  ],
  [
    'a batch name',
    { batchName: { eq: 'nightly build' } },
    ({ batchName }) => batchName === 'nightly build',
  ],
  ['no batch name', { batchName: { defined: false } }, ({ batchName }) => batchName === null],
  [
    'part of a batch name',
    { batchName: { contains: 'y b' } },
    ({ batchName }) => batchName?.includes('y b') === true,
  ],
  [
    'another batch name, or none',
    { batchName: { ne: 'nightly build' } },
    ({ batchName }) => batchName !== 'nightly build',
  ],
  [
    'submitted after',
    { submitted: { after: noon } },
    ({ submittedAt }) => Date.parse(submittedAt ?? '') >= Date.parse(noon),
  ],
  ['submitted before', { submitted: { before: noon } }, () => false],
  ['submitted lately', { submitted: { withinLast: '52w' } }, () => true],
  ['ended after', { ended: { after: noon } }, ({ endedAt }) => endedAt !== null],
  [
    'a number at least',
    attribute('RequestCpus', { number: { gte: 2 } }),
    (job) => number(job, 'RequestCpus') >= 2,
  ],
  [
    'not a number',
    attribute('RequestCpus', { number: { ne: 1 } }),
    (job) => number(job, 'RequestCpus') !== 1,
  ],
  [
    'one of some numbers',
    attribute('MyInt', { number: { in: [41, 42] } }),
    (job) => number(job, 'MyInt') === 42,
  ],
  [
    'a number between',
    attribute('MyInt', { number: { gt: 41.5, lt: 42.5 } }),
    (job) => number(job, 'MyInt') === 42,
  ],
  ['a boolean', attribute('MyBool', { boolean: true }), (job) => valueOf(job, 'MyBool') === true],
  ['the other boolean', attribute('MyBool', { boolean: false }), () => false],
  [
    'a text of any alphabet',
    attribute('MyUnicode', { string: { contains: '日本' } }),
    (job) => String(valueOf(job, 'MyUnicode')).includes('日本'),
  ],
  [
    'a text as a number',
    attribute('MyString', { number: { defined: true } }),
    (job) => valueOf(job, 'MyString') !== undefined,
  ],
  [
    'an attribute in another case',
    attribute('myint', { number: { eq: 42 } }),
    (job) => number(job, 'MyInt') === 42,
  ],
  [
    'an attribute that is not there',
    attribute('MyInt', { number: { defined: false } }),
    (job) => valueOf(job, 'MyInt') === undefined,
  ],
  [
    'all of some',
    { and: [{ owner: { eq: 'bob' } }, { state: { eq: 'RUNNING' } }] },
    ({ owner, state }) => owner === 'bob' && state === 'RUNNING',
  ],
  [
    'one of some',
    { or: [{ owner: { eq: 'bob' } }, { state: { eq: 'HELD' } }] },
    ({ owner, state }) => owner === 'bob' || state === 'HELD',
  ],
  ['none of an empty choice', { or: [] }, () => false],
  [
    'not both',
    { not: { owner: { eq: 'bob' }, state: { eq: 'RUNNING' } } },
    ({ owner, state }) => !(owner === 'bob' && state === 'RUNNING'),
  ],
  [
    'not a missing value',
    { not: { batchName: { eq: 'nightly build' } } },
    ({ batchName }) => batchName !== 'nightly build',
  ],
  ['nothing in particular', {}, () => true],
];

describePools('filters of jobs', (pool) => {
  let graph: Graph;
  let all: readonly SeedJob[];
  beforeAll(async () => {
    graph = await openGraph([await pool.open()]);
    all = await seedJobs(graph, { names });
  });
  afterAll(() => graph.stop());

  it.each(cases)('%s', async (_words, filter, passes) => {
    const { nodes, totalCount } = await seedList(graph, { filter, first: 1000 });
    expect(idsOf(nodes)).toEqual(idsOf(all.filter(passes)));
    expect(totalCount).toBe(nodes.length);
  });

  it('clusters by number, and jobs or whole clusters by native id', async () => {
    const batch = all.filter((job) => nameOf(job) === 'batch');
    const cluster = batch[0]?.clusterId ?? 0;
    const ask = async (filter: JobFilter) => idsOf(await seedJobs(graph, { filter }));
    expect(await ask({ cluster: { eq: cluster } })).toEqual(idsOf(batch));
    expect(await ask({ cluster: { gt: cluster } })).toEqual(
      idsOf(all.filter(({ clusterId }) => clusterId > cluster)),
    );
    const other = all.find(({ clusterId }) => clusterId !== cluster)?.nativeId ?? '';
    expect(await ask({ nativeIds: [`${cluster}.3`, other] })).toEqual(
      idsOf(all.filter(({ nativeId }) => nativeId === `${cluster}.3` || nativeId === other)),
    );
    expect(await ask({ nativeIds: [String(cluster)] })).toEqual(idsOf(batch));
    expect(await ask({ nativeIds: [] })).toEqual([]);
  });

  it('a schedd by its name, and none by the name of another', async () => {
    const eq = pool.scheddName;
    expect(await seedJobs(graph, { filter: { schedd: { eq } } })).toHaveLength(all.length);
    expect(await seedJobs(graph, { filter: { schedd: { ne: eq } } })).toEqual([]);
    expect(await seedJobs(graph, { filter: { grid: { eq: 'pool' } } })).toHaveLength(all.length);
  });
});
