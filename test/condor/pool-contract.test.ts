/** What every pool promises, the real one and the embedded one: history, look-ups, progress, ends. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { JobKey, JobPool, JobRow } from '../../src/grids/jobs.js';
import type { Predicate } from '../../src/query/predicate.js';
import type { SourceNotes } from '../../src/query/source.js';
import { attribute, scanned, seeded, selecting, signal, sourceOf } from './pool.js';
import { describePools } from './pools.js';

/** Negotiation of the real pool takes some seconds, more on a busy machine. */
const patience = { timeout: 100_000, interval: 100 };
const minute = 120_000;

const seed = (name: string): Predicate => ({
  op: 'eq',
  ref: attribute('HtcGraphSeed'),
  value: name,
});

describePools('jobs through the port', (pool) => {
  let port: JobPool;
  const clusters: number[] = [];
  beforeAll(async () => {
    port = await pool.open();
  });
  afterAll(async () => {
    for (const cluster of clusters) await pool.remove(port, cluster);
    await port.stop();
  });
  const submit = async (owner: 'alice' | 'bob', ...lines: readonly string[]): Promise<number> => {
    const cluster = await pool.submit(port, owner, lines.join('\n'));
    clusters.push(cluster);
    return cluster;
  };
  const key = (clusterId: number, procId = 0): JobKey => ({
    schedd: pool.scheddName,
    clusterId,
    procId,
  });

  test('ALL lists each job once', async () => {
    const found = await scanned(await sourceOf(port, 'ALL'), {
      filter: seeded,
      projection: selecting([], ['HtcGraphSeed']),
    });
    const ids = found.map(({ nativeId }) => nativeId);
    expect(new Set(ids).size).toBe(ids.length);
    const names = found.map((job) => job.record?.value('HtcGraphSeed'));
    expect(names).toEqual(expect.arrayContaining(['idle', 'left-completed', 'exit-0', 'removed']));
  });

  test('a filter that nothing passes gives nothing', async () => {
    const source = await sourceOf(port);
    expect(await scanned(source, { filter: seed('nothing') })).toEqual([]);
    expect(await scanned(source, { filter: { op: 'const', value: false } })).toEqual([]);
  });

  test('a history scan stops at its limit and at a job, and says when it was cut', async () => {
    const whole = await scanned(await sourceOf(port, 'HISTORY'));
    expect(whole.length).toBeGreaterThanOrEqual(4);
    const limited = await sourceOf(port, 'HISTORY', { scanLimit: 2 });
    const cut: SourceNotes = {};
    expect(await scanned(limited, { notes: cut })).toHaveLength(2);
    expect(cut).toMatchObject({ truncated: true, scanned: 2 });
    const filtered: SourceNotes = {};
    await scanned(limited, { filter: seed('nothing'), notes: filtered });
    expect(filtered).toMatchObject({ truncated: true, scanned: 2 });
    const complete: SourceNotes = {};
    await scanned(await sourceOf(port, 'HISTORY'), { notes: complete });
    expect(complete.truncated).toBeUndefined();
    const third = whole[2]?.nativeId;
    const since = await sourceOf(port, 'HISTORY', { since: third });
    expect((await scanned(since)).map(({ nativeId }) => nativeId)).not.toContain(third);
  });

  test.each(['x', '5.', '-1', '5.0 -file /etc/passwd', '1e3'])(
    'since %j is refused',
    async (since) => {
      const source = await sourceOf(port, 'HISTORY', { since });
      await expect(scanned(source)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    },
  );

  test('a private attribute is not filtered by', async () => {
    const filter: Predicate = { op: 'defined', ref: attribute('claimid') };
    const refused = scanned(await sourceOf(port), { filter });
    await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('jobs are found in the queue and in the history; what is nowhere is undefined', async () => {
    const filter = {
      op: 'in',
      ref: attribute('HtcGraphSeed'),
      values: ['idle', 'exit-3'],
    } as const;
    const seeds = await scanned(await sourceOf(port, 'ALL'), { filter });
    const found = await port.findJobs(
      [...seeds, key(999_999), key(seeds[0]?.clusterId ?? 0, 77)],
      selecting(['state', 'origin']),
      signal,
    );
    expect(found).toMatchObject([
      { state: 'QUEUED', origin: 'QUEUE' },
      { state: 'FAILED', origin: 'HISTORY' },
      undefined,
      undefined,
    ]);
  });

  test('jobs of a schedd that is not there are errors, the others are found', async () => {
    const [idle] = await scanned(await sourceOf(port), { filter: seed('idle') });
    const [mine, lost, bad] = await port.findJobs(
      [
        key(idle?.clusterId ?? 0),
        { schedd: 'nosuch@x', clusterId: 1, procId: 0 },
        { schedd: 'a@" || true || "', clusterId: 1, procId: 0 },
      ],
      selecting(['state']),
      signal,
    );
    expect(mine).toMatchObject({ state: 'QUEUED' });
    expect(lost).toMatchObject({ code: 'UNKNOWN_SCHEDD' });
    expect(bad).toMatchObject({ code: 'UNKNOWN_SCHEDD' });
  });

  test('a slot names its job, and the job its slot', async () => {
    const fields = ['remoteHost', 'machineName'];
    const [running] = await scanned(await sourceOf(port), {
      filter: seed('running'),
      projection: selecting(fields),
    });
    const [slot] = await port.findSlots(
      [running?.remoteHost ?? ''],
      selecting(['jobKey', 'state']),
      signal,
    );
    expect(slot).toMatchObject({ state: 'Claimed', jobKey: key(running?.clusterId ?? 0) });
    const [machine] = await port.findMachines([running?.machineName ?? ''], signal);
    expect(machine?.slots.map(({ name }) => name)).toContain(slot?.name);
  });

  test(
    'a job is found at every moment while it runs and ends, and its end is told once',
    async () => {
      const left = new AbortController();
      const ends = await port.logs?.completions(left.signal, selecting(['exitCode']));
      const cluster = await submit(
        'alice',
        'executable = /bin/sh',
        `arguments = "-c 'sleep 0.2; exit 5'"`,
        'priority = 60',
        'queue',
      );
      const origins: (string | undefined)[] = [];
      await vi.waitFor(
        async () => {
          const [job] = await port.findJobs([key(cluster)], selecting(['origin']), signal);
          origins.push((job as JobRow | undefined)?.origin);
          expect(origins.at(-1)).toBe('HISTORY');
        },
        { ...patience, interval: 1 },
      );
      // Never nowhere; on a slow machine it may have ended before it is first looked for.
      for (const origin of origins) expect(['QUEUE', 'HISTORY']).toContain(origin);
      const told = () =>
        (ends?.read(ends.start, 100_000) ?? []).filter(({ key: of }) => of.clusterId === cluster);
      await vi.waitFor(() => expect(told().length).toBeGreaterThan(0), patience);
      expect(told()).toMatchObject([{ state: 'FAILED', owner: 'alice', key: key(cluster) }]);
      const [row] = (await port.logs?.rows(told(), selecting(['exitCode']))) ?? [];
      expect(row).toMatchObject({ exitCode: 5 });
      left.abort();
    },
    minute,
  );

  test(
    'progress counts a cluster in queue and history',
    async () => {
      const cluster = await submit(
        'bob',
        'executable = /bin/true',
        'requirements = ProcId < 2',
        'priority = 60',
        'queue 3',
      );
      await vi.waitFor(async () => {
        const keys = [cluster, 999_999].map((clusterId) => ({
          schedd: pool.scheddName,
          clusterId,
        }));
        const asked = [...keys, { schedd: 'nosuch@x', clusterId: 1 }];
        const [mine, none, lost] = await port.progress(asked, signal);
        expect(mine).toMatchObject({ total: 3, terminal: 2 });
        expect(none).toMatchObject({ total: 0 });
        expect(lost).toMatchObject({ code: 'UNKNOWN_SCHEDD' });
      }, patience);
    },
    minute,
  );
});
