import { expect, onTestFinished, test, vi } from 'vitest';
import fc from 'fast-check';
import { jobFields } from '../../src/grids/condor/fields.js';
import type { JobRow } from '../../src/grids/jobs.js';
import { and, always, type Predicate, type Ref } from '../../src/query/predicate.js';
import { rows } from '../../src/grids/row.js';
import type { SourceNotes } from '../../src/query/source.js';
import { describeReal, type RealPool } from '../real/index.js';
import {
  all,
  attribute,
  field,
  opened,
  scanned,
  seeded,
  selecting,
  signal,
  sourceOf,
} from './pool.js';
import { propertySeed } from '../property-seed.js';

const seed = (name: string): Predicate => ({
  op: 'eq',
  ref: attribute('HtcGraphSeed'),
  value: name,
});
const everyField = selecting(Object.keys(jobFields));

/** Jobs that stay idle; removed when the test ends. */
async function idle(pool: RealPool, queue: string): Promise<number> {
  const cluster = await pool.submit(
    'alice',
    `executable=/bin/true\ntransfer_executable=false\nrequirements=false\n+HtcGraphTest=true\n${queue}\n`,
  );
  onTestFinished(() => pool.remove(`ClusterId == ${cluster}`));
  return cluster;
}

describeReal('pool', 'jobs of the real pool', (pool) => {
  test('have their fields in the terms of the graph', async () => {
    const { port } = opened(pool);
    const queue = await sourceOf(port);
    const [running] = await scanned(queue, { filter: seed('running'), projection: everyField });
    expect(running).toMatchObject({
      __typename: 'Job',
      schedd: pool.scheddName,
      state: 'RUNNING',
      nativeState: 'Running',
      terminal: false,
      owner: 'alice',
      origin: 'QUEUE',
      batchName: 'long simulation',
      command: '/bin/sleep',
      arguments: 'infinity',
      universe: 'vanilla',
      priority: 40,
      requestMemoryMb: 128,
      machineName: 'pool.example.test',
      endedAt: null,
      failure: null,
      holdReason: null,
      exitCode: null,
    });
    expect(running?.attempts).toBeGreaterThan(0);
    // To the first start; a pool that was restarted has started it again since.
    const latest = (running?.startedAt ?? 0) - (running?.submittedAt ?? 0);
    expect(running?.waitMs).toBeGreaterThanOrEqual(0);
    expect(running?.waitMs).toBeLessThanOrEqual(latest);
    expect(running?.runMs).toBeGreaterThan(0);

    const [held] = await scanned(queue, { filter: seed('held-by-user'), projection: everyField });
    expect(held).toMatchObject({
      state: 'HELD',
      holdCode: 1,
      failure: { kind: 'HELD', holdCode: 1, holdSubcode: 7 },
    });
    expect(held?.failure?.message).toContain('Waiting for the input files');
    expect(held?.holdReason).toBe(held?.failure?.message);
  });

  test.each([
    ['exit-0', 'SUCCEEDED', null, 0],
    ['exit-3', 'FAILED', { kind: 'EXIT_CODE', exitCode: 3, signal: null }, 3],
    ['signal-9', 'FAILED', { kind: 'SIGNAL', exitCode: null, signal: 9 }, null],
    ['removed', 'CANCELLED', { kind: 'CANCELLED' }, null],
  ])('that ended as %s are %s', async (name, state, failure, exitCode) => {
    const { port } = opened(pool);
    const history = await sourceOf(port, 'HISTORY');
    const [job] = await scanned(history, { filter: seed(name), projection: everyField });
    expect(job).toMatchObject({ state, failure, exitCode, terminal: true, origin: 'HISTORY' });
    expect(job?.endedAt).toBeGreaterThanOrEqual(job?.submittedAt ?? Infinity);
  });

  test('are fetched with what was asked for, not more', async () => {
    const { port } = opened(pool);
    const notes: SourceNotes = {};
    const filter = seed('idle');
    const projection = selecting(['owner'], ['owner', 'MyMissing']);
    const [job] = await scanned(await sourceOf(port), { filter, projection, notes });
    expect(job?.record?.names()).toEqual(expect.arrayContaining(['ClusterId', 'Owner', 'ProcId']));
    expect(job?.record?.names()).not.toContain('Cmd');
    expect(job?.owner).toBe('alice');
    expect(notes.pushedDown).toBe('(HtcGraphSeed =?= "idle")');
  });

  test('keep every attribute as it is, expressions as text', async () => {
    const { port } = opened(pool);
    const projection = selecting([], 'all');
    const [job] = await scanned(await sourceOf(port), { filter: seed('awkward'), projection });
    const view = (name: string) => job?.record?.attribute(name);
    expect(view('myexpr')).toMatchObject({ defined: true, expression: 'MyInt + 1', value: null });
    expect(view('MyFakeExpr')).toMatchObject({ expression: null, value: '/Expr(x)/' });
    expect(view('MyBigInt')?.value).toBe('9223372036854775807');
    expect(view('MyUndefined')).toMatchObject({ defined: false, value: null });
    expect(view('MyMissing')).toMatchObject({ defined: false, value: null });
    expect(view('MyUnicode')?.value).toBe('żółć 日本語 🎉');
    expect(job?.record?.value('MyBigInt')).toBe(9223372036854775807n);
    expect(job?.record?.value('MyExpr')).toBeUndefined();
  });

  test('with bytes that are not UTF-8 do not fail the list', async () => {
    const { port } = opened(pool);
    const projection = selecting([], ['BadUtf']);
    const found = await scanned(await sourceOf(port), { filter: seeded, projection });
    expect(found.map((job) => job.record?.value('BadUtf')).filter(Boolean)).toEqual([
      'bad \ufffd\ufffd bytes',
    ]);
  });

  test('without a match cost one command and give no rows', async () => {
    const { port, commands } = opened(pool);
    const source = await sourceOf(port);
    commands.length = 0;
    expect(await scanned(source, { filter: seed('nothing') })).toEqual([]);
    expect(commands).toHaveLength(1);
    expect(await scanned(source, { filter: { op: 'const', value: false } })).toEqual([]);
    expect(commands).toHaveLength(1);
  });
});

