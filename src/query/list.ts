/**
 * Runs the plan of one list over its sources, each in parallel with a deadline of its own: the
 * cheapest way each source offers, rows merged here, a report from every source that was asked.
 */
import { asGridError, GridError } from '../errors.js';
import { type Collected, Collector } from './collect.js';
import { each, within } from './deadline.js';
import {
  type GroupingSpec,
  type ListPlan,
  type Projection,
  projectionOf,
  refsOfPlan,
  union,
} from './plan.js';
import { and, decide, type Predicate, type Ref } from './predicate.js';
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
  signal.throwIfAborted();
  const ending = new AbortController();
  const bounded = AbortSignal.any([signal, ending.signal]);
  try {
    const wanted = sources.flatMap((source) => wantedOf(source, plan));
    const refs = refsOfPlan(plan);
    await Promise.all(wanted.map(async ({ source }) => source.admits?.(refs, bounded)));
    const cut = cutPage(plan, wanted);
    const collector = new Collector<Row>(cut.plan, type, maxGroups);
    const asked = await Promise.all(
      wanted.map(({ source, filter }) => ask(source, filter, cut, collector, bounded)),
    );
    const lost = new Map<Source<Row>, GridError>();
    const { returned, ...collected } = await collector.answer((source, rows) =>
      widen(source, rows, plan.projection, bounded, lost),
    );
    const reports = asked.map((contribution) => {
      const { source } = contribution;
      return report(source, contribution, returned.get(source) ?? 0, lost.get(source));
    });
    return { ...collected, sources: reports };
  } catch (fault) {
    // One source met a fault of the request: the others are told to stop.
    ending.abort(fault);
    throw fault;
  }
}

/** What one source did for the answer, before it is known which of its rows are on the page. */
interface Contribution<Row> {
  readonly source: Source<Row>;
  readonly notes: SourceNotes;
  readonly rows: number;
  readonly latencyMs: number;
  readonly error: GridError | undefined;
}

interface Wanted<Row> {
  readonly source: Source<Row>;
  /** With what is known of the source decided. */
  readonly filter: Predicate;
}

/** Nothing where the filter excludes the whole source. */
function wantedOf<Row>(source: Source<Row>, { scope, filter }: ListPlan): readonly Wanted<Row>[] {
  const whole = scope === undefined ? filter : and(scope, filter);
  const decided = decide(whole, (ref) => source.known(ref));
  return decided.op === 'const' && !decided.value ? [] : [{ source, filter: decided }];
}

/**
 * The plan with a page that every source may fill. All get the same one: with a shorter page of one source alone, the
 * rows behind its end would lie before the cursor that the others' rows end with.
 */
function cutPage<Row>(plan: ListPlan, wanted: readonly Wanted<Row>[]): CutPlan {
  const { page } = plan;
  const most = Math.min(...wanted.map(({ source }) => source.maxRows ?? Infinity));
  if (page === undefined || page.limit <= most) return { plan, isCut: false };
  return { plan: { ...plan, page: { ...page, limit: Math.max(1, most) } }, isCut: true };
}

interface CutPlan {
  readonly plan: ListPlan;
  /** Whether the page is shorter than it was asked for. */
  readonly isCut: boolean;
}

async function ask<Row extends object>(
  source: Source<Row>,
  filter: Predicate,
  plan: CutPlan,
  collector: Collector<Row>,
  signal: AbortSignal,
): Promise<Contribution<Row>> {
  const started = performance.now();
  const notes: SourceNotes = {};
  const seen = { rows: 0 };
  const trouble = await troubleOf(source, signal, (bounded) =>
    fill(source, plan, collector, { filter, notes, signal: bounded, seen }),
  );
  return {
    source,
    // A copy: work that was abandoned may go on writing.
    notes: { ...notes },
    rows: seen.rows,
    latencyMs: Math.round(performance.now() - started),
    error: trouble ?? (notes.partial && asGridError(notes.partial)),
  };
}

