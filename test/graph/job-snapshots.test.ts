/** Snapshots of ends that are cut: the stream says so, and what of the past it leaves out. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  JobEnds,
  logNameOf,
  type FollowedPool,
  type PastLimits,
} from '../../resolvers/job-ends.js';
import { ownWork } from '../../src/access/caller.js';
import { openEmbeddedPool } from '../../src/grids/condor/index.js';
import { always } from '../../src/query/predicate.js';
import { AppendLog } from '../../src/streams/index.js';
import { wordsFor } from '../condor/embedded/pool.js';
import { JobCompletedDocument } from '../generated/graphql.js';
import { admin, type Graph, openGraph } from './open-graph.js';

const jobs = 5;
let pool: FollowedPool;
let graph: Graph;
beforeAll(async () => {
  const opened = openEmbeddedPool({ name: 'pool' });
  const { submit, act } = wordsFor(opened);
  const keys = await submit({ executable: '/bin/true', hold: true }, { count: jobs });
  await act({ kind: 'REMOVE', reason: undefined }, ...keys);
  pool = opened as FollowedPool;
  graph = await openGraph([opened]);
});
afterAll(() => graph.stop());

/** The procs of a snapshot with these limits, and what it says of the rest. */
async function snapshot(past: PastLimits) {
  const ends = new JobEnds(new Map([[pool.name, pool]]), {
    caller: admin,
    scope: ownWork(admin),
    filter: always,
    shown: { fields: new Set(), attributes: new Set() },
    past,
  });
  const batches = ends.past(new AppendLog(logNameOf(pool.name)), new AbortController().signal);
  const procs: number[] = [];
  for (;;) {
    const { done, value } = await batches.next();
    if (done === true) return { procs, partial: value };
    procs.push(...value.map(({ key }) => key.procId));
  }
}

it.each([
  [{ ends: 2 }, 2, 'pool has more ends than the newest 2.'],
  [{ records: 3 }, 3, expect.stringMatching(/^pool has more history than the newest 3 records/)],
  [{ ends: jobs, records: jobs }, jobs, undefined],
] as const)('with %j it has %i ends and says what is missing', async (limits, count, partial) => {
  const found = await snapshot(limits);
  expect(found.procs).toHaveLength(count);
  expect(found.partial).toEqual(partial);
});

it('a whole snapshot says nothing', async () => {
  const stream = await graph.frames(JobCompletedDocument, { start: { snapshot: true } });
  const frames = [];
  for await (const { jobCompleted } of stream) {
    frames.push(jobCompleted);
    if (jobCompleted.kind === 'SYNCED') break;
  }
  expect(frames.flatMap(({ items }) => items)).toHaveLength(jobs);
  expect(frames.map(({ partial }) => partial)).toEqual(frames.map(() => null));
});
