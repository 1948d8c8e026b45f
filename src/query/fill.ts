/** Reads what one source has for a list, in the cheapest way that it offers. */
import { each } from './deadline.js';
import { type GroupingSpec, type ListPlan, type Projection, projectionOf, union } from './plan.js';
import type { Ref } from './predicate.js';
import type { Source, SourceRequest, Tally, Window } from './source.js';

/** Takes what sources yield; counts and pages that a grid made, where it has a use for them. */
export interface Gatherer<Row> {
  row(row: Row, source: Source<Row>): void;
  tally?(tally: Tally<Row>): void;
  window?(window: Window<Row>, source: Source<Row>): void;
}

export interface CutPlan {
  readonly plan: ListPlan;
  /** Whether the page is shorter than it was asked for. */
  readonly isCut: boolean;
}

/** The page and the counts apart where the grid makes each cheaply, else one scan for both. */
export async function fill<Row extends object>(
  source: Source<Row>,
  { plan, isCut }: CutPlan,
  gatherer: Gatherer<Row>,
  { seen, ...request }: SourceRequest & { readonly seen: { rows: number } },
): Promise<void> {
  const counts = plan.count || plan.groupings.length > 0 || plan.aggregates !== undefined;
  const { signal } = request;
  const by = counts && gatherer.tally ? countable(plan) : undefined;
  const tallies = by && source.tally?.({ ...request, by });
  const window =
    gatherer.window && plan.page && plan.order.length === 0 && (!counts || tallies)
      ? source.window?.({ ...request, page: plan.page, projection: plan.projection })
      : undefined;
  if ((plan.page === undefined || window) && (!counts || tallies)) {
    const counting = async () => {
      if (!tallies) return;
      await each(tallies, signal, (batch) => {
        for (const tally of batch) {
          seen.rows += tally.count;
          gatherer.tally?.(tally);
        }
      });
    };
    const paging = async () => {
      const cut = await window;
      signal.throwIfAborted();
      if (!cut) return;
      seen.rows += cut.rows.length;
      const { from } = plan.page ?? {};
      if (isCut && cut.more[from === 'back' ? 'before' : 'after']) request.notes.truncated = true;
      gatherer.window?.(cut, source);
    };
    // Both are waited for: where one fails, what the other finds still stands.
    for (const half of await Promise.allSettled([counting(), paging()])) {
      if (half.status === 'rejected') throw half.reason;
    }
    return;
  }
  const narrow = scanned(plan);
  const projection = source.widen ? narrow : union(narrow, plan.projection);
  await each(source.scan({ ...request, projection }), signal, (row) => {
    seen.rows++;
    gatherer.row(row, source);
  });
}

/** The refs that the counts of a plan need, or undefined where they need rows (group nodes, distributions). */
function countable({ groupings, aggregates }: ListPlan): readonly Ref[] | undefined {
  if (groupings.some(needsRows) || (aggregates?.distributions.length ?? 0) > 0) return undefined;
  const states = aggregates?.byState || groupings.some(countsStates);
  return [...groupings.flatMap(keysOf), ...(states ? [{ field: 'state' }] : [])];
}

const needsRows = ({ nodes, aggregates, groups }: GroupingSpec): boolean =>
  nodes.length > 0 || (aggregates?.distributions.length ?? 0) > 0 || groups.some(needsRows);

const countsStates = ({ aggregates, groups }: GroupingSpec): boolean =>
  (aggregates?.byState ?? false) || groups.some(countsStates);

const keysOf = ({ by, groups }: GroupingSpec): readonly Ref[] => [
  ...by.map(({ ref }) => ref),
  ...groups.flatMap(keysOf),
];

/** What a scan has to read of every row, whether it ends on the page or not. */
function scanned({ order, groupings, aggregates }: ListPlan): Projection {
  const of = (grouping: GroupingSpec): readonly Ref[] => [
    ...grouping.by.map(({ ref }) => ref),
    ...grouping.nodes.flatMap((nodes) => nodes.order.map(({ ref }) => ref)),
    ...(grouping.aggregates?.distributions ?? []),
    ...grouping.groups.flatMap(of),
  ];
  const states = aggregates?.byState || groupings.some(countsStates);
  return projectionOf([
    ...order.map(({ ref }) => ref),
    ...groupings.flatMap(of),
    ...(aggregates?.distributions ?? []),
    ...(states ? [{ field: 'state' }] : []),
  ]);
}
