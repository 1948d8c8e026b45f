/** Completions on both grids in one stream, and how the grids are, over the two embedded grids. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { GridError } from '../../src/errors.js';
import { openEmbeddedPool } from '../../src/grids/condor/index.js';
import type { Caller } from '../../src/access/caller.js';
import {
  GridHealthChangedDocument,
  SubmitJobsDocument,
  SubmitTasksDocument,
  WorkCompletedDocument,
  type WorkCompletedSubscription,
  type WorkCompletedSubscriptionVariables,
  WorkCursorDocument,
} from '../generated/graphql.js';
import { admin, caller, embeddedGrid, type Frames, type Graph, openGraph } from './open-graph.js';

const alice = caller('alice', 'user');
const bob = caller('bob', 'user');

type Frame = WorkCompletedSubscription['workCompleted'];

interface WorkWithReports {
  readonly work: {
    readonly streamCursor: string;
    readonly sources: readonly {
      readonly grid: { readonly name: string };
      readonly part: string | null;
      readonly status: string;
      readonly error: { readonly code: string } | null;
    }[];
  };
}

let graph: Graph;
const open: Frames<unknown>[] = [];
beforeAll(async () => {
  graph = await openGraph([await embeddedGrid(), openEmbeddedPool({ name: 'pool' })]);
});
afterEach(() => Promise.all(open.splice(0).map((frames) => frames.leave())));
afterAll(() => graph.stop());

async function follow(variables: WorkCompletedSubscriptionVariables = {}, who: Caller = admin) {
  const frames = await graph.frames(WorkCompletedDocument, variables, who);
  open.push(frames);
  return frames;
}
type Stream = Awaited<ReturnType<typeof follow>>;

/** Frames up to the first after which all is as wanted. */
async function until(stream: Stream, wanted: (all: readonly Frame[]) => boolean) {
  const frames: Frame[] = [];
  while (!wanted(frames)) {
    const { value, done } = await stream.next();
    if (done === true || value === undefined) throw new Error('The stream ended early.');
    frames.push(value.workCompleted);
  }
  return frames;
}
const isSynced = (frames: readonly Frame[]) => frames.at(-1)?.kind === 'SYNCED';
const itemsOf = (frames: readonly Frame[]) => frames.flatMap(({ items }) => items);
const has = (count: number) => (frames: readonly Frame[]) => itemsOf(frames).length >= count;
const namesOf = (frames: readonly Frame[]) =>
  itemsOf(frames)
    .map(({ nativeId }) => nativeId)
    .toSorted();

async function runTask(who: Caller = admin): Promise<string> {
  const { submitTasks } = await graph.ask(
    SubmitTasksDocument,
    { input: { payloads: [{ fibonacci: 1 }] } },
    who,
  );
  return submitTasks.taskIds[0] ?? '';
}
async function runJob(who: Caller = admin): Promise<string> {
  const description = 'executable = /bin/true\nqueue';
  const { submitJobs } = await graph.ask(SubmitJobsDocument, { input: { description } }, who);
  expect(submitJobs.userErrors).toEqual([]);
  return submitJobs.jobIds[0]?.replace(/^.*:/, '') ?? '';
}

it('what ends on any grid is told in one stream, each of its own type', async () => {
  const stream = await follow();
  await until(stream, isSynced);
  const names = [await runTask(), await runJob()];
  const frames = await until(stream, has(2));
  expect(namesOf(frames)).toEqual(names.toSorted());
  expect(
    itemsOf(frames)
      .map(({ __typename, state, grid }) => [__typename, state, grid.name])
      .toSorted(),
  ).toEqual([
    ['Job', 'SUCCEEDED', 'pool'],
    ['Task', 'SUCCEEDED', 'local'],
  ]);
});

it('a filter that excludes a grid leaves its log out, and a cursor of the other arguments is refused', async () => {
  const jobs = { kind: 'HTCONDOR' } as const;
  const { work } = await graph.ask(WorkCursorDocument, { filter: jobs });
  const after = work?.streamCursor ?? '';
  const stream = await follow({ filter: jobs, start: { after } });
  const others = await follow({ filter: { kind: 'HTC_GRID' } });
  await until(others, isSynced);
  await runTask();
  await until(others, has(1));
  const name = await runJob();
  expect(namesOf(await until(stream, has(1)))).toEqual([name]);
  const tasks = { filter: { kind: 'HTC_GRID' }, start: { after } } as const;
  expect(await graph.follow(WorkCompletedDocument, tasks)).toMatchObject({
    codes: ['CURSOR_INVALID'],
  });
});

