import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  always,
  and,
  decide,
  matches,
  never,
  not,
  or,
  type Predicate,
  type Ref,
  refsOf,
  type Value,
} from '../../src/query/predicate.js';
import { refName } from '../../src/query/aggregate.js';
import {
  anyItem,
  anyLeaf,
  anyPredicate,
  anyRef,
  field,
  type Item,
  item,
  items,
  refs,
} from './items.js';

const passes = (predicate: Predicate, value: Value): boolean =>
  matches(predicate, item(1, { x: value }), items.read);
const x = field('x');

describe('a filter is two-valued', () => {
  it('not() passes exactly the rows that its term does not', () => {
    fc.assert(
      fc.property(anyPredicate, anyItem, (p, row) => {
        expect(matches(not(p), row, items.read)).toBe(!matches(p, row, items.read));
      }),
    );
  });

  it('obeys de Morgan, whatever the values', () => {
    fc.assert(
      fc.property(anyPredicate, anyPredicate, anyItem, (a, b, row) => {
        const same = (p: Predicate, q: Predicate) =>
          expect(matches(p, row, items.read)).toBe(matches(q, row, items.read));
        same(not(and(a, b)), or(not(a), not(b)));
        same(not(or(a, b)), and(not(a), not(b)));
      }),
    );
  });

  it('a missing value fails every positive match, and passes once that is negated', () => {
    fc.assert(
      fc.property(anyLeaf, fc.constantFrom(undefined, null), (leaf, missing) => {
        expect(matches(leaf, undefined, () => missing)).toBe(false);
        expect(matches(not(leaf), undefined, () => missing)).toBe(true);
      }),
    );
  });
});

describe('values are compared within their type', () => {
  it.each<[string, Predicate, Value, boolean]>([
    ['a number is not its text', { op: 'eq', ref: x, value: '1' }, 1, false],
    ['text is not its number', { op: 'in', ref: x, values: [1, true] }, '1', false],
    ['case counts', { op: 'eq', ref: x, value: 'alice' }, 'Alice', false],
    ['case counts in parts of a text', { op: 'contains', ref: x, value: 'LIC' }, 'alice', false],
    ['a text starts with the empty text', { op: 'startsWith', ref: x, value: '' }, 'a', true],
    ['a number starts with nothing', { op: 'startsWith', ref: x, value: 1 }, 1, false],
    ['a 64-bit integer equals its number', { op: 'eq', ref: x, value: 5 }, 5n, true],
    ['64-bit integers compare exactly', { op: 'gt', ref: x, value: 2 ** 53 }, 2n ** 53n + 1n, true],
    ['NaN equals nothing', { op: 'eq', ref: x, value: 0 }, NaN, false],
    ['NaN is in no range', { op: 'lte', ref: x, value: Infinity }, NaN, false],
    ['booleans are equal or not', { op: 'eq', ref: x, value: false }, false, true],
    ['booleans have no order', { op: 'lte', ref: x, value: true }, true, false],
    ['a list equals no scalar', { op: 'eq', ref: x, value: '1' }, ['1'], false],
    ['a list is a value', { op: 'defined', ref: x }, [], true],
    ['an empty list of values passes nothing', { op: 'in', ref: x, values: [] }, 1, false],
  ])('%s', (_promise, predicate, value, expected) => {
    expect(passes(predicate, value)).toBe(expected);
  });

  it('exactly one of less, equal and greater holds between two numbers, or two texts', () => {
    const number = fc.double({ noNaN: true });
    fc.assert(
      fc.property(
        fc.oneof(fc.tuple(number, number), fc.tuple(fc.string(), fc.string())),
        ([value, wanted]) => {
          const holding = (['lt', 'eq', 'gt'] as const).filter((op) =>
            passes({ op, ref: x, value: wanted }, value),
          );
          expect(holding).toHaveLength(1);
          expect(passes({ op: 'lte', ref: x, value: wanted }, value)).toBe(holding[0] !== 'gt');
          expect(passes({ op: 'gte', ref: x, value: wanted }, value)).toBe(holding[0] !== 'lt');
        },
      ),
    );
  });
});

