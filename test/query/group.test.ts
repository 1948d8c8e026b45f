import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refName } from '../../src/query/aggregate.js';
import { type Group, GroupBudget, GroupCollector, type Groups } from '../../src/query/group.js';
import type { Bucket, GroupingSpec } from '../../src/query/plan.js';
import type { Ref, Value } from '../../src/query/predicate.js';
import { anyItems, anyRef, attribute, field, type Item, item, items, plainItems } from './items.js';

const grouping = (by: readonly Ref[], more: Partial<GroupingSpec> = {}): GroupingSpec => ({
  name: 'groups',
  by: by.map((ref) => ({ ref, bucket: undefined })),
  countAtLeast: 1,
  orderBy: 'COUNT_DESC',
  first: 1_000,
  aggregates: undefined,
  nodes: [],
  groups: [],
  ...more,
});

function group(rows: readonly Item[], spec: GroupingSpec, maxGroups?: number): Groups<Item> {
  const collector = new GroupCollector(spec, items, new GroupBudget(maxGroups));
  for (const row of rows) collector.add(row, 1);
  return collector.answer();
}

const x = field('x');
const holding = (values: readonly Value[]) => values.map((value, i) => item(i, { x: value }));
const texts = ({ nodes }: Groups<Item>) =>
  nodes.map(({ key }) => key.map(({ text }) => text).join());
const counts = ({ nodes }: Groups<Item>) => nodes.map(({ count }) => count);
const total = (groups: Groups<Item>) => counts(groups).reduce((a, b) => a + b, 0);
const inner = (outer: Group<Item>, name = 'groups'): Groups<Item> =>
  outer.groups.get(name) ?? { nodes: [], totalCount: 0, truncated: false };

describe('nothing is dropped', () => {
  it('the counts of the groups add up to the rows, whatever the values', () => {
    fc.assert(
      fc.property(anyItems(), fc.array(anyRef, { minLength: 1, maxLength: 3 }), (rows, by) => {
        expect(total(group(rows, grouping(by)))).toBe(rows.length);
      }),
    );
  });

  it('rows without a value are a group of their own, apart from the text "undefined"', () => {
    const { nodes } = group(
      holding([undefined, null, NaN, 'undefined', 'undefined']),
      grouping([x]),
    );
    expect(nodes.map(({ key: [key], count }) => ({ ...key, count }))).toEqual([
      { name: 'x', defined: false, value: null, text: 'undefined', count: 3 },
      { name: 'x', defined: true, value: 'undefined', text: 'undefined', count: 2 },
    ]);
  });

  it('values of different types are apart: 1, "1", true, "true", ["1"]', () => {
    const { totalCount } = group(holding([1, '1', true, 'true', ['1']]), grouping([x]));
    expect(totalCount).toBe(5);
  });

  it('no text passes for what is no text: 1, "\\0number:1", "number:1", "\\0string:number:1"', () => {
    const texts = [
      '\0number:1',
      'number:1',
      '\0string:number:1',
      '\0string:\0number:1',
      '\0undefined',
    ];
    const { totalCount } = group(holding([1, undefined, ...texts]), grouping([x]));
    expect(totalCount).toBe(texts.length + 2);
  });

  it('one number is one group, as an integer of 64 bits and as a zero of either sign', () => {
    expect(counts(group(holding([1, 1n, 1.0]), grouping([x])))).toEqual([3]);
    expect(counts(group(holding([0, -0]), grouping([x])))).toEqual([2]);
  });

  it('lists are told apart by their digits beyond 2^53', () => {
    const { totalCount } = group(holding([[2n ** 60n], [2n ** 60n + 1n]]), grouping([x]));
    expect(totalCount).toBe(2);
  });

  it('no text runs over from one key into the next', () => {
    const rows = [
      item(1, { x: 'a\u0000string:b', y: 'c' }),
      item(2, { x: 'a', y: 'b\u0000string:c' }),
    ];
    expect(counts(group(rows, grouping([x, field('y')])))).toEqual([1, 1]);
  });
});

