import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  comparator,
  compareIds,
  compareValues,
  keyOf,
  sortValue,
  type SortValue,
} from '../../src/query/compare.js';
import { anyItem, anyOrder, anyValue, field, item, items } from './items.js';

const sorted = (values: readonly unknown[]): SortValue[] =>
  values.map((value) => sortValue(value as SortValue)).sort(compareValues);

describe('values of all types have one order', () => {
  it('booleans, then numbers, then texts; a missing value comes last', () => {
    expect(sorted(['b', null, 2, true, 'a', undefined, -1, false])).toEqual([
      false,
      true,
      -1,
      2,
      'a',
      'b',
      null,
      null,
    ]);
  });

  it('the order is antisymmetric, transitive and total', () => {
    fc.assert(
      fc.property(anyValue, anyValue, anyValue, (...values) => {
        const [a, b, c] = values.map(sortValue) as [SortValue, SortValue, SortValue];
        expect(Math.sign(compareValues(a, b)) + Math.sign(compareValues(b, a))).toBe(0);
        expect(compareValues(a, a)).toBe(0);
        if (compareValues(a, b) === 0) expect(a === b).toBe(true);
        if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0) {
          expect(compareValues(a, c)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });

  it('infinities keep their ends, NaN counts as missing', () => {
    expect(
      sorted([NaN, Infinity, 5, -Infinity, 2n ** 62n]).map((value) => value ?? 'missing'),
    ).toEqual([-Number.MAX_VALUE, 5, 2 ** 62, Number.MAX_VALUE, 'missing']);
  });

  it('a place in the order survives the JSON of a cursor', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const place = sortValue(value);
        expect(compareValues(place, JSON.parse(JSON.stringify(place)) as SortValue)).toBe(0);
      }),
    );
  });

  it('lists and nested ads are ordered by their text, 64-bit integers inside included', () => {
    expect(sortValue([1, 'x', 2n ** 60n])).toBe('[1,"x","1152921504606846976"]');
    expect(sortValue({ a: { b: 2n ** 60n } })).toBe('{"a":{"b":"1152921504606846976"}}');
  });
});

describe('rows have one order', () => {
  it('antisymmetric and transitive; only a row of the same id is in the same place', () => {
    fc.assert(
      fc.property(anyOrder, anyItem, anyItem, anyItem, (order, ...rows) => {
        const compare = comparator(order);
        const [a, b, c] = rows.map((row) => keyOf(row, order, items)) as [never, never, never];
        expect(Math.sign(compare(a, b)) + Math.sign(compare(b, a))).toBe(0);
        if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
        if (compare(a, b) === 0) expect(rows[0]?.id).toEqual(rows[1]?.id);
      }),
    );
  });

  it('the first term that differs decides, in its direction', () => {
    const order = [
      { ref: field('a'), direction: 'DESC' as const },
      { ref: field('b'), direction: 'ASC' as const },
    ];
    const rows = [item(1, { a: 1, b: 1 }), item(2, { a: 2, b: 2 }), item(3, { a: 2, b: 1 })];
    const keys = rows.map((row) => keyOf(row, order, items)).sort(comparator(order));
    expect(keys.map(({ id }) => id[0])).toEqual([3, 2, 1]);
  });

  it('a descending order is the ascending one reversed: missing values come first', () => {
    const order = [{ ref: field('a'), direction: 'DESC' as const }];
    const rows = [item(1, { a: 1 }), item(2), item(3, { a: 'x' })];
    const keys = rows.map((row) => keyOf(row, order, items)).sort(comparator(order));
    expect(keys.map(({ id }) => id[0])).toEqual([2, 3, 1]);
  });

  it('ids break ties upwards, whatever the direction', () => {
    for (const direction of ['ASC', 'DESC'] as const) {
      const order = [{ ref: field('a'), direction }];
      const keys = [3, 1, 2].map((id) => keyOf(item(id, { a: 1 }), order, items));
      expect(keys.sort(comparator(order)).map(({ id }) => id[0])).toEqual([1, 2, 3]);
    }
  });

  it('ids compare part by part, numbers as numbers; a prefix comes first', () => {
    const ids = [
      ['a', 10, 0],
      ['a', 9, 1],
      ['b', 1],
      ['a', 9],
    ];
    expect(ids.sort(compareIds)).toEqual([
      ['a', 9],
      ['a', 9, 1],
      ['a', 10, 0],
      ['b', 1],
    ]);
  });
});
