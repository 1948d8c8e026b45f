/** Plans to try sources on. */
import fc from 'fast-check';
import { comparator, keyOf } from '../../src/query/compare.js';
import type {
  AggregateSpec,
  GroupingSpec,
  ListPlan,
  PageRequest,
  Projection,
} from '../../src/query/plan.js';
import { always, type Ref } from '../../src/query/predicate.js';
import { anyOrder, anyPredicate, anyRef, attribute, field, type Item, items } from './items.js';

/** A plan that reads nothing, with what a test asks for. */
export const planOf = (more: Partial<ListPlan> = {}): ListPlan => ({
  filter: always,
  order: [],
  page: undefined,
  projection: { fields: new Set(), attributes: new Set() },
  count: false,
  groupings: [],
  aggregates: undefined,
  ...more,
});

export const firstPage = (limit: number): PageRequest => ({
  from: 'front',
  limit,
  after: undefined,
  before: undefined,
});

export const groupingBy = (ref: Ref, more: Partial<GroupingSpec> = {}): GroupingSpec => ({
  name: 'groups',
  by: [{ ref, bucket: undefined }],
  countAtLeast: 1,
  orderBy: 'KEY_ASC',
  first: 100,
  aggregates: undefined,
  nodes: [],
  groups: [],
  ...more,
});

const aggregates: fc.Arbitrary<AggregateSpec | undefined> = fc.option(
  fc.record({
    byState: fc.boolean(),
    distributions: fc.subarray<Ref>([field('size'), attribute('Memory')], { maxLength: 2 }),
  }),
  { nil: undefined },
);

const grouping = (name: string, depth: number): fc.Arbitrary<GroupingSpec> =>
  fc.record({
    name: fc.constant(name),
    by: fc.array(
      fc.record({ ref: anyRef, bucket: fc.constantFrom(undefined, undefined, { width: 10 }) }),
      { minLength: 1, maxLength: 2 },
    ),
    countAtLeast: fc.integer({ min: 1, max: 2 }),
    orderBy: fc.constantFrom('COUNT_DESC', 'COUNT_ASC', 'KEY_ASC', 'KEY_DESC'),
    first: fc.integer({ min: 1, max: 10 }),
    aggregates: fc.oneof(fc.constant(undefined), aggregates),
    nodes: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: fc
          .record({ first: fc.integer({ min: 1, max: 3 }), order: anyOrder })
          .map((spec) => [{ name: 'nodes', ...spec }]),
      },
    ),
    groups:
      depth === 0 ? fc.constant([]) : fc.array(grouping('inner', depth - 1), { maxLength: 1 }),
  });

const projection: fc.Arbitrary<Projection> = fc.record({
  fields: fc.subarray(['state', 'owner', 'size']).map((names) => new Set(names)),
  attributes: fc.oneof(
    fc.subarray(['Memory', 'Tag']).map((names) => new Set(names)),
    fc.constant('all' as const),
  ),
});

/** Any plan over these rows, its cursors those of rows that exist. */
export function anyPlan(rows: readonly Item[]): fc.Arbitrary<ListPlan> {
  const place = fc.option(fc.nat(Math.max(0, rows.length - 1)), { nil: undefined });
  const page = fc.option(
    fc.record({
      from: fc.constantFrom('front' as const, 'back' as const),
      limit: fc.integer({ min: 1, max: 6 }),
      low: place,
      high: place,
    }),
    { nil: undefined },
  );
  return fc
    .record({
      filter: fc.oneof(fc.constant(always), anyPredicate),
      order: fc.oneof(fc.constant([]), anyOrder),
      page,
      projection,
      count: fc.boolean(),
      groupings: fc.oneof(
        fc.constant([]),
        fc.tuple(grouping('a', 1)),
        fc.tuple(grouping('a', 1), grouping('b', 0)),
      ),
      aggregates,
    })
    .map(({ page, ...plan }) => {
      if (page === undefined) return { ...plan, page };
      const keys = rows.map((row) => keyOf(row, plan.order, items)).sort(comparator(plan.order));
      const { from, limit, low, high } = page;
      const crossed = low !== undefined && high !== undefined && low >= high;
      const after = low === undefined ? undefined : keys[low];
      const before = high === undefined || crossed ? undefined : keys[high];
      return { ...plan, page: { from, limit, after, before } };
    });
}