describe('nested groups', () => {
  it('add up to the group they are in, at every depth', () => {
    fc.assert(
      fc.property(plainItems(), anyRef, anyRef, anyRef, (rows, a, b, c) => {
        const spec = grouping([a], { groups: [grouping([b], { groups: [grouping([c])] })] });
        for (const outer of group(rows, spec).nodes) {
          expect(total(inner(outer))).toBe(outer.count);
          for (const middle of inner(outer).nodes) expect(total(inner(middle))).toBe(middle.count);
        }
      }),
    );
  });

  it('several in one group are kept apart by their names', () => {
    const rows = [item(1, { x: 1, y: 1 }), item(2, { x: 1, y: 2 })];
    const spec = grouping([x], {
      groups: [grouping([x], { name: 'again' }), grouping([field('y')], { name: 'byY' })],
    });
    const [only] = group(rows, spec).nodes;
    expect(only && inner(only, 'again').totalCount).toBe(1);
    expect(only && inner(only, 'byY').totalCount).toBe(2);
  });

  it('have aggregates and first rows of their own', () => {
    const rows = [
      item(3, { x: 'a', state: 'HELD', size: 30 }),
      item(1, { x: 'a', state: 'HELD', size: 10 }),
      item(2, { x: 'a', state: 'QUEUED', size: 20 }),
      item(4, { x: 'b' }),
    ];
    const [a, b] = group(
      rows,
      grouping([x], {
        aggregates: { byState: true, distributions: [field('size')] },
        nodes: [
          { name: 'largest', first: 2, order: [{ ref: field('size'), direction: 'DESC' }] },
          { name: 'lowest', first: 1, order: [] },
        ],
      }),
    ).nodes;
    expect(a?.aggregates?.byState).toEqual(
      new Map([
        ['HELD', 2],
        ['QUEUED', 1],
      ]),
    );
    expect(a?.aggregates?.distributions.get(refName(field('size')))).toMatchObject({
      count: 3,
      sum: 60,
    });
    expect(a?.nodes.get('largest')?.map(({ id }) => id)).toEqual([[3], [2]]);
    expect(a?.nodes.get('lowest')?.map(({ id }) => id)).toEqual([[1]]);
    expect(b?.aggregates?.byState).toEqual(new Map([['UNKNOWN', 1]]));
  });
});

describe('ranges', () => {
  const bucketed = (ref: Ref, bucket: Bucket) =>
    grouping([], { by: [{ ref, bucket }], orderBy: 'KEY_ASC' });

  it('hold their numbers: low is in, high is out', () => {
    const groups = group(holding([0, 9.99, 10, 19, -1, -10]), bucketed(x, { width: 10 }));
    expect(groups.nodes.map(({ key: [key], count }) => [key?.value, key?.text, count])).toEqual([
      [-10, '[-10, 0)', 2],
      [0, '[0, 10)', 2],
      [10, '[10, 20)', 2],
    ]);
  });

  it('hold every number, whatever the width, or leave a number too large for it by itself', () => {
    const width = fc.oneof(
      fc.constantFrom(0.1, 0.3, 1, 1000),
      fc.double({ min: 1e-6, max: 1e9, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.double({ noNaN: true }), fc.integer()), width, (value, width) => {
        const [only] = group(holding([value]), bucketed(x, { width })).nodes;
        const range = /^\[(.+), (.+)\)$/.exec(only?.key[0]?.text ?? '');
        if (Math.abs(value) < width * 2 ** 50) expect(range).not.toBeNull();
        if (range) {
          expect(Number(range[1])).toBeLessThanOrEqual(value);
          expect(Number(range[2])).toBeGreaterThan(value);
        } else expect(only?.key[0]?.value).toBe(value);
      }),
      { numRuns: 500 },
    );
  });

  it('meet without gaps where the division rounds', () => {
    const groups = group(
      holding([0.29999999999999993, 0.30000000000000004]),
      bucketed(x, { width: 0.1 }),
    );
    expect(texts(groups)).toEqual(['[0.2, 0.30000000000000004)', '[0.30000000000000004, 0.4)']);
  });

  it('of time are counted from the epoch in UTC: fields in milliseconds, attributes in seconds', () => {
    const at = Date.UTC(2026, 6, 1, 10, 59, 59, 999);
    const hourly = { everyMs: 3_600_000 };
    const text = '[2026-07-01T10:00:00.000Z, 2026-07-01T11:00:00.000Z)';
    const ofField = group([item(1, { x: at })], bucketed(x, hourly));
    expect(texts(ofField)).toEqual([text]);
    expect(ofField.nodes[0]?.key[0]?.value).toBe('2026-07-01T10:00:00.000Z');
    const seconds = Math.floor(at / 1000);
    const ofAttribute = group(
      [item(1, {}, { qdate: seconds }), item(2, {}, { qdate: seconds + 1 })],
      bucketed(attribute('QDate'), hourly),
    );
    expect(texts(ofAttribute)).toEqual([
      text,
      '[2026-07-01T11:00:00.000Z, 2026-07-01T12:00:00.000Z)',
    ]);
  });

  it('of time beyond the calendar stay numbers', () => {
    expect(texts(group(holding([9e15]), bucketed(x, { everyMs: 1e15 })))).toEqual([
      '[9000000000000000, 10000000000000000)',
    ]);
  });

  it('are for numbers: texts, booleans, infinities and missing values stay as they are', () => {
    const groups = group(holding(['a', true, Infinity, undefined]), bucketed(x, { width: 10 }));
    expect(texts(groups)).toEqual(['true', 'Infinity', 'a', 'undefined']);
  });
});

