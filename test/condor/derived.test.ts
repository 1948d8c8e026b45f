/** Attributes that HTCondor writes as expressions of its own are numbers for orders, groups and aggregates. */
import { describe, expect, test } from 'vitest';
import { Ad } from '../../src/classad/ad.js';
import { parseAds } from '../../src/classad/json.js';
import { AdRecord } from '../../src/grids/condor/attributes.js';
import { HiddenNames } from '../../src/grids/condor/hidden.js';
import { and } from '../../src/query/predicate.js';
import type { JobRow } from '../../src/grids/jobs.js';
import type { Tally } from '../../src/query/source.js';
import { describeReal } from '../real/index.js';
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

const ofMemory = 'ifthenelse(MemoryUsage isnt undefined,MemoryUsage,(ImageSize + 1023) / 1024)';
const record = (ad: Readonly<Record<string, string>>, ...hide: readonly string[]): AdRecord => {
  const members = Object.entries(ad).map(([name, text]) =>
    /^\d+$/.test(text) ? `"${name}": ${text}` : `"${name}": "\\/Expr(${text})\\/"`,
  );
  return new AdRecord(parseAds(`[{${members.join()}}]`)[0] ?? new Ad({}), new HiddenNames(hide));
};

describe('an expression of HTCondor’s own', () => {
  test.each([
    [
      'MemoryUsage',
      { MemoryUsage: '((ResidentSetSize + 1023) / 1024)', ResidentSetSize: '4500' },
      5,
    ],
    ['memoryusage', { MemoryUsage: '((ResidentSetSize + 1023) / 1024)' }, undefined],
    ['RequestMemory', { RequestMemory: ofMemory, ImageSize: '45' }, 1],
    [
      'RequestMemory',
      {
        RequestMemory: ofMemory,
        MemoryUsage: '((ResidentSetSize + 1023) / 1024)',
        ResidentSetSize: '9000',
      },
      9,
    ],
    ['RequestMemory', { RequestMemory: '2048' }, 2048],
    ['RequestDisk', { RequestDisk: 'DiskUsage', DiskUsage: '150' }, 150],
    [
      'RequestDisk',
      {
        RequestDisk: 'MAX({ 1024,(TransferInputSizeMB + 1) * 1.25 }) * 1024',
        TransferInputSizeMB: '1',
      },
      1_048_576,
    ],
    ['SlotWeight', { SlotWeight: 'Cpus', Cpus: '4' }, 4],
  ] as const)('%s of %j is %j', (name, ad, value) => {
    expect(record(ad).value(name)).toBe(value);
    expect(record(ad).attribute(name).value).toBe(value ?? null);
  });

  test.each([
    ['reads what may not be there', { RequestMemory: 'ifThenElse(MyInt isnt undefined, 1, 2)' }],
    ['leads back to itself', { RequestMemory: 'RequestMemory + 1' }],
    ['is an error', { RequestMemory: 'error' }],
    ['is of another name', { MyExpr: 'ImageSize + 1', ImageSize: '1' }],
    ['is no number', { RequestMemory: 'ImageSize > 1', ImageSize: '1' }],
  ])('is no number where it %s', (_why, ad: Readonly<Record<string, string>>) => {
    const [name = ''] = Object.keys(ad);
    expect(record(ad).value(name)).toBeUndefined();
    expect(record(ad).attribute(name)).toMatchObject({ expression: ad[name], value: null });
  });

  test('tells nothing of what is hidden, also where it leads there through another', () => {
    const ad = {
      RequestMemory: ofMemory,
      MemoryUsage: 'ResidentSetSize / 1024',
      ResidentSetSize: '9000',
    };
    const some = record(ad, 'ResidentSetSize');
    expect(some.value('MemoryUsage')).toBeUndefined();
    expect(some.value('RequestMemory')).toBeUndefined();
    expect(some.attribute('MemoryUsage')).toMatchObject({ redacted: true, value: null });
    expect(some.attribute('RequestMemory')).toMatchObject({ value: null });
  });
});

const names = ['RequestMemory', 'RequestDisk', 'MemoryUsage'] as const;
/** What a running job uses changes between two looks. */
const still = and(seeded, { op: 'not', term: { op: 'eq', ref: field('state'), value: 'RUNNING' } });

for (const which of ['pool', 'second pool'] as const) {
  describeReal(which, `numbers as HTCondor has them, on the ${which}`, (pool) => {
    const asked = async (program: 'condor_q' | 'condor_history') => {
      const { stdout } = await pool.run([
        ...(program === 'condor_q' ? ['condor_q', '-allusers'] : ['condor_history']),
        ...['-constraint', 'HtcGraphSeed isnt undefined && JobStatus != 2'],
        ...['-af', 'ClusterId', 'ProcId', ...names],
      ]);
      const lines = stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' '));
      return new Map(
        lines.map(([cluster, proc, ...values]) => [
          `${cluster}.${proc}`,
          values.map((value) => (value === 'undefined' ? undefined : Number(value))),
        ]),
      );
    };

    test.each([
      ['QUEUE', 'condor_q'],
      ['HISTORY', 'condor_history'],
    ] as const)('of each job of the %s', async (kind, program) => {
      const { port } = opened(pool);
      const rows = await scanned(await sourceOf(port, kind), {
        filter: still,
        projection: selecting(['nativeId'], names),
      });
      expect(rows.length).toBeGreaterThan(2);
      const found = rows.map(
        (row) => [row.nativeId, names.map((name) => row.record?.value(name))] as const,
      );
      expect(new Map(found)).toEqual(await asked(program));
    });

    test('of groups that the schedd counts', async () => {
      const source = await sourceOf(opened(pool).port);
      for (const [i, name] of names.entries()) {
        const request = { filter: still, by: [attribute(name)], notes: {}, signal };
        const counts = new Map<unknown, number>();
        const tallies = source.tally?.(request) as AsyncIterable<readonly Tally<JobRow>[]>;
        for (const { row, count } of (await all(tallies)).flat()) {
          const value = row.record?.value(name);
          counts.set(value, (counts.get(value) ?? 0) + count);
        }
        const expected = new Map<unknown, number>();
        for (const values of (await asked('condor_q')).values())
          expected.set(values[i], (expected.get(values[i]) ?? 0) + 1);
        expect(counts, name).toEqual(expected);
      }
    });
  });
}