/** Rows that a source can't widen are left out of the answer, and its report says why. */
async function widen<Row>(
  source: Source<Row>,
  rows: readonly Row[],
  projection: Projection,
  signal: AbortSignal,
  lost: Map<Source<Row>, GridError>,
): Promise<readonly Row[] | undefined> {
  let widened = rows;
  const trouble = await troubleOf(source, signal, async (bounded) => {
    widened = (await source.widen?.(rows, { projection, signal: bounded })) ?? rows;
  });
  if (trouble === undefined) return widened;
  lost.set(source, trouble);
  return undefined;
}

/** Runs work of one source under its deadline; answers with its trouble, throws what is the request's fault. */
async function troubleOf(
  source: Pick<Source<unknown>, 'grid' | 'part' | 'deadlineMs'>,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<GridError | undefined> {
  const { deadlineMs } = source;
  try {
    await within({ signal, deadlineMs, overdue: () => overdue(source) }, work);
    return undefined;
  } catch (thrown) {
    signal.throwIfAborted();
    const error = asGridError(thrown);
    if (!isSourceTrouble(error)) throw error;
    return error;
  }
}

function report(
  { grid, part }: Pick<Source<unknown>, 'grid' | 'part'>,
  { notes, rows, latencyMs, error }: Contribution<unknown>,
  returned: number,
  lost: GridError | undefined,
): SourceReport {
  const failure = error ?? lost;
  const contributed = rows > 0 || notes.partial !== undefined || lost !== undefined;
  return {
    gridName: grid,
    part: part ?? null,
    status: failure ? statusOf(failure, contributed) : 'OK',
    returned,
    scanned: notes.scanned ?? null,
    truncated: notes.truncated ?? false,
    asOf: notes.asOfMs ?? null,
    latencyMs,
    pushedDown: notes.pushedDown ?? null,
    error: failure ? describe(failure) : null,
  };
}

/** The page and the counts apart where the grid makes each cheaply, else one scan for both. */
async function fill<Row extends object>(
  source: Source<Row>,
  { plan, isCut }: CutPlan,
  collector: Collector<Row>,
  { seen, ...request }: SourceRequest & { readonly seen: { rows: number } },
): Promise<void> {
  const counts = plan.count || plan.groupings.length > 0 || plan.aggregates !== undefined;
  const { signal } = request;
  const by = counts ? countable(plan) : undefined;
  const tallies = by && source.tally?.({ ...request, by });
  const window =
    plan.page && plan.order.length === 0 && (!counts || tallies)
      ? source.window?.({ ...request, page: plan.page, projection: plan.projection })
      : undefined;
  if ((plan.page === undefined || window) && (!counts || tallies)) {
    const counting = async () => {
      if (!tallies) return;
      await each(tallies, signal, (tally) => {
        seen.rows += tally.count;
        collector.tally(tally);
      });
    };
    const paging = async () => {
      const cut = await window;
      signal.throwIfAborted();
      if (!cut) return;
      seen.rows += cut.rows.length;
      const { from } = plan.page ?? {};
      if (isCut && cut.more[from === 'back' ? 'before' : 'after']) request.notes.truncated = true;
      collector.window(cut, source);
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
    collector.row(row, source);
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

const overdue = (source: Pick<Source<unknown>, 'grid' | 'part' | 'deadlineMs'>): GridError =>
  new GridError(
    'TIMED_OUT',
    `${[source.grid, source.part].filter(Boolean).join(' ')} did not answer within ${source.deadlineMs} ms.`,
  );

/** Trouble of one source becomes its report; a fault of the request or of this server is raised. */
function isSourceTrouble({ code }: GridError): boolean {
  return ['UNAVAILABLE', 'TIMED_OUT', 'THROTTLED', 'LIMIT_EXCEEDED', 'FORBIDDEN'].includes(code);
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