describeReal('pool', 'counting in the schedd', (pool) => {
  const by: readonly (readonly Ref[])[] = [
    [],
    ['owner'].map(field),
    ['owner', 'state'].map(field),
    ['clusterId'].map(field),
    ['batchName'].map(field),
    ['universe', 'terminal'].map(field),
    ['requestMemoryMb'].map(field),
    ['exitCode', 'holdCode'].map(field),
    ['MyBigInt', 'MyReal', 'MyString', 'MyUnicode', 'MyQuoted'].map(attribute),
    ['MyExpr', 'MyUndefined', 'MyError'].map(attribute),
    ['HtcGraphSeed', 'jobprio'].map(attribute),
    ['GlobalJobId'].map(attribute),
    [attribute('procid'), field('owner')],
  ];

  test.each(by.map((refs) => [refs]))('by %j gives what counting here gives', async (refs) => {
    const { port } = opened(pool);
    const source = await sourceOf(port);
    const tallies = source.tally?.({ filter: seeded, by: refs, notes: {}, signal });
    if (tallies === undefined) throw new Error('not countable');
    const keyOf = (row: JobRow): string =>
      JSON.stringify(
        refs.map((ref) => rows.read(row, ref) ?? null),
        (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value),
      );
    const sum = (counted: readonly (readonly [string, number])[]) => {
      const counts = new Map<string, number>();
      for (const [key, n] of counted) counts.set(key, (counts.get(key) ?? 0) + n);
      return [...counts].sort();
    };
    const projection = selecting(
      refs.flatMap((ref) => ('field' in ref ? [ref.field] : [])),
      refs.flatMap((ref) => ('attribute' in ref ? [ref.attribute] : [])),
    );
    const jobs = await scanned(source, { filter: seeded, projection });
    const there = (await all(tallies)).flat().map(({ row, count }) => [keyOf(row), count] as const);
    expect(sum(there)).toEqual(sum(jobs.map((job) => [keyOf(job), 1] as const)));
  });

  test.each([[[]], [['owner']], [['owner', 'state']], [['nativeState']], [['terminal']]])(
    'of the whole queue by %j gives what counting here gives, though no job is looked at',
    async (names) => {
      const { port } = opened(pool);
      const source = await sourceOf(port);
      const refs = names.map(field);
      const counts = (rowsOf: readonly (readonly [JobRow, number])[]) => {
        const sums = new Map<string, number>();
        for (const [row, count] of rowsOf) {
          const key = JSON.stringify(refs.map((ref) => rows.read(row, ref)));
          sums.set(key, (sums.get(key) ?? 0) + count);
        }
        return [...sums].sort();
      };
      const tally = async () => {
        const found = source.tally?.({ filter: always, by: refs, notes: {}, signal });
        if (found === undefined) throw new Error('not countable');
        return counts((await all(found)).flat().map(({ row, count }) => [row, count] as const));
      };
      // Other tests submit jobs meanwhile.
      await vi.waitFor(async () => {
        const before = await tally();
        const jobs = await scanned(source, { projection: selecting(names) });
        expect(before).toEqual(counts(jobs.map((job) => [job, 1] as const)));
      });
    },
  );

  test('is left to a scan where the schedd could not do it exactly', async () => {
    const { port } = opened(pool);
    const source = await sourceOf(port);
    for (const ref of [
      ...['waitMs', 'runMs', 'nativeId', 'procId'].map(field),
      attribute('JobIds'),
    ]) {
      expect(source.tally?.({ filter: always, by: [ref], notes: {}, signal })).toBeUndefined();
    }
    const local = { op: 'gt', ref: field('waitMs'), value: 5 } as const;
    const limited = await sourceOf(opened(pool, { maxJobs: 5 }).port);
    const by = [attribute('GlobalJobId')];
    expect(limited.tally?.({ filter: always, by, notes: {}, signal })).toBeUndefined();
    expect(source.tally?.({ filter: local, by: [], notes: {}, signal })).toBeUndefined();
  });
});

