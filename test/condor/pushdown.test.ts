import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pushdown } from '../../src/grids/condor/constraint.js';
import { jobTable } from '../../src/grids/condor/fields.js';
import { alwaysHidden } from '../../src/grids/condor/hidden.js';
import { rows } from '../../src/grids/row.js';
import { workStates } from '../../src/grids/state.js';
import { and, matches, or, not, type Predicate, type Ref } from '../../src/query/predicate.js';
import { describeReal } from '../real/index.js';
import { attribute, field, opened, scanned, seeded, selecting, sourceOf } from './pool.js';
import { propertySeed } from '../property-seed.js';

const strings = [
  'Owner',
  'owner',
  'MyString',
  'MyQuoted',
  'MyUnicode',
  'MyFakeExpr',
  'MyEmpty',
  'MyNewline',
  'JobBatchName',
  'HtcGraphSeed',
  'BadUtf',
].map(attribute);
const others = [
  'MyInt',
  'MyBigInt',
  'MyBig53',
  'MyReal',
  'MyRealWhole',
  'MyBool',
  'MyUndefined',
  'MyError',
  'MyList',
  'MyNested',
  'MyMissing',
  'JobPrio',
  'JobStatus',
  'ClusterId',
  'QDate',
  'ExitBySignal',
].map(attribute);
/** NaN and a time arrive as expressions: that they are there can't be told apart from an unevaluated attribute. */
const uncertain = ['MyNaN', 'MyTime'].map(attribute);
const fields = [
  'nativeId',
  'state',
  'nativeState',
  'terminal',
  'owner',
  'attempts',
  'submittedAt',
  'startedAt',
  'endedAt',
  'waitMs',
  'batchName',
  'command',
  'arguments',
  'universe',
  'priority',
  'accountingGroup',
  'requestGpus',
  'remoteHost',
  'holdReason',
  'holdCode',
  'exitCode',
  'machineName',
  'clusterId',
  'procId',
].map(field);

const words = [
  ...workStates,
  ...['alice', 'Alice', 'bob', 'plain', 'Plain', 'pl', 'li', '', ' ', 'Held', 'Idle', 'vanilla'],
  ...[
    'say "hi"',
    '"',
    '\\',
    'back/',
    '\\\\ back',
    '/Expr(x)/',
    'x',
    'żółć',
    'ż',
    '日本語',
    '🎉',
    '\u00a0',
  ],
  ...[
    'nightly build',
    'batch "q" ü',
    'batch \\"q\\" ü',
    '.*',
    '[a-z]+',
    '^',
    '$',
    '(',
    '{1}',
    'a|b',
    '?',
  ],
  ...['/bin/sleep', '60', 'line1', 'bad', '\ufffd', 'physics.atlas', 'true', '42', 'undefined'],
];
const numbers = [
  ...[0, -0, 1, 2, 3, 4, 5, 7, -5, 42, 41.5, 3.14, 3.1400000000000001, 1e-7, 1e21, -1e300],
  ...[2 ** 53, 2 ** 53 + 2, 2 ** 63, -(2 ** 63), 9.2e18, Number.MAX_VALUE, Infinity, NaN],
];

const word = fc
  .oneof(fc.constantFrom(...words), fc.string({ unit: 'grapheme', maxLength: 4 }))
  .filter(
    // eslint-disable-next-line no-control-regex -- lines and NUL are refused, not compared
    (text) => !/[\u0000\n\r]/.test(text),
  );
const number = fc.oneof(fc.constantFrom(...numbers), fc.integer(), fc.double());
const value = fc.oneof(word, number, fc.boolean());
const comparison = fc.constantFrom(
  ...(['eq', 'lt', 'lte', 'gt', 'gte', 'startsWith', 'contains'] as const),
);

/** Numbers around the times that the jobs have, so that boundaries within a second are met. */
const leafOf = (times: readonly number[], ids: readonly string[]): fc.Arbitrary<Predicate> => {
  const near = fc
    .tuple(fc.constantFrom(0, ...times), fc.constantFrom(-1000, -1, -0.5, 0, 0.5, 1, 999, 1000))
    .map(([time, step]) => time + step);
  const certain: fc.Arbitrary<Ref> = fc.constantFrom(...strings, ...others, ...fields);
  const any: fc.Arbitrary<Ref> = fc.oneof(certain, fc.constantFrom(...uncertain));
  return fc.oneof(
    fc.record({ op: comparison, ref: fc.constantFrom(...strings), value: word }),
    fc.record({ op: comparison, ref: any, value }),
    fc.record({
      op: comparison,
      ref: fc.constantFrom(...['submittedAt', 'startedAt', 'endedAt'].map(field)),
      value: near,
    }),
    fc.record({
      op: fc.constant('in' as const),
      ref: any,
      values: fc.array(value, { maxLength: 4 }),
    }),
    fc.record({
      op: fc.constant('in' as const),
      ref: fc.constant(field('nativeId')),
      values: fc.array(fc.oneof(fc.constantFrom(...ids, '01.0', '1.', '99999.0'), value)),
    }),
    fc.record({ op: fc.constant('defined' as const), ref: certain }),
  );
};

const predicateOf = (times: readonly number[], ids: readonly string[]): fc.Arbitrary<Predicate> =>
  fc.letrec<{ node: Predicate; leaf: Predicate }>((tie) => ({
    leaf: leafOf(times, ids),
    node: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      tie('leaf'),
      fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((terms) => and(...terms)),
      fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((terms) => or(...terms)),
      tie('node').map(not),
    ),
  })).node;

describeReal('pool', 'a filter means the same in the schedd and here', (pool) => {
  test('over the seeded jobs and generated filters', async () => {
    const { port } = opened(pool);
    const source = await sourceOf(port);
    const everything = selecting(Object.keys(jobTable), 'all');
    const jobs = await scanned(source, { filter: seeded, projection: everything });
    expect(jobs.length).toBeGreaterThan(10);
    const times = jobs.flatMap(({ submittedAt, endedAt }) => [submittedAt ?? 0, endedAt ?? 0]);
    const jobIds = jobs.flatMap(({ nativeId }) => nativeId ?? []);
    let pushed = 0;

    await fc.assert(
      fc.asyncProperty(predicateOf(times, jobIds), async (filter) => {
        // Only what is pushed down is compared: the rest is evaluated here either way.
        const { constraint, rest } = pushdown(filter, jobTable, alwaysHidden);
        if (constraint === undefined || rest.op !== 'const') return;
        pushed += 1;
        const there = await scanned(source, { filter: and(seeded, filter) });
        const here = jobs.filter((job) => matches(filter, job, (row, ref) => rows.read(row, ref)));
        const ids = (list: readonly { nativeId?: string }[]) =>
          list.map((job) => job.nativeId).sort();
        expect(ids(there), constraint).toEqual(ids(here));
      }),
      {
        numRuns: Number(process.env['PUSHDOWN_RUNS'] ?? 150),
        seed: propertySeed,
        endOnFailure: false,
      },
    );
    expect(pushed).toBeGreaterThan(50);
  }, 120_000);
});
