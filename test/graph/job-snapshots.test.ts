/** Snapshots of ends that are cut: the stream says so, and what of the past it leaves out. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import {
  clusterOver,
  JobEnds,
  logNameOf,
  type FollowedPool,
  type PastLimits,
} from '../../resolvers/job-ends.js';
import { ownWork } from '../../src/access/caller.js';
import { GridError } from '../../src/errors.js';
import { openEmbeddedPool } from '../../src/grids/condor/index.js';
import { always } from '../../src/query/predicate.js';
import { AppendLog } from '../../src/streams/index.js';
import { wordsFor } from '../condor/embedded/pool.js';
import { JobCompletedDocument } from '../generated/graphql.js';
import { admin, type Graph, openGraph } from './open-graph.js';

const jobs = 5;
let pool: FollowedPool;
let clusterId: number;
let graph: Graph;
beforeAll(async () => {
  const opened = openEmbeddedPool({ name: 'pool' });
  const { submit, act } = wordsFor(opened);
  const keys = await submit({ executable: '/bin/true', hold: true }, { count: jobs });
  clusterId = keys[0]?.clusterId ?? 0;
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

it.each([1, 2])('a cluster is over though the schedd was away at question %i', async (away) => {
  let questions = 0;
  const jobs: FollowedPool['jobs'] = (listing, signal) => {
    questions += 1;
    return questions === away
      ? Promise.reject(new GridError('UNAVAILABLE', 'away'))
      : pool.jobs(listing, signal);
  };
  // The time after which it is asked again is over at once.
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort());
  const [schedd = ''] = await pool.schedds(new AbortController().signal);
  const log = new AppendLog<never>(logNameOf(pool.name));
  const end = new AbortController();
  try {
    await clusterOver({ ...pool, jobs }, { schedd, clusterId }, log, always, end.signal);
    expect(questions).toBe(away + 2);
  } finally {
    timeout.mockRestore();
    end.abort();
  }
});