describe('and/or fold what is constant', () => {
  const leaf: Predicate = { op: 'defined', ref: x };
  const other: Predicate = { op: 'eq', ref: x, value: 1 };

  it('an empty and() is true, an empty or() is false', () => {
    expect(and()).toEqual(always);
    expect(or()).toEqual(never);
  });

  it('neutral terms vanish, absorbing terms decide', () => {
    expect(and(always, leaf, always)).toBe(leaf);
    expect(or(never, leaf)).toBe(leaf);
    expect(and(leaf, never)).toEqual(never);
    expect(or(leaf, always)).toEqual(always);
  });

  it('nests of the same kind become one, others stay', () => {
    expect(and(leaf, and(other, leaf))).toEqual({ op: 'and', terms: [leaf, other, leaf] });
    expect(or(leaf, and(other, leaf))).toEqual({ op: 'or', terms: [leaf, and(other, leaf)] });
  });

  it('two negations cancel, a negated constant is a constant', () => {
    expect(not(not(leaf))).toBe(leaf);
    expect(not(always)).toEqual(never);
    expect(not(never)).toEqual(always);
  });

  it('changes no answer', () => {
    fc.assert(
      fc.property(fc.array(anyPredicate, { maxLength: 4 }), anyItem, (terms, row) => {
        const passing = terms.map((term) => matches(term, row, items.read));
        expect(matches(and(...terms), row, items.read)).toBe(passing.every(Boolean));
        expect(matches(or(...terms), row, items.read)).toBe(passing.some(Boolean));
      }),
    );
  });
});

describe('a filter decided for a source', () => {
  const knowing =
    (some: readonly Ref[], read: (ref: Ref) => Value) =>
    (ref: Ref): Value =>
      some.some((known) => refName(known) === refName(ref)) ? read(ref) : undefined;

  it('passes the same rows, among those that have the known values', () => {
    fc.assert(
      fc.property(anyPredicate, anyItem, fc.subarray([...refs]), (p, row, some) => {
        const decided = decide(
          p,
          knowing(some, (ref) => items.read(row, ref)),
        );
        expect(matches(decided, row, items.read)).toBe(matches(p, row, items.read));
      }),
    );
  });

  it('reads the known refs no more, and is a constant when all are known', () => {
    fc.assert(
      fc.property(anyPredicate, fc.subarray([...refs]), (p, some) => {
        const decided = decide(
          p,
          knowing(some, () => 1),
        );
        const left = refsOf(decided).map(refName);
        for (const ref of some) expect(left).not.toContain(refName(ref));
        expect(decide(p, () => 'a').op).toBe('const');
      }),
    );
  });

  it('a ref that is known to be missing (null) decides as well', () => {
    expect(decide({ op: 'defined', ref: x }, () => null)).toEqual(never);
    expect(decide(not({ op: 'eq', ref: x, value: 1 }), () => null)).toEqual(always);
  });
});

describe('the refs of a filter', () => {
  it('are all it reads: other values change nothing', () => {
    fc.assert(
      fc.property(anyPredicate, anyItem, (p, row) => {
        const read = new Set(refsOf(p).map(refName));
        const limited = (_row: Item, ref: Ref) =>
          read.has(refName(ref)) ? items.read(row, ref) : 'something else';
        expect(matches(p, row, limited)).toBe(matches(p, row, items.read));
      }),
    );
  });

  it('are those of every leaf, also under not', () => {
    fc.assert(
      fc.property(anyRef, anyRef, (a, b) => {
        const p = or({ op: 'defined', ref: a }, not(and({ op: 'eq', ref: b, value: 1 })));
        expect(refsOf(p)).toEqual([a, b]);
      }),
    );
  });
});