describe('which groups are shown', () => {
  const rows = holding(['b', 'b', 'a', 'a', 'c', 'c', 'c', 'd', undefined]);

  it.each([
    ['COUNT_DESC', 'c a b d undefined'],
    ['COUNT_ASC', 'd undefined a b c'],
    ['KEY_ASC', 'a b c d undefined'],
    ['KEY_DESC', 'undefined d c b a'],
  ] as const)('%s: ties by key, upwards', (orderBy, expected) => {
    expect(texts(group(rows, grouping([x], { orderBy }))).join(' ')).toBe(expected);
  });

  it('keys are ordered as values, not as text', () => {
    const groups = group(holding([10, 9, 100]), grouping([x], { orderBy: 'KEY_ASC' }));
    expect(texts(groups)).toEqual(['9', '10', '100']);
  });

  it('countAtLeast leaves the small ones out, of totalCount too; first does not', () => {
    const groups = group(rows, grouping([x], { countAtLeast: 2, first: 1 }));
    expect(texts(groups)).toEqual(['c']);
    expect(groups).toMatchObject({ totalCount: 3, truncated: false });
  });

  it('a surplus of distinct keys is said to be cut, and the keys kept are counted in full', () => {
    const groups = group(holding(['a', 'b', 'c', 'a', 'c']), grouping([x]), 2);
    expect(groups.truncated).toBe(true);
    expect(groups.nodes.map(({ key, count }) => [key[0]?.text, count])).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
  });

  it('the limit counts nested groups too: nesting multiplies nothing', () => {
    const many = Array.from({ length: 50 }, (_, i) => item(i, { x: 'one', y: i }));
    const [only] = group(many, grouping([x], { groups: [grouping([field('y')])] }), 10).nodes;
    expect(only?.count).toBe(50);
    expect(only && inner(only)).toMatchObject({ totalCount: 9, truncated: true });
  });
});

describe('a row that stands for many', () => {
  it('counts as often as that, in every group and aggregate', () => {
    const spec = grouping([field('state')], {
      aggregates: { byState: true, distributions: [field('size')] },
      groups: [grouping([field('owner')])],
    });
    fc.assert(
      fc.property(plainItems(), fc.integer({ min: 1, max: 5 }), (rows, times) => {
        const weighted = new GroupCollector(spec, items, new GroupBudget());
        for (const row of rows) weighted.add(row, times);
        const repeated = rows.flatMap((row) => Array<Item>(times).fill(row));
        expect(weighted.answer()).toEqual(group(repeated, spec));
      }),
    );
  });
});
