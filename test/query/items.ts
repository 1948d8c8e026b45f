/** Rows to try the engine on: plain values under fields and attributes, of any type or none. */
import fc from 'fast-check';
import type { OrderTerm } from '../../src/query/plan.js';
import type { Predicate, Ref, Value } from '../../src/query/predicate.js';
import type { RowType } from '../../src/query/source.js';

export interface Item {
  readonly id: readonly (string | number)[];
  readonly fields: Readonly<Record<string, Value>>;
  /** By lower-case name. */
  readonly attributes: Readonly<Record<string, Value>>;
}

export const items: RowType<Item> = {
  read: (item, ref) =>
    'field' in ref ? item.fields[ref.field] : item.attributes[ref.attribute.toLowerCase()],
  idKey: (item) => item.id,
};

export const field = (name: string): Ref => ({ field: name });
export const attribute = (name: string): Ref => ({ attribute: name });

/** An item of fields alone. */
export const item = (id: number, fields: Item['fields'] = {}, attributes = {}): Item => ({
  id: [id],
  fields,
  attributes,
});

export const refs: readonly Ref[] = [
  field('state'),
  field('owner'),
  field('size'),
  attribute('Memory'),
  attribute('Tag'),
];

const words = ['', 'a', 'ab', 'B', '1', 'undefined', 'ä', '\u0000', '\ud83d', '😀'.repeat(200)];

/** Whatever a grid may hold: every type, missing in both ways, and the numbers that are none. */
export const anyValue: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom(undefined, null, true, false, NaN, Infinity, -Infinity, -0, 2n ** 60n + 1n),
  fc.constantFrom(...words),
  fc.integer({ min: -3, max: 3 }),
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.array(fc.constantFrom(1, 'x', 2n ** 60n, null), { maxLength: 2 }),
  fc.constantFrom({ a: 1 }, { a: 2n ** 60n }),
);

/** Few distinct values, so that filters hit and groups and orders have ties; sums stay exact. */
const plainFields = fc.record({
  state: fc.constantFrom('QUEUED', 'RUNNING', 'HELD'),
  owner: fc.constantFrom('alice', 'bob', null, undefined),
  size: fc.constantFrom(undefined, 0, 1, 5, 17, 100),
});
const plainAttributes = fc.record({
  memory: fc.constantFrom(undefined, 128, 256, 4096),
  tag: fc.constantFrom(undefined, '1', 1, true, 'undefined'),
});
const anyFields = fc.record({ state: anyValue, owner: anyValue, size: anyValue });
const anyAttributes = fc.record({ memory: anyValue, tag: anyValue });

export const anyItem: fc.Arbitrary<Item> = fc.record({
  id: fc.tuple(fc.constantFrom('a', 'b'), fc.nat(50)),
  fields: anyFields,
  attributes: anyAttributes,
});

const distinct = (one: fc.Arbitrary<Item>, maxLength: number): fc.Arbitrary<Item[]> =>
  fc.uniqueArray(one, { maxLength, selector: ({ id }) => id.join() });

export const anyItems = (maxLength = 30): fc.Arbitrary<Item[]> => distinct(anyItem, maxLength);
export const plainItems = (maxLength = 30): fc.Arbitrary<Item[]> =>
  distinct(
    fc.record({
      id: fc.tuple(fc.constantFrom('a', 'b'), fc.nat(50)),
      fields: plainFields,
      attributes: plainAttributes,
    }),
    maxLength,
  );

export const anyRef: fc.Arbitrary<Ref> = fc.constantFrom(...refs);

export const anyOrder: fc.Arbitrary<readonly OrderTerm[]> = fc.array(
  fc.record({ ref: anyRef, direction: fc.constantFrom('ASC' as const, 'DESC' as const) }),
  { maxLength: 3 },
);

const wanted = fc.oneof(
  fc.constantFrom<string | number | boolean>(true, false, 'alice', 'QUEUED', 256, ...words),
  fc.integer({ min: -3, max: 20 }),
);

/** A leaf that asks for something; a missing value fails it. */
export const anyLeaf: fc.Arbitrary<Predicate> = fc.oneof(
  fc.record({ op: fc.constant('defined' as const), ref: anyRef }),
  fc.record({
    op: fc.constant('in' as const),
    ref: anyRef,
    values: fc.array(wanted, { maxLength: 3 }),
  }),
  fc.record({
    op: fc.constantFrom('eq', 'lt', 'lte', 'gt', 'gte', 'startsWith', 'contains'),
    ref: anyRef,
    value: wanted,
  }),
);

export const anyPredicate: fc.Arbitrary<Predicate> = fc.letrec<{ tree: Predicate }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    anyLeaf,
    fc.record({ op: fc.constant('const' as const), value: fc.boolean() }),
    fc.record({ op: fc.constant('not' as const), term: tie('tree') }),
    fc.record({
      op: fc.constantFrom('and' as const, 'or' as const),
      terms: fc.array(tie('tree'), { maxLength: 3 }),
    }),
  ),
})).tree;
