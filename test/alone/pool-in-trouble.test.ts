/**
 * Streams of a real pool of two schedds while a schedd restarts and the event log is rotated and truncated. It
 * disturbs whoever uses the pool, so it runs alone (scripts/test-all).
 */
import { rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { JobCompletedDocument, type JobCompletedSubscription } from '../generated/graphql.js';
import {
  admin,
  type Answer,
  type Frames,
  type Graph,
  openGraph,
  poolGrid,
} from '../graph/open-graph.js';
import { describeReal } from '../real/index.js';
import { otherSchedd } from '../real/pool.js';

/** Without the jobs themselves: a schedd that is away can't show them, which is no fault of the stream. */
const eventsDocument = `subscription ($filter: JobFilter) {
  jobEvents(filter: $filter) { kind events { type schedd jobId } }
}`;
interface Events {
  readonly jobEvents: {
    readonly kind: string;
    readonly events: readonly {
      readonly type: string;
      readonly schedd: string;
      readonly jobId: string;
    }[];
  };
}

const patience = { timeout: 100_000, interval: 250 };

describeReal('second pool', 'streams of a pool in trouble', (pool) => {
  const schedds = [pool.scheddName, otherSchedd];
  const smallLog = join(pool.dir, 'etc/condor/config.d/95-small-event-log');
  let graph: Graph;
  /** Every end and event of this run's jobs, as the streams told them: `schedd cluster.proc`. */
  const ended: string[] = [];
  const told: string[] = [];
  const kinds = new Set<string>();
  const reading: Promise<unknown>[] = [];
  const open: Frames<unknown>[] = [];
  const batch = `trouble-${process.pid}-${Date.now()}`;
  const filter = { batchName: { eq: batch } };

  beforeAll(async () => {
    graph = await openGraph([
      poolGrid(pool, { schedds, eventLog: { path: pool.eventLog, schedds }, reconcileMs: 1_000 }),
    ]);
    const ends = await graph.frames(JobCompletedDocument, { filter }, admin);
    const events = await graph.follow<Events, object>(eventsDocument, { filter }, admin);
    if ('codes' in events) throw new Error(JSON.stringify(events.errors));
    open.push(ends, events);
    reading.push(readEnds(ends), readEvents(events));
    await vi.waitFor(
      () => expect(kinds).toEqual(new Set(['ends SYNCED', 'events SYNCED'])),
      patience,
    );
  });
  afterAll(async () => {
    await Promise.all(open.map((frames) => frames.leave()));
    await Promise.all(reading);
    await graph.stop();
    for (const schedd of schedds) await remove(schedd, `JobBatchName == "${batch}"`);
    await rm(smallLog, { force: true });
    await pool.run(['condor_reconfig', '-all']);
  });

  async function readEnds(frames: Frames<JobCompletedSubscription>) {
    for await (const { jobCompleted } of frames) {
      kinds.add(`ends ${jobCompleted.kind}`);
      for (const { nativeId, ...item } of jobCompleted.items) {
        const schedd = 'schedd' in item ? String(item.schedd) : '';
        ended.push(`${schedd} ${nativeId}`);
      }
    }
  }
  async function readEvents(frames: Frames<Answer<Events>>) {
    for await (const { data, errors } of frames) {
      if (!data) throw new Error(JSON.stringify(errors));
      kinds.add(`events ${data.jobEvents.kind}`);
      for (const { type, schedd, jobId } of data.jobEvents.events) {
        told.push(`${type} ${schedd} ${jobId}`);
      }
    }
  }

  const startTimes = async () => {
    const query = ['condor_status', '-schedd', '-af', 'Name', 'DaemonStartTime'];
    return (await pool.run(query)).stdout.split('\n').filter(Boolean).toSorted();
  };
  /** Restarts the schedd that the tool picks; resolves when it is another process, and all of them answer. */
  async function restart(): Promise<void> {
    const before = await startTimes();
    await pool.run(['condor_restart', '-fast', '-name', pool.scheddName, '-schedd']);
    await vi.waitFor(async () => {
      const now = await startTimes();
      expect(now).toHaveLength(schedds.length);
      expect(now).not.toEqual(before);
      for (const each of schedds) {
        const { code } = await pool.run(['condor_q', '-name', each, '-limit', '1']);
        expect(code).toBe(0);
      }
    }, patience);
  }
  async function remove(schedd: string, constraint: string) {
    await pool.run(['condor_rm', '-name', schedd, '-constraint', constraint]);
  }
  async function submit(schedd: string, count: number, ...lines: readonly string[]) {
    const description = [
      'executable = /bin/sleep',
      'transfer_executable = false',
      'arguments = 600',
      `batch_name = ${batch}`,
      ...lines,
      `queue ${count}`,
    ];
    const submitted = await pool.asUser(
      'alice',
      ['condor_submit', '-terse', '-name', schedd, '-'],
      description.join('\n'),
    );
    const cluster = Number(/^(\d+)\./.exec(submitted.stdout)?.[1]);
    if (!(cluster > 0)) throw new Error(submitted.stderr);
    const ids = Array.from({ length: count }, (_, proc) => `${schedd} ${cluster}.${proc}`);
    return { cluster, ids };
  }
  const idle = (schedd: string, count: number) => submit(schedd, count, 'requirements = false');
  const toEnd = async (ids: readonly string[]) => {
    await vi.waitFor(
      () => expect(ended.filter((id) => ids.includes(id)).toSorted()).toEqual(ids.toSorted()),
      patience,
    );
    await vi.waitFor(
      () =>
        expect(told).toEqual(
          expect.arrayContaining(
            ids.map((id) => expect.stringMatching(`^REMOVED ${escaped(id)}$`) as string),
          ),
        ),
      patience,
    );
  };
  const modified = async (path: string) => (await stat(path).catch(() => ({ mtimeMs: 0 }))).mtimeMs;
  const escaped = (text: string) => text.replaceAll('.', '\\.');

  it('jobs of two schedds in one log are told apart', async () => {
    const submitted = await Promise.all(schedds.map((schedd) => idle(schedd, 3)));
    for (const { cluster } of submitted) {
      for (const schedd of schedds)
        await remove(schedd, `ClusterId == ${cluster} && JobBatchName == "${batch}"`);
    }
    await toEnd(submitted.flatMap(({ ids }) => ids));
  }, 300_000);

  it('nothing is lost while a schedd restarts', async () => {
    const submitted = await Promise.all(
      schedds.map(async (schedd) => {
        const [waiting, running] = [await idle(schedd, 6), await submit(schedd, 1)];
        return { schedd, waiting, running };
      }),
    );
    await vi.waitFor(() => {
      for (const { running } of submitted) expect(told).toContain(`STARTED ${running.ids[0]}`);
    }, patience);
    const removeProcs = async (constraint: string) => {
      for (const { schedd, waiting } of submitted)
        await remove(schedd, `ClusterId == ${waiting.cluster} && ${constraint}`);
    };
    await removeProcs('ProcId < 2');
    await restart();
    await removeProcs('ProcId >= 2');
    await toEnd(submitted.flatMap(({ waiting }) => waiting.ids));
    for (const { schedd, running } of submitted)
      await remove(schedd, `ClusterId == ${running.cluster}`);
    await toEnd(submitted.flatMap(({ running }) => running.ids));
  }, 300_000);

  it('nothing is lost while the log is rotated, again and again', async () => {
    await writeFile(smallLog, 'EVENT_LOG_MAX_SIZE = 20000\n');
    await pool.run(['condor_reconfig', '-all']);
    const rotated = `${pool.eventLog}.1`;
    const before = await modified(rotated);
    for (let round = 0; round < 4; round += 1) {
      for (const schedd of schedds) {
        const { cluster, ids } = await idle(schedd, 12);
        await remove(schedd, `ClusterId == ${cluster}`);
        // The log keeps three files: a reader that falls further behind, on a slow machine, has lost one.
        await toEnd(ids);
      }
    }
    expect(await modified(rotated)).toBeGreaterThan(before);
    expect(kinds).not.toContain('events GAP');
    await rm(smallLog);
    await pool.run(['condor_reconfig', '-all']);
  }, 300_000);

  it('no end is lost when the log is truncated, and that events may be is told', async () => {
    const before = await idle(pool.scheddName, 4);
    await remove(pool.scheddName, `ClusterId == ${before.cluster}`);
    await truncate(pool.eventLog);
    const after = await idle(pool.scheddName, 4);
    await remove(pool.scheddName, `ClusterId == ${after.cluster}`);
    await vi.waitFor(
      () => expect(ended).toEqual(expect.arrayContaining([...before.ids, ...after.ids])),
      patience,
    );
    await vi.waitFor(() => expect(kinds).toContain('events GAP'), patience);
  }, 300_000);

  it('the stream of ends never broke, and no end was told twice', () => {
    expect(kinds).not.toContain('ends GAP');
    expect(ended.length).toBe(new Set(ended).size);
  });
});
