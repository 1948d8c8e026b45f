/**
 * The plan of one list: everything that a client's selection needs, compiled before the scan starts.
 * It holds plain data; `resolvers/` makes it from a selection, `list.ts` runs it over sources.
 */
import { hasConstraint, refsOf, type Predicate, type Ref } from './predicate.js';

export type Direction = 'ASC' | 'DESC';

/** One term of an order. Every order ends in the row's own id, ascending, so it is total. */
export interface OrderTerm {
  readonly ref: Ref;
  readonly direction: Direction;
}

/** What to read of each row: fields of the graph, and attributes of the grid's record (`'all'` for a whole ad). */
export interface Projection {
  readonly fields: ReadonlySet<string>;
  readonly attributes: ReadonlySet<string> | 'all';
}

/** A position in an ordered list: the values of the order's terms, then the row's id key. */
export interface PageKey {
  readonly order: readonly (string | number | boolean | null)[];
  readonly id: readonly (string | number)[];
}

/** One page: `limit` rows after `after` and before `before`, taken from the front or from the back. */
export interface PageRequest {
  readonly from: 'front' | 'back';
  readonly limit: number;
  readonly after: PageKey | undefined;
  readonly before: PageKey | undefined;
}

/** Numbers into ranges of `width`, or times into ranges of `everyMs` counted from the epoch in UTC. */
export type Bucket = { readonly width: number } | { readonly everyMs: number };

export interface GroupKeySpec {
  readonly ref: Ref;
  readonly bucket: Bucket | undefined;
}

export type GroupOrder = 'COUNT_DESC' | 'COUNT_ASC' | 'KEY_ASC' | 'KEY_DESC';

/** Which aggregates to keep: counts by state, and a distribution for each numeric ref. */
export interface AggregateSpec {
  readonly byState: boolean;
  readonly distributions: readonly Ref[];
}

/** A selection of a group's own rows. */
export interface GroupNodesSpec {
  readonly name: string;
  readonly first: number;
  readonly order: readonly OrderTerm[];
}

/** One `groups(…)` selection; `name` tells it from others of the same plan (two aliases, two specs). */
export interface GroupingSpec {
  readonly name: string;
  readonly by: readonly GroupKeySpec[];
  readonly countAtLeast: number;
  readonly orderBy: GroupOrder;
  readonly first: number;
  readonly aggregates: AggregateSpec | undefined;
  readonly nodes: readonly GroupNodesSpec[];
  readonly groups: readonly GroupingSpec[];
}

export interface ListPlan {
  /** What the caller may see at all: joined to the filter, not subject to what clients may ask by. */
  readonly scope?: Predicate;
  readonly filter: Predicate;
  readonly order: readonly OrderTerm[];
  /** Undefined where the selection reads no rows: then none are fetched. */
  readonly page: PageRequest | undefined;
  /** What the rows of the page and of the groups show. */
  readonly projection: Projection;
  readonly count: boolean;
  readonly groupings: readonly GroupingSpec[];
  readonly aggregates: AggregateSpec | undefined;
}

/** What a plan filters, orders, groups and sums up by: answers tell of its values, so each must be allowed. */
export const refsOfPlan = ({
  filter,
  order,
  groupings,
  aggregates,
}: Pick<ListPlan, 'filter' | 'order' | 'groupings' | 'aggregates'>): readonly Ref[] => [
  ...refsOf(filter),
  ...order.map(({ ref }) => ref),
  ...groupings.flatMap(refsOfGrouping),
  ...(aggregates?.distributions ?? []),
];

const refsOfGrouping = ({ by, nodes, groups, aggregates }: GroupingSpec): readonly Ref[] => [
  ...by.map(({ ref }) => ref),
  ...nodes.flatMap(({ order }) => order.map(({ ref }) => ref)),
  ...(aggregates?.distributions ?? []),
  ...groups.flatMap(refsOfGrouping),
];

/** Everything both projections ask for. */
export function union(a: Projection, b: Projection): Projection {
  return {
    fields: new Set([...a.fields, ...b.fields]),
    attributes:
      a.attributes === 'all' || b.attributes === 'all'
        ? 'all'
        : new Set([...a.attributes, ...b.attributes]),
  };
}

/** Whether rows read by `read` have all that `wanted` asks for. */
export function covers(read: Projection, wanted: Projection): boolean {
  const has = (part: ReadonlySet<string>, all: ReadonlySet<string>) =>
    [...part].every((name) => all.has(name));
  if (!has(wanted.fields, read.fields)) return false;
  if (read.attributes === 'all') return true;
  return wanted.attributes !== 'all' && has(wanted.attributes, read.attributes);
}

/** What has to be read of each row to evaluate a filter here. */
export function projectionFor(filter: Predicate): Projection {
  const projection = projectionOf(refsOf(filter));
  return hasConstraint(filter) ? { ...projection, attributes: 'all' } : projection;
}

/** The projection that reads these refs. */
export function projectionOf(refs: Iterable<Ref>): Projection {
  const fields = new Set<string>();
  const attributes = new Set<string>();
  for (const ref of refs) {
    if ('field' in ref) fields.add(ref.field);
    else attributes.add(ref.attribute);
  }
  return { fields, attributes };
}
