/**
 * Runs the plan of one list over its sources, each in parallel with a deadline of its own: the
 * cheapest way each source offers, rows merged here, a report from every source that was asked.
 */
import { asGridError, GridError } from '../errors.js';
import { type Collected, Collector } from './collect.js';
import { type ListPlan, projectionOf, type Projection, union } from './plan.js';
import type { GroupingSpec } from './plan.js';
import { decide, type Ref } from './predicate.js';
import type { SourceReport, SourceStatus } from './report.js';
import type { RowType, Source, SourceNotes, SourceRequest } from './source.js';

export interface ListAnswer<Row> extends Omit<Collected<Row>, 'returned'> {
  readonly sources: readonly SourceReport[];
}

export interface ListOptions<Row> {
  readonly type: RowType<Row>;
  readonly signal: AbortSignal;
  /** Distinct group keys kept, all groupings of the list together. @default 10000 */
  readonly maxGroups?: number;
}

export async function list<Row extends object>(
  plan: ListPlan,
  sources: readonly Source<Row>[],
  { type, signal, maxGroups }: ListOptions<Row>,
): Promise<ListAnswer<Row>> {
  const collector = new Collector<Row>(plan, type, maxGroups);
  const asked = await Promise.all(sources.map((source) => ask(source, plan, collector, signal)));
  const { returned, ...collected } = await collector.answer(
    (source, rows) =>
      source.widen?.(rows, { projection: plan.projection, signal }) ?? Promise.resolve(rows),
  );
  const reports = asked.filter((report) => report !== undefined);
  return {
    ...collected,
    sources: reports.map(({ source, ...report }) => ({
      ...report,
      returned: returned.get(source) ?? 0,
    })),
  };
}

/** Undefined where the filter excludes the whole source. */
async function ask<Row extends object>(
  source: Source<Row>,
  plan: ListPlan,
  collector: Collector<Row>,
  signal: AbortSignal,
): Promise<(Omit<SourceReport, 'returned'> & { source: Source<Row> }) | undefined> {
  const filter = decide(plan.filter, (ref) => source.known(ref));
  if (filter.op === 'const' && !filter.value) return undefined;
  const started = performance.now();
  const deadline = AbortSignal.timeout(source.deadlineMs);
  const notes: SourceNotes = {};
  const seen = { rows: 0 };
  let error: GridError | undefined;
  try {
    await fill(source, plan, collector, {
      filter,
      notes,
      signal: AbortSignal.any([signal, deadline]),
      seen,
    });
    error = notes.partial && asGridError(notes.partial);
  } catch (thrown) {
    signal.throwIfAborted();
    error = deadline.aborted ? overdue(source) : asGridError(thrown);
    if (!isSourceTrouble(error)) throw error;
  }
  return {
    source,
    gridName: source.grid,
    part: source.part ?? null,
    status: error ? statusOf(error, notes.partial !== undefined || seen.rows > 0) : 'OK',
    scanned: notes.scanned ?? null,
    truncated: notes.truncated ?? false,
    asOf: notes.asOfMs ?? null,
    latencyMs: Math.round(performance.now() - started),
    pushedDown: notes.pushedDown ?? null,
    error: error ? describe(error) : null,
  };
}

/** The page and the counts apart where the grid makes each cheaply, else one scan for both. */
async function fill<Row extends object>(
  source: Source<Row>,
  plan: ListPlan,
  collector: Collector<Row>,
  { seen, ...request }: SourceRequest & { readonly seen: { rows: number } },
): Promise<void> {
  const counts = plan.count || plan.groupings.length > 0 || plan.aggregates !== undefined;
  const by = counts ? countable(plan) : undefined;
  const tallies = by && source.tally?.({ ...request, by });
  const window =
    plan.page && plan.order.length === 0 && (!counts || tallies)
      ? source.window?.({ ...request, page: plan.page, projection: plan.projection })
      : undefined;
  if ((plan.page === undefined || window) && (!counts || tallies)) {
    const counting = async () => {
      for await (const tally of tallies ?? []) {
        seen.rows += tally.count;
        collector.tally(tally);
      }
    };
    const paging = async () => {
      if (window) collector.window(await window, source);
    };
    await Promise.all([counting(), paging()]);
    return;
  }
  const narrow = scanned(plan);
  const projection = source.widen ? narrow : union(narrow, plan.projection);
  for await (const row of source.scan({ ...request, projection })) {
    seen.rows++;
    collector.row(row, source);
  }
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

const overdue = (source: Pick<Source<unknown>, 'grid' | 'part' | 'deadlineMs'>): GridError =>
  new GridError(
    'TIMED_OUT',
    `${[source.grid, source.part].filter(Boolean).join(' ')} did not answer within ${source.deadlineMs} ms.`,
  );

/** Trouble of one source becomes its report; a fault of the request or of this server is raised. */
function isSourceTrouble({ code }: GridError): boolean {
  return ['UNAVAILABLE', 'TIMED_OUT', 'THROTTLED', 'FORBIDDEN'].includes(code);
}

function statusOf({ code }: GridError, contributed: boolean): SourceStatus {
  if (contributed) return 'PARTIAL';
  return code === 'TIMED_OUT' || code === 'FORBIDDEN' ? code : 'UNAVAILABLE';
}

const describe = (error: GridError): NonNullable<SourceReport['error']> => ({
  code: error.code,
  message: error.message,
  retryable: error.retryable,
  retryAfterMs: error.retryAfterMs ?? null,
});
