/** The logs of a real pool: ends and events of real jobs, from the event log and without it. */
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished, vi } from 'vitest';
import type { PoolSettings } from '../../src/grids/condor/index.js';
import type { JobLogs } from '../../src/grids/job-logs.js';
import type { JobPool } from '../../src/grids/jobs.js';
import { type CompletionLog, follow } from '../../src/streams/index.js';
import { describeReal } from '../real/index.js';
import { opened, selecting } from './pool.js';

/** Negotiation takes some seconds, more on a busy machine. */
const patience = { timeout: 100_000, interval: 20 };
const minute = 180_000;

describeReal('pool', 'logs of a pool', (pool) => {
  const clusters: number[] = [];
  afterAll(async () => {
    if (clusters.length > 0) {
      await pool.remove(`member(ClusterId, {${clusters.join(',')}})`);
    }
  });

  async function submit(...lines: readonly string[]): Promise<number> {
    const cluster = await pool.submit('alice', lines.join('\n'));
    clusters.push(cluster);
    return cluster;
  }
  const exits = (code: number, ...lines: readonly string[]) =>
    submit(
      'executable = /bin/sh',
      'transfer_executable = false',
      `arguments = "-c 'exit ${code}'"`,
      ...lines,
      'queue 1',
    );
  const idle = () => submit('executable = /bin/true', 'requirements = false', 'queue 1');

  async function logsOf(settings: Partial<PoolSettings>) {
    const { port, commands } = opened(pool, settings);
    const logs = port.logs as JobLogs;
    const left = new AbortController();
    onTestFinished(() => left.abort());
    const ends = await logs.completions(left.signal, selecting(['owner', 'exitCode']));
    const events = await logs.events(left.signal);
    const of = <Entry extends { readonly key: { readonly clusterId: number } }>(
      log: CompletionLog<Entry>,
      cluster: number,
    ) => log.read(log.start, 100_000).filter(({ key }) => key.clusterId === cluster);
    return {
      port,
      logs,
      commands,
      left,
      endsOf: (cluster: number) => of(ends, cluster),
      typesOf: (cluster: number) =>
        of(events, cluster)
          .map(({ type }) => type)
          .filter((type) => type !== 'OTHER'),
    };
  }
  const withLog = { eventLog: { path: pool.eventLog } } as const;
  /** A log of the test's own, so that what it says (or does not) is the test's to choose. */
  async function ownLog(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'job-logs-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'EventLog');
    await writeFile(path, '');
    return path;
  }
  const eventsHealth = async (port: JobPool) =>
    (await port.health(new AbortController().signal)).components.find(
      ({ name }) => name === 'job events',
    );

  it(
    'each end is told once, with how it ended, from the event log and by polling alike',
    async () => {
      const followers = await Promise.all([logsOf(withLog), logsOf({ eventLog: false })]);
      const [good, bad, staying, removed] = await Promise.all([
        exits(0),
        exits(3),
        exits(0, 'leave_in_queue = true'),
        idle(),
      ]);
      await pool.asUser('alice', ['condor_hold', String(removed)]);
      await vi.waitFor(() => {
        for (const { typesOf } of followers) expect(typesOf(removed)).toContain('HELD');
      }, patience);
      await pool.asUser('alice', ['condor_rm', String(removed)]);
      for (const { endsOf, typesOf, logs } of followers) {
        await vi.waitFor(() => {
          for (const cluster of [good, bad, staying, removed]) {
            expect(endsOf(cluster)).toHaveLength(1);
            expect(typesOf(cluster)).toContain(cluster === removed ? 'REMOVED' : 'TERMINATED');
          }
        }, patience);
        const states = [good, bad, staying, removed].map((cluster) => endsOf(cluster)[0]?.state);
        expect(states).toEqual(['SUCCEEDED', 'FAILED', 'SUCCEEDED', 'CANCELLED']);
        expect(endsOf(bad)[0]).toMatchObject({ owner: 'alice', key: { clusterId: bad } });
        const [row] = await logs.rows(endsOf(bad), selecting(['owner', 'exitCode']));
        expect(row).toMatchObject({ owner: 'alice', exitCode: 3 });
      }
      const [log, poll] = followers;
      expect(log.typesOf(good)).toEqual(['SUBMITTED', 'STARTED', 'TERMINATED']);
      expect(log.typesOf(removed)).toEqual(['SUBMITTED', 'HELD', 'REMOVED']);
      // The same end by both ways, so that neither would repeat the other.
      expect(log.endsOf(staying)[0]?.revision).toBe(poll.endsOf(staying)[0]?.revision);
      // Who removes a job that has ended and stayed makes another end of it.
      await pool.remove(`ClusterId == ${staying}`);
      await vi.waitFor(
        () =>
          expect(log.endsOf(staying).map(({ state }) => state)).toEqual(['SUCCEEDED', 'CANCELLED']),
        patience,
      );
      expect(await eventsHealth(log.port)).toMatchObject({ status: 'OK' });
      expect((await eventsHealth(log.port))?.detail).toMatch(/^Event log .*was read after \d+ ms/);
      expect((await eventsHealth(poll.port))?.detail).toMatch(/polls queue and history every/);
    },
    minute,
  );

  it(
    'an end that the log does not tell is found in the history',
    async () => {
      const path = await ownLog();
      const { endsOf } = await logsOf({ eventLog: { path }, reconcileMs: 300 });
      const cluster = await idle();
      await pool.remove(`ClusterId == ${cluster}`);
      await vi.waitFor(() => expect(endsOf(cluster)).toHaveLength(1), patience);
    },
    minute,
  );

  it(
    'a job is not over because the log says so: nowhere it is lost, at work it goes on',
    async () => {
      const path = await ownLog();
      const { endsOf, typesOf, logs } = await logsOf({ eventLog: { path }, lostAfterMs: 500 });
      const alive = await idle();
      const nowhere = 99_999_999;
      const ended = (cluster: number) =>
        `{\n  "EventTypeNumber": 5,\n  "TerminatedNormally": true,\n  "ReturnValue": 0,\n` +
        `  "EventTime": "${new Date().toISOString()}",\n  "Cluster": ${cluster},\n  "Proc": 0\n}\n`;
      await appendFile(path, ended(alive) + ended(nowhere));
      await vi.waitFor(() => expect(endsOf(nowhere)).toHaveLength(1), patience);
      expect(endsOf(nowhere)[0]).toMatchObject({ state: 'UNKNOWN', owner: null });
      await logs.settled(pool.scheddName, AbortSignal.timeout(60_000));
      expect(typesOf(alive)).toEqual(['TERMINATED']);
      expect(endsOf(alive)).toEqual([]);
    },
    minute,
  );

  it(
    'without the log the pool is polled, with it again followed; no end is lost in between, and that events may be is told',
    async () => {
      const path = await ownLog();
      const { port, logs, left, endsOf } = await logsOf({ eventLog: { path } });
      const told: [cluster: number | undefined, type: string][] = [];
      const reopen = () => logs.events(left.signal);
      const frames = follow([await reopen()], { signal: left.signal, reopen });
      const following = (async () => {
        for await (const { gap, entries } of frames) {
          if (gap !== null) told.push([undefined, gap.reason]);
          told.push(...entries.map(({ key, type }) => [key.clusterId, type] as (typeof told)[0]));
        }
      })();
      onTestFinished(() => {
        left.abort();
        return following;
      });
      const typesOf = (cluster?: number) =>
        told.filter(([of]) => of === cluster).map(([, type]) => type);
      expect(await eventsHealth(port)).toMatchObject({ status: 'OK' });
      await rm(path);
      await vi.waitFor(async () => {
        const health = await eventsHealth(port);
        expect(health).toMatchObject({ status: 'DEGRADED' });
        expect(health?.detail).toMatch(/can't be read .*polls queue and history every/);
      }, patience);
      // The log is gone; then the first poll was answered.
      await vi.waitFor(() => expect(typesOf().length).toBeGreaterThan(1), patience);
      const cluster = await idle();
      await vi.waitFor(() => expect(typesOf(cluster)).toEqual(['SUBMITTED']), patience);
      const gaps = typesOf().length;
      await writeFile(path, '');
      await vi.waitFor(
        async () => expect(await eventsHealth(port)).toMatchObject({ status: 'OK' }),
        patience,
      );
      await pool.remove(`ClusterId == ${cluster}`);
      await appendFile(
        path,
        `{\n  "EventTypeNumber": 9,\n  "EventTime": "${new Date().toISOString()}",\n  "Cluster": ${cluster},\n  "Proc": 0\n}\n`,
      );
      await vi.waitFor(() => expect(endsOf(cluster)).toHaveLength(1), patience);
      await vi.waitFor(
        () => expect(new Set(typesOf(cluster))).toEqual(new Set(['SUBMITTED', 'REMOVED'])),
        patience,
      );
      expect(typesOf().length).toBeGreaterThan(gaps);
      expect(await eventsHealth(port)).toMatchObject({ count: 1 });
    },
    minute,
  );

  it(
    'what ended while nobody followed is told to who comes back to a position',
    async () => {
      const { port, logs, left, endsOf } = await logsOf({ ...withLog, lingerMs: 1 });
      const position = await logs.position(new AbortController().signal);
      left.abort();
      await vi.waitFor(
        async () => expect((await eventsHealth(port))?.detail).toMatch(/not followed now/),
        patience,
      );
      const cluster = await idle();
      await pool.remove(`ClusterId == ${cluster}`);
      // condor_rm marks; the schedd takes it out a little later.
      await vi.waitFor(async () => {
        const { stdout } = await pool.run(['condor_history', String(cluster), '-af', 'ClusterId']);
        expect(stdout.trim()).toBe(String(cluster));
      }, patience);
      const again = await logs.completions(new AbortController().signal);
      expect(again).toMatchObject({ epoch: position.epoch, name: position.log });
      await logs.settled(pool.scheddName, AbortSignal.timeout(60_000));
      expect(endsOf(cluster)).toHaveLength(1);
    },
    minute,
  );

  it('nothing goes on when the pool is stopped', async () => {
    const { port, commands } = await logsOf({ eventLog: false });
    await port.stop();
    const ran = commands.length;
    await expect(port.logs?.completions(new AbortController().signal)).rejects.toThrow(/stopped/);
    await port.stop();
    expect(commands.length).toBe(ran);
  });
});
