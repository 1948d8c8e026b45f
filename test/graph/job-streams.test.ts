/** Streams of a real pool through the graph: who sees what, from where, and to the end. */
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import {
  JobCompletedDocument,
  type JobCompletedSubscription,
  type JobCompletedSubscriptionVariables,
  JobCursorDocument,
  JobEventsDocument,
  type JobEventsSubscription,
  type JobEventsSubscriptionVariables,
} from '../generated/graphql.js';
import { decodeCursor, encodeCursor } from '../../src/streams/index.js';
import { describeReal } from '../real/index.js';
import { admin, caller, type Frames, type Graph, openGraph, poolGrid } from './open-graph.js';

const alice = caller('alice', 'reader');
const bob = caller('bob', 'reader');
/** Negotiation takes some seconds, more on a busy machine. */
const minute = 120_000;

type EndFrame = JobCompletedSubscription['jobCompleted'];
type EventFrame = JobEventsSubscription['jobEvents'];

describeReal('pool', 'streams of jobs', (pool) => {
  let graph: Graph;
  const clusters: number[] = [];
  const open: Frames<unknown>[] = [];
  beforeAll(async () => {
    graph = await openGraph([poolGrid(pool, { eventLog: { path: pool.eventLog } })]);
  });
  afterEach(() => Promise.all(open.splice(0).map((frames) => frames.leave())));
  afterAll(async () => {
    await graph.stop();
    if (clusters.length > 0) await pool.remove(`member(ClusterId, {${clusters.join(',')}})`);
  });

  async function submit(...lines: readonly string[]): Promise<number> {
    const cluster = await pool.submit('alice', lines.join('\n'));
    clusters.push(cluster);
    return cluster;
  }
  const idle = (queue = 'queue 1', ...lines: readonly string[]) =>
    submit('executable = /bin/true', 'requirements = false', ...lines, queue);
  const removeOne = (cluster: number, proc: number) =>
    pool.asUser('alice', ['condor_rm', `${cluster}.${proc}`]);

  async function ends(variables: JobCompletedSubscriptionVariables, who = alice) {
    const frames = await graph.frames(JobCompletedDocument, variables, who);
    open.push(frames);
    return frames;
  }
  async function events(variables: JobEventsSubscriptionVariables, who = alice) {
    const frames = await graph.frames(JobEventsDocument, variables, who);
    open.push(frames);
    return frames;
  }
  /** Frames up to the first that is as wanted. */
  async function until<Data, Frame>(
    stream: Frames<Data>,
    pick: (data: Data) => Frame,
    wanted: (frame: Frame, all: readonly Frame[]) => boolean,
  ): Promise<readonly Frame[]> {
    const frames: Frame[] = [];
    for (;;) {
      const { value, done } = await stream.next();
      if (done === true || value === undefined) throw new Error('The stream ended early.');
      frames.push(pick(value));
      if (wanted(pick(value), frames)) return frames;
    }
  }
  type Ends = Awaited<ReturnType<typeof ends>>;
  type Events = Awaited<ReturnType<typeof events>>;
  const endsUntil = (
    stream: Ends,
    wanted: (frame: EndFrame, all: readonly EndFrame[]) => boolean,
  ) => until(stream, ({ jobCompleted }) => jobCompleted, wanted);
  const eventsUntil = (
    stream: Events,
    wanted: (frame: EventFrame, all: readonly EventFrame[]) => boolean,
  ) => until(stream, ({ jobEvents }) => jobEvents, wanted);
  const idsOf = (frames: readonly EndFrame[]) =>
    frames.flatMap(({ items }) => items.map(({ nativeId }) => nativeId));
  const toSynced = (stream: Ends) => endsUntil(stream, ({ kind }) => kind === 'SYNCED');
  const toEnd = (stream: Ends) => endsUntil(stream, ({ kind }) => kind === 'END');
  const typesOf = (frames: readonly EventFrame[]) =>
    frames.flatMap((frame) => frame.events.map(({ type }) => type));

  const jobsOf = (frames: readonly EventFrame[], wanted: EventFrame['events'][number]['type']) =>
    frames.flatMap((frame) =>
      frame.events.filter(({ type }) => type === wanted).map(({ jobId }) => jobId),
    );

  it(
    'jobs that run are told from submission to end, and the stream of their cluster ends',
    async () => {
      const all = await events({ types: ['SUBMITTED', 'STARTED', 'TERMINATED'] });
      await eventsUntil(all, ({ kind }) => kind === 'SYNCED');
      const cluster = await submit(
        'executable = /bin/sh',
        'transfer_executable = false',
        'batch_name = stream',
        `arguments = "-c 'exit $(Process)'"`,
        'queue 2',
      );
      const done = await ends({ filter: { cluster: { eq: cluster } } });
      const [told, ended] = await Promise.all([
        eventsUntil(
          all,
          (_, seen) =>
            jobsOf(seen, 'TERMINATED').filter((id) => id.startsWith(`${cluster}.`)).length === 2,
        ),
        toEnd(done),
      ]);
      const mine = told.flatMap((frame) =>
        frame.events.filter(({ jobId }) => jobId === `${cluster}.1`),
      );
      expect(mine.map(({ type, state }) => [type, state])).toEqual([
        ['SUBMITTED', 'QUEUED'],
        ['STARTED', 'RUNNING'],
        ['TERMINATED', 'FAILED'],
      ]);
      expect(mine[0]).toMatchObject({
        schedd: pool.scheddName,
        job: { nativeId: `${cluster}.1`, owner: 'alice', batchName: 'stream' },
      });
      expect(mine[2]?.detail).toMatchObject({ ReturnValue: 1 });
      const items = ended.flatMap((frame) => frame.items);
      expect(items.toSorted((a, b) => a.nativeId.localeCompare(b.nativeId))).toMatchObject([
        { nativeId: `${cluster}.0`, state: 'SUCCEEDED', owner: 'alice', failure: null },
        { nativeId: `${cluster}.1`, state: 'FAILED', failure: { kind: 'EXIT_CODE', exitCode: 1 } },
      ]);
      expect(ended.at(-1)).toMatchObject({ kind: 'END', end: { reason: 'COMPLETE' } });
    },
    minute,
  );

  it(
    'a stream goes on behind a query without a gap, and from its cursor after a break',
    async () => {
      const cluster = await idle('queue 3');
      const filter = { cluster: { eq: cluster } };
      const { jobs } = await graph.ask(JobCursorDocument, { filter }, alice);
      await removeOne(cluster, 0);
      await vi.waitFor(
        async () =>
          expect((await pool.run(['condor_q', `${cluster}.0`, '-af', 'ProcId'])).stdout).toBe(''),
        { timeout: 20_000 },
      );
      const first = await ends({ filter, start: { after: jobs?.streamCursor ?? '' } });
      const frames = await endsUntil(first, (_, all) => idsOf(all).length > 0);
      expect(idsOf(frames)).toEqual([`${cluster}.0`]);
      await first.leave();
      await removeOne(cluster, 1);
      const second = await ends({ filter, start: { after: frames.at(-1)?.cursor ?? '' } });
      expect(idsOf(await endsUntil(second, (_, all) => idsOf(all).length > 0))).toEqual([
        `${cluster}.1`,
      ]);
      await removeOne(cluster, 2);
      const rest = await toEnd(second);
      expect(idsOf(rest)).toEqual([`${cluster}.2`]);
    },
    minute,
  );

  it(
    'a snapshot has what the history knows, then comes what ends: nothing twice',
    async () => {
      const cluster = await idle('queue 2');
      const filter = { cluster: { eq: cluster } };
      await removeOne(cluster, 0);
      const ended = await ends({ filter });
      await vi.waitFor(async () => {
        const snapshot = await ends({ filter, start: { snapshot: true } });
        const frames = await toSynced(snapshot);
        await snapshot.leave();
        expect(idsOf(frames)).toEqual([`${cluster}.0`]);
        expect(frames.map(({ kind }) => kind)).toEqual(['SNAPSHOT', 'SYNCED']);
      });
      const stream = await ends({ filter, start: { snapshot: true } });
      await toSynced(stream);
      await removeOne(cluster, 1);
      expect(idsOf(await toEnd(stream))).toEqual([`${cluster}.1`]);
      await ended.leave();

      // Nothing is left to end: a snapshot is all.
      const late = await toEnd(await ends({ filter, start: { snapshot: true } }));
      expect(idsOf(late)).toEqual([`${cluster}.0`, `${cluster}.1`]);
      // A cursor of another life of the server: the gap is said, and filled.
      const positions = decodeCursor(late.at(-1)?.cursor ?? '');
      const foreign = encodeCursor(positions.map((one) => ({ ...one, epoch: 'another' })));
      const again = await toEnd(await ends({ filter, start: { after: foreign } }));
      expect(again[0]).toMatchObject({ kind: 'GAP', gap: { reason: 'CURSOR_EXPIRED' } });
      expect(idsOf(again)).toEqual([`${cluster}.0`, `${cluster}.1`]);
    },
    minute,
  );

  it(
    'nobody but an admin sees the jobs of others, live or in a snapshot',
    async () => {
      const [mine, foreign, all, foreignEvents, allEvents] = await Promise.all([
        ends({}),
        ends({}, bob),
        ends({}, admin),
        events({}, bob),
        events({}, admin),
      ]);
      const cluster = await idle();
      await removeOne(cluster, 0);
      const has = (_: EndFrame, seen: readonly EndFrame[]) => idsOf(seen).includes(`${cluster}.0`);
      await Promise.all([endsUntil(mine, has), endsUntil(all, has)]);
      await eventsUntil(allEvents, (_, seen) => jobsOf(seen, 'REMOVED').includes(`${cluster}.0`));
      // What bob sees after a job of his own is all that he will see of what came before it.
      const own = await pool.submit('bob', 'executable = /bin/true\nrequirements = false\nqueue 1');
      clusters.push(own);
      await pool.asUser('bob', ['condor_rm', String(own)]);
      const seen = await endsUntil(foreign, (_, before) => idsOf(before).includes(`${own}.0`));
      expect(idsOf(seen)).not.toContain(`${cluster}.0`);
      const told = await eventsUntil(foreignEvents, (_, before) =>
        jobsOf(before, 'REMOVED').includes(`${own}.0`),
      );
      for (const { jobId } of told.flatMap((frame) => frame.events)) {
        expect(jobId).not.toBe(`${cluster}.0`);
      }
      const start = { snapshot: true };
      const past = await toEnd(await ends({ filter: { cluster: { eq: cluster } }, start }, bob));
      expect(idsOf(past)).toEqual([]);
    },
    minute,
  );

  it(
    'an event that names no owner is told to the owner of the job, once that tells, and to no other user',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'event-log-'));
      const path = join(folder, 'EventLog');
      await writeFile(path, '');
      const own = await openGraph([poolGrid(pool, { eventLog: { path } })]);
      onTestFinished(async () => {
        await own.stop();
        await rm(folder, { recursive: true });
      });
      const cluster = await idle('queue 2');
      const other = await pool.submit(
        'bob',
        'executable = /bin/true\nrequirements = false\nqueue 2',
      );
      clusters.push(other);
      const gone = 99_999_999;
      const held = (id: number, proc: number) =>
        `012 (${id}.00${proc}.000) 2026-11-22 10:00:0${proc} Job was held.\n\tBy hand\n...\n`;
      const told = await Promise.all(
        [alice, bob, admin].map(async (who) => {
          const stream = await own.frames(JobEventsDocument, {}, who);
          open.push(stream);
          await eventsUntil(stream, ({ kind }) => kind === 'SYNCED');
          return stream;
        }),
      );
      await appendFile(
        path,
        held(cluster, 0) + held(gone, 0) + held(other, 0) + held(cluster, 1) + held(other, 1),
      );
      const [mine, theirs, all] = await Promise.all(
        told.map(async (stream, i) => {
          const last = i === 0 ? `${cluster}.1` : `${other}.1`;
          const frames = await eventsUntil(stream, (_, seen) =>
            jobsOf(seen, 'HELD').includes(last),
          );
          return jobsOf(frames, 'HELD');
        }),
      );
      expect(mine).toEqual([`${cluster}.0`, `${cluster}.1`]);
      expect(theirs).toEqual([`${other}.0`, `${other}.1`]);
      expect(all).toEqual([
        `${cluster}.0`,
        `${gone}.0`,
        `${other}.0`,
        `${cluster}.1`,
        `${other}.1`,
      ]);
    },
    minute,
  );

  it(
    'a filter is about the job: what the event does not carry is read from it',
    async () => {
      const marked = `Mark${Date.now()}`;
      const attribute = (value: number) => ({
        attributes: [{ name: marked, number: { eq: value } }],
      });
      const [wanted, held] = await Promise.all([
        events({ filter: attribute(1) }),
        events({ filter: { state: { eq: 'HELD' }, owner: { eq: 'alice' } } }),
      ]);
      const ended = await ends({ filter: attribute(1) });
      // A real that is a whole number stays a real, as it does for lists.
      const constraint = `${marked} * 2 == 2 && isReal(${marked}Real) && ${marked}Real / 2 == 0.5`;
      const expressed = await ends({ filter: { constraint } });
      const raw = await events({ filter: { constraint }, types: ['HELD'] });
      const other = await idle('queue 1', `+${marked} = 2`);
      const cluster = await idle('queue 1', `+${marked} = 1`, `+${marked}Real = 1.0`);
      await pool.asUser('alice', ['condor_hold', `${other}.0`, `${cluster}.0`]);
      const holds = await eventsUntil(held, (_, seen) =>
        [other, cluster].every((one) => jobsOf(seen, 'HELD').includes(`${one}.0`)),
      );
      // Other tests may submit jobs on hold meanwhile: those of this one were idle before.
      const own = holds
        .flatMap((frame) => frame.events)
        .filter(({ jobId }) => [other, cluster].some((one) => jobId === `${one}.0`));
      expect(new Set(own.map(({ type }) => type))).toEqual(new Set(['HELD']));
      expect(jobsOf(await eventsUntil(raw, (_, seen) => typesOf(seen).length > 0), 'HELD')).toEqual(
        [`${cluster}.0`],
      );
      await Promise.all([removeOne(other, 0), removeOne(cluster, 0)]);
      const told = await eventsUntil(wanted, (_, seen) => typesOf(seen).includes('REMOVED'));
      expect(typesOf(told)).toEqual(['SUBMITTED', 'HELD', 'REMOVED']);
      expect(new Set(told.flatMap((frame) => frame.events.map(({ jobId }) => jobId)))).toEqual(
        new Set([`${cluster}.0`]),
      );
      for (const stream of [ended, expressed]) {
        const frames = await endsUntil(stream, (_, seen) => idsOf(seen).length > 0);
        expect(idsOf(frames)).toEqual([`${cluster}.0`]);
      }
    },
    minute,
  );

  it('what is not there to be followed or asked is refused, not left silent', async () => {
    const codes = async (variables: JobCompletedSubscriptionVariables) => {
      const answer = await graph.follow(JobCompletedDocument, variables, alice);
      if (!('codes' in answer)) throw new Error('It was accepted.');
      return answer.codes;
    };
    expect(await codes({ filter: { grid: { eq: 'nosuch' } } })).toEqual(['UNKNOWN_GRID']);
    expect(
      await codes({ filter: { attributes: [{ name: 'ClaimId', string: { eq: 'x' } }] } }),
    ).toEqual(['FORBIDDEN']);
    expect(await codes({ start: { after: 'nonsense' } })).toEqual(['CURSOR_INVALID']);
    expect(await codes({ delivery: { maxBatch: 0 } })).toEqual(['BAD_USER_INPUT']);
  });

  it('a stream that nobody reads any more is let go at once, whatever it waits for', async () => {
    const stream = await ends({});
    await toSynced(stream);
    const pull = stream.next().catch(() => undefined);
    await stream.leave();
    await pull;
  });

  it('the end of the server is said', async () => {
    const own = await openGraph([poolGrid(pool, { eventLog: { path: pool.eventLog } })]);
    const stream = await own.frames(JobCompletedDocument, {}, alice);
    await stream.next();
    own.service.close();
    const { value } = await stream.next();
    expect(value?.jobCompleted).toMatchObject({ kind: 'END', end: { reason: 'SHUTDOWN' } });
    await own.stop();
  });
});