describeReal('pool', 'a page of the queue in id order', (pool) => {
  test('is the same as a slice of everything, whatever the filter and the gaps', async () => {
    const { port } = opened(pool);
    const source = await sourceOf(port);
    // Gaps: of this cluster only each third job passes the filter.
    const cluster = await idle(pool, '+Third = (ProcId % 3)\nqueue 90');
    const small = await idle(pool, 'queue 1');
    const mine: Predicate = { op: 'in', ref: field('clusterId'), values: [cluster, small] };
    const filters = [mine, seeded, and(mine, { op: 'eq', ref: attribute('Third'), value: 1 })];
    const lists = await Promise.all(filters.map((filter) => scanned(source, { filter })));
    const sorted = lists.map((list) =>
      list.sort((a, b) => a.clusterId - b.clusterId || a.procId - b.procId),
    );

    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: filters.length - 1 }),
        fc.constantFrom('front' as const, 'back' as const),
        fc.integer({ min: 1, max: 60 }),
        fc.option(fc.nat({ max: 100 })),
        fc.option(fc.nat({ max: 100 })),
        async (which, from, limit, afterAt, beforeAt) => {
          const list = sorted[which] ?? [];
          const keyAt = (at: number | null) => {
            const row = at === null ? undefined : list[at % list.length];
            return row && { order: [], id: row.idKey };
          };
          const [after, before] = [keyAt(afterAt), keyAt(beforeAt)];
          const low = afterAt === null ? 0 : (afterAt % list.length) + 1;
          const high = beforeAt === null ? list.length : beforeAt % list.length;
          const between = list.slice(low, Math.max(low, high));
          const expected = from === 'front' ? between.slice(0, limit) : between.slice(-limit);
          const page = await source.window?.({
            filter: filters[which] ?? always,
            page: { from, limit, after, before },
            projection: selecting(['owner']),
            notes: {},
            signal,
          });
          expect(page?.rows.map((row) => row.nativeId)).toEqual(
            expected.map((row) => row.nativeId),
          );
          const [first, last] = [expected[0], expected.at(-1)];
          if (first !== undefined && last !== undefined) {
            expect(page?.more).toEqual({
              before: list.indexOf(first) > 0,
              after: list.indexOf(last) < list.length - 1,
            });
          }
        },
      ),
      { numRuns: 40, seed: propertySeed },
    );
  });

  test('of sparse clusters takes a bounded number of commands', async () => {
    const { port, commands } = opened(pool);
    const source = await sourceOf(port);
    const cluster = await idle(pool, 'queue 300');
    await pool.run([
      'condor_rm',
      '-constraint',
      `ClusterId == ${cluster} && ProcId > 0 && ProcId < 295`,
    ]);
    // condor_rm marks; the schedd takes them out a little later.
    await vi.waitFor(
      async () => {
        const { stdout } = await pool.run(['condor_q', String(cluster), '-af', 'ProcId']);
        expect(stdout.trim().split('\n')).toHaveLength(6);
      },
      { interval: 200 },
    );
    commands.length = 0;
    const page = await source.window?.({
      filter: { op: 'eq', ref: field('clusterId'), value: cluster },
      page: { from: 'front', limit: 5, after: undefined, before: undefined },
      projection: selecting(),
      notes: {},
      signal,
    });
    expect(page?.rows.map(({ procId }) => procId)).toEqual([0, 295, 296, 297, 298]);
    expect(page?.more).toEqual({ before: false, after: true });
    expect(commands.length).toBeLessThanOrEqual(5);
  });

  test('is empty before the first and after the last, and says what lies beside it', async () => {
    const { port } = opened(pool);
    const source = await sourceOf(port);
    const page = { from: 'front', limit: 5, before: undefined } as const;
    const ask = (id: readonly (string | number)[]) =>
      source.window?.({
        filter: seeded,
        page: { ...page, after: { order: [], id } },
        projection: selecting(),
        notes: {},
        signal,
      });
    expect(await ask(['condor', pool.scheddName, 1e9, 0])).toEqual({
      rows: [],
      more: { before: true, after: false },
    });
    expect(await ask(['condor', 'zzz', 1, 0])).toMatchObject({ rows: [], more: { before: true } });
    expect((await ask(['a', 'zzz', 1e9, 0]))?.rows).toHaveLength(5);
  });

  test('of rows can be widened, and what the rows had stays', async () => {
    const { port } = opened(pool);
    const source = await sourceOf(port, 'ALL');
    const some = await scanned(source, {
      filter: { op: 'in', ref: attribute('HtcGraphSeed'), values: ['idle', 'exit-3'] },
      projection: selecting(['owner'], ['HtcGraphSeed']),
    });
    expect(some).toHaveLength(2);
    const wide = await source.widen?.(some, {
      projection: selecting(['command'], ['Iwd']),
      signal,
    });
    expect(wide?.map(({ id }) => id)).toEqual(some.map(({ id }) => id));
    for (const row of wide ?? []) {
      expect(row).toMatchObject({
        owner: 'alice',
        command: expect.stringContaining('/bin/') as string,
      });
      expect(row.record?.value('HtcGraphSeed')).toEqual(expect.any(String));
      expect(row.record?.value('Iwd')).toBe('/home/alice');
    }
  });
});

describeReal('pool', 'progress of clusters', (pool) => {
  test('takes few commands for several', async () => {
    const { port, commands } = opened(pool);
    const some = [await idle(pool, 'queue 3'), await idle(pool, 'queue 1')];
    const keys = some.map((clusterId) => ({ schedd: pool.scheddName, clusterId }));
    await port.schedds(signal);
    commands.length = 0;
    const found = await port.progress(keys, signal);
    expect(found).toMatchObject([{ total: 3, terminal: 0 }, { total: 1 }]);
    expect(commands.length).toBeLessThanOrEqual(4);
  });
});
