/**
 * Runs the plan of one list over its sources, each in parallel with a deadline of its own: the
 * cheapest way each source offers, rows merged here, a report from every source that was asked.
 */
import { asGridError, GridError } from '../errors.js';
import { type Collected, Collector } from './collect.js';
import { within } from './deadline.js';
import { type CutPlan, fill, type Gatherer } from './fill.js';
import { type ListPlan, type Projection, refsOfPlan } from './plan.js';
import { and, decide, type Predicate } from './predicate.js';
import { describe, type SourceReport, statusOf } from './report.js';
import type { RowType, Source, SourceNotes } from './source.js';
import { Widening } from './widening.js';

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
  options: ListOptions<Row>,
): Promise<ListAnswer<Row>> {
  const one = { parts: [''], partOf: () => '' };
  const answers = await listEach(plan, one, sources, options);
  return answers.get('') as ListAnswer<Row>;
}

/** Which list a row belongs to; the rows of no part are in none. */
export interface Parts<Row> {
  readonly parts: readonly string[];
  readonly partOf: (row: Row) => string;
}

/** A list with the same plan for each part: the sources are read once, their rows dealt to the lists. */
export async function listEach<Row extends object>(
  plan: ListPlan,
  { parts, partOf }: Parts<Row>,
  sources: readonly Source<Row>[],
  { type, signal, maxGroups }: ListOptions<Row>,
): Promise<ReadonlyMap<string, ListAnswer<Row>>> {
  signal.throwIfAborted();
  const ending = new AbortController();
  const bounded = AbortSignal.any([signal, ending.signal]);
  try {
    const wanted = sources.flatMap((source) => wantedOf(source, plan));
    const refs = refsOfPlan(plan);
    await Promise.all(wanted.map(async ({ source }) => source.admits?.(refs, bounded)));
    const cut = cutPage(plan, wanted);
    const collectors = new Map(
      parts.map((part) => [part, new Collector<Row>(cut.plan, type, maxGroups)]),
    );
    const [only, ...others] = collectors.values();
    const gatherer: Gatherer<Row> =
      only !== undefined && others.length === 0
        ? only
        : { row: (row, source) => collectors.get(partOf(row))?.row(row, source) };
    const asked = await Promise.all(
      wanted.map(({ source, filter }) => ask(source, filter, cut, gatherer, bounded)),
    );
    const lost = new Map<Source<Row>, GridError>();
    const widening = new Widening<Row>((source, rows) =>
      widen(source, rows, plan.projection, bounded, lost),
    );
    const answers = await Promise.all(
      [...collectors].map(async ([part, collector]) => {
        const { returned, ...collected } = await collector.answer(widening.widen);
        return [part, { returned, collected }] as const;
      }),
    );
    // Only now: what one source lost is said in the report of every list.
    const reportsOf = (returned: ReadonlyMap<Source<Row>, number>): readonly SourceReport[] =>
      asked.map((contribution) => {
        const { source } = contribution;
        return report(source, contribution, returned.get(source) ?? 0, lost.get(source));
      });
    return new Map(
      answers.map(([part, { returned, collected }]) => [
        part,
        { ...collected, sources: reportsOf(returned) },
      ]),
    );
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

async function ask<Row extends object>(
  source: Source<Row>,
  filter: Predicate,
  plan: CutPlan,
  gatherer: Gatherer<Row>,
  signal: AbortSignal,
): Promise<Contribution<Row>> {
  const started = performance.now();
  const notes: SourceNotes = {};
  const seen = { rows: 0 };
  const trouble = await troubleOf(source, signal, (bounded) =>
    fill(source, plan, gatherer, { filter, notes, signal: bounded, seen }),
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

const overdue = (source: Pick<Source<unknown>, 'grid' | 'part' | 'deadlineMs'>): GridError =>
  new GridError(
    'TIMED_OUT',
    `${[source.grid, source.part].filter(Boolean).join(' ')} did not answer within ${source.deadlineMs} ms.`,
  );

/** Trouble of one source becomes its report; a fault of the request or of this server is raised. */
function isSourceTrouble({ code }: GridError): boolean {
  return ['UNAVAILABLE', 'TIMED_OUT', 'THROTTLED', 'LIMIT_EXCEEDED', 'FORBIDDEN'].includes(code);
}