it('a query and a stream from its cursor have no gap in between', async () => {
  const { work } = await graph.ask(WorkCursorDocument, {});
  const watched = await follow();
  await until(watched, isSynced);
  const names = [await runTask(), await runJob()].toSorted();
  await until(watched, has(2));
  // Both have ended by now: what follows the cursor is what the query could not have.
  const stream = await follow({ start: { after: work?.streamCursor ?? '' } });
  expect(namesOf(await until(stream, has(2)))).toEqual(names);
});

it('a grid whose place is not known is said in the sources, and the cursor is good for the others', async () => {
  const away = await embeddedGrid({ name: 'away' });
  const refused = new GridError('UNAVAILABLE', 'The Redis of the replicas does not answer.');
  const followAll = vi.spyOn(away, 'followAll').mockRejectedValueOnce(refused);
  const both = await openGraph([away, openEmbeddedPool({ name: 'pool' })]);
  try {
    const { data, errors } = await both.answer<WorkWithReports, object>(
      '{ work(first: 1) { streamCursor sources { grid { name } part status error { code } } } }',
      {},
    );
    expect(errors).toEqual([]);
    expect(followAll).toHaveBeenCalledOnce();
    const told = data?.work.sources.map(({ grid, part, status, error }) =>
      [grid.name, part, status, error?.code].join(' '),
    );
    expect(told).toContain('away streamCursor UNAVAILABLE UNAVAILABLE');
    expect(told?.filter((one) => one.includes('streamCursor'))).toHaveLength(1);
    const stream = await both.frames(WorkCompletedDocument, {
      start: { after: data?.work.streamCursor ?? '' },
    });
    open.push(stream);
    const frames = await until(stream, isSynced);
    expect(frames.map(({ kind }) => kind)).toEqual(['GAP', 'SYNCED']);
  } finally {
    await Promise.all(open.splice(0).map((frames) => frames.leave()));
    await both.stop();
  }
});

it('a snapshot has what the grids know, and says what it leaves out', async () => {
  const watched = await follow();
  await until(watched, isSynced);
  const names = [await runTask(), await runJob()];
  await until(watched, has(2));
  const stream = await follow({ start: { snapshot: true } });
  const frames = await until(stream, isSynced);
  expect(namesOf(frames)).toEqual(expect.arrayContaining(names));
  expect(frames.at(-1)?.partial).toMatch(/^local tells of the ends that this server has seen/);
});

it('everybody is told of their own work', async () => {
  const [mine, theirs] = [await follow({}, alice), await follow({}, bob)];
  await Promise.all([until(mine, isSynced), until(theirs, isSynced)]);
  const all = await follow();
  await until(all, isSynced);
  await runJob();
  const ofAlice = await runTask(alice);
  const ofBob = await runTask(bob);
  await until(all, has(3));
  expect(namesOf(await until(mine, has(1)))).toEqual([ofAlice]);
  expect(namesOf(await until(theirs, has(1)))).toEqual([ofBob]);
});

it('a filter that leaves no grid is refused', async () => {
  const filter = { and: [{ kind: 'HTCONDOR' as const }, { kind: 'HTC_GRID' as const }] };
  expect(await graph.follow(WorkCompletedDocument, { filter })).toMatchObject({
    codes: ['CAPABILITY_MISSING'],
  });
  const unknown = { filter: { grid: { eq: 'nowhere' } } };
  expect(await graph.follow(WorkCompletedDocument, unknown)).toMatchObject({
    codes: ['UNKNOWN_GRID'],
  });
});

it('the health of the grids: each as it is, at first', async () => {
  const frames = await graph.frames(GridHealthChangedDocument, {});
  open.push(frames);
  const seen = [await frames.next(), await frames.next()].map(
    ({ value }) => value?.gridHealthChanged,
  );
  expect(seen.map((grid) => [grid?.name, grid?.health.status]).toSorted()).toEqual([
    ['local', 'OK'],
    ['pool', 'OK'],
  ]);
  expect(seen[0]?.health.components.length).toBeGreaterThan(0);
});
