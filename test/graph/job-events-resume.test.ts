/** Events of a real pool over the life of a server: its cursors hold at the next one, and at others over the same log. */
import { appendFile, copyFile, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { JobEventsDocument, type JobEventsSubscription } from '../generated/graphql.js';
import { describeReal } from '../real/index.js';
import { admin, caller, type Graph, openGraph, poolGrid } from './open-graph.js';

const alice = caller('alice', 'reader');
const bob = caller('bob', 'reader');
const minute = 120_000;
type Frame = JobEventsSubscription['jobEvents'];

describeReal('pool', 'events over restarts', (pool) => {
  const clusters: number[] = [];
  afterAll(() => pool.remove(`member(ClusterId, {${clusters.join(',')}})`));

  async function server(path = pool.eventLog): Promise<Graph> {
    const graph = await openGraph([poolGrid(pool, { eventLog: { path } })]);
    onTestFinished(() => graph.stop());
    return graph;
  }
  async function idle(user: 'alice' | 'bob' = 'alice'): Promise<string> {
    const cluster = await pool.submit(user, 'executable = /bin/true\nrequirements = false\nqueue');
    clusters.push(cluster);
    return `${cluster}.0`;
  }
  /** Frames from a cursor (or now on) up to the first that is as wanted, then the client leaves. */
  async function read(
    graph: Graph,
    after: string | undefined,
    wanted: (frame: Frame, eventsOf: (job: string) => readonly string[]) => boolean,
    who = alice,
  ) {
    const start = after === undefined ? { now: true } : { after };
    const stream = await graph.frames(JobEventsDocument, { start }, who);
    const frames: Frame[] = [];
    const eventsOf = (job: string) =>
      frames
        .flatMap(({ events }) => events)
        .filter(({ jobId, type }) => jobId === job && type !== 'OTHER')
        .map(({ type }) => type);
    for await (const { jobEvents } of stream) {
      frames.push(jobEvents);
      if (wanted(jobEvents, eventsOf)) break;
    }
    await stream.leave();
    const kinds = new Set(frames.map(({ kind }) => kind));
    return { kinds, eventsOf, cursor: frames.at(-1)?.cursor ?? '' };
  }
  const isSynced = ({ kind }: Frame) => kind === 'SYNCED';

  it(
    'a new server goes on from the cursor of the one before: no gap, and nothing is missing',
    async () => {
      const one = await server();
      const { cursor } = await read(one, undefined, isSynced);
      const job = await idle();
      const told = await read(one, cursor, (_, of) => of(job).includes('SUBMITTED'));
      await one.stop();
      await pool.asUser('alice', ['condor_hold', job]);
      await pool.asUser('alice', ['condor_release', job]);

      const two = await server();
      await pool.asUser('alice', ['condor_rm', job]);
      const isOver = (_: Frame, of: (job: string) => readonly string[]) =>
        of(job).includes('REMOVED');
      const more = await read(two, told.cursor, isOver);
      expect(more.kinds).not.toContain('GAP');
      expect(more.eventsOf(job)).toEqual(['HELD', 'RELEASED', 'REMOVED']);
      // Further back, and by a cursor that is not at an event.
      const all = await read(two, cursor, isOver);
      expect(all.kinds).not.toContain('GAP');
      expect(all.eventsOf(job)).toEqual(['SUBMITTED', 'HELD', 'RELEASED', 'REMOVED']);
      // What is read again is shown to the same as what is live.
      const own = await idle('bob');
      const others = await read(two, cursor, (_, of) => of(own).length > 0, bob);
      expect(others.kinds).not.toContain('GAP');
      expect(others.eventsOf(job)).toEqual([]);
    },
    minute,
  );

  it(
    'a cursor of one server is good at another that reads the same log, both ways',
    async () => {
      const [one, two] = await Promise.all([server(), server()]);
      const [here, there] = [
        await read(one, undefined, isSynced),
        await read(two, undefined, isSynced),
      ];
      const job = await idle();
      await pool.asUser('alice', ['condor_rm', job]);
      const isOver = (_: Frame, of: (job: string) => readonly string[]) =>
        of(job).includes('REMOVED');
      for (const [graph, cursor] of [
        [two, here.cursor],
        [one, there.cursor],
      ] as const) {
        const told = await read(graph, cursor, isOver);
        expect(told.kinds).not.toContain('GAP');
        expect(told.eventsOf(job)).toEqual(['SUBMITTED', 'REMOVED']);
        expect((await read(one, told.cursor, isSynced)).eventsOf(job)).toEqual([]);
        expect((await read(two, told.cursor, isSynced)).eventsOf(job)).toEqual([]);
      }
    },
    minute,
  );

  it(
    'who follows is told that the log was truncated, and goes on with what is written then',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'job-events-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const path = join(folder, 'EventLog');
      await copyFile(pool.eventLog, path);
      const stream = await (await server(path)).frames(JobEventsDocument, {}, admin);
      const told: string[] = [];
      for await (const { jobEvents: frame } of stream) {
        if (frame.kind === 'HEARTBEAT') continue;
        told.push(frame.gap?.reason ?? frame.kind);
        if (frame.events.length > 0) {
          expect(frame.events).toMatchObject([{ type: 'TERMINATED', jobId: '99999999.0' }]);
          break;
        }
        if (told.length === 1) await truncate(path);
        if (told.length === 3) {
          await appendFile(
            path,
            `{\n  "EventTypeNumber": 5,\n  "EventTime": "${new Date().toISOString()}",\n` +
              '  "Cluster": 99999999,\n  "Proc": 0\n}\n',
          );
        }
      }
      await stream.leave();
      expect(told).toEqual(['SYNCED', 'SOURCE_LOST', 'SYNCED', 'CHANGES']);
    },
    minute,
  );

  it(
    'where the log is gone that a cursor is of, that is said',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'job-events-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const path = join(folder, 'EventLog');
      await copyFile(pool.eventLog, path);
      const one = await server(path);
      const { cursor } = await read(one, undefined, isSynced, admin);
      expect((await read(await server(path), cursor, isSynced, admin)).kinds).not.toContain('GAP');
      await one.stop();
      await truncate(path);
      expect((await read(await server(path), cursor, isSynced, admin)).kinds).toContain('GAP');
      const polling = await openGraph([poolGrid(pool, { eventLog: false })]);
      onTestFinished(() => polling.stop());
      expect((await read(polling, cursor, isSynced, admin)).kinds).toContain('GAP');
    },
    minute,
  );
});
