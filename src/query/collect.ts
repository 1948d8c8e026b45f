/** Gathers what the sources of one list yield: the page, the count, the groups, the aggregates. */
import { AggregateCollector, type Aggregates } from './aggregate.js';
import { type Group, GroupBudget, GroupCollector, type Groups } from './group.js';
import { type Origin, type Page, PageCollector, type Placed } from './page.js';
import type { ListPlan } from './plan.js';
import type { RowType, Source, Tally, Window } from './source.js';

export interface Collected<Row> {
  readonly page: Page<Row>;
  readonly totalCount: number;
  /** By the name of the selection. */
  readonly groups: ReadonlyMap<string, Groups<Row>>;
  readonly aggregates: Aggregates | undefined;
  /** How many rows of the page came from each source. */
  readonly returned: ReadonlyMap<Source<Row>, number>;
}

/** The rows with all that they have to show, or undefined where the source fails: they are left out then. */
export type Widen<Row> = (
  source: Source<Row>,
  rows: readonly Row[],
) => Promise<readonly Row[] | undefined>;

export class Collector<Row extends object> {
  readonly #page: PageCollector<Row> | undefined;
  readonly #groups: readonly GroupCollector<Row>[];
  readonly #aggregates: AggregateCollector<Row> | undefined;
  /** Of rows that groups show; those of the page bring theirs along. */
  readonly #origins = new WeakMap<Row, Origin<Row>>();
  readonly #scanned = new Map<Source<Row>, Origin<Row>>();
  #count = 0;

  constructor(plan: ListPlan, type: RowType<Row>, maxGroups?: number) {
    const budget = new GroupBudget(maxGroups);
    this.#page = plan.page && new PageCollector(plan.page, plan.order, type);
    this.#groups = plan.groupings.map((spec) => new GroupCollector(spec, type, budget));
    this.#aggregates = plan.aggregates && new AggregateCollector(plan.aggregates, type);
  }

  /** A row of the filter: for the page and for the counts. */
  row(row: Row, source: Source<Row>): void {
    const origin = this.#scannedFrom(source);
    this.#page?.add(row, origin);
    if (this.#tally(row, 1)) this.#origins.set(row, origin);
  }

  /** A count that the grid made. */
  tally({ row, count }: Tally<Row>): void {
    this.#tally(row, count);
  }

  /** A page that the grid cut. */
  window({ rows, more }: Window<Row>, source: Source<Row>): void {
    const origin = { source, narrow: false };
    for (const row of rows) this.#page?.add(row, origin);
    this.#page?.sees(more);
  }

  /** The answer, its narrow rows replaced by what `widen` makes of them. */
  async answer(widen: Widen<Row>): Promise<Collected<Row>> {
    const page = this.#page?.page() ?? { rows: [], hasNextPage: false, hasPreviousPage: false };
    const groups = new Map(this.#groups.map((group) => [group.name, group.answer()]));
    const narrow = new Map<Source<Row>, Set<Row>>();
    for (const { row, origin } of page.rows) if (origin?.narrow) addTo(narrow, origin.source, row);
    for (const row of [...groups.values()].flatMap(rowsOf)) {
      const origin = this.#origins.get(row);
      if (origin?.narrow) addTo(narrow, origin.source, row);
    }
    const wide = new Map<Row, Row | undefined>();
    await Promise.all(
      [...narrow].map(async ([source, set]) => {
        const rows = [...set];
        const widened = await widen(source, rows);
        rows.forEach((row, i) => wide.set(row, widened && (widened[i] ?? row)));
      }),
    );

    const show = (row: Row): Row | undefined => (wide.has(row) ? wide.get(row) : row);

    const returned = new Map<Source<Row>, number>();
    const placed: Placed<Row>[] = [];
    for (const kept of page.rows) {
      const row = wide.size === 0 ? kept.row : show(kept.row);
      if (row === undefined) continue;
      placed.push(row === kept.row ? kept : { ...kept, row });
      const source = kept.origin?.source;
      if (source) returned.set(source, (returned.get(source) ?? 0) + 1);
    }
    return {
      page: { ...page, rows: placed },
      totalCount: this.#count,
      groups: mapValues(groups, (answer) => showing(answer, show)),
      aggregates: this.#aggregates?.answer(),
      returned,
    };
  }

  #scannedFrom(source: Source<Row>): Origin<Row> {
    let origin = this.#scanned.get(source);
    if (!origin) {
      origin = { source, narrow: source.widen !== undefined };
      this.#scanned.set(source, origin);
    }
    return origin;
  }

  #tally(row: Row, count: number): boolean {
    this.#count += count;
    this.#aggregates?.add(row, count);
    let kept = false;
    for (const group of this.#groups) kept = group.add(row, count) || kept;
    return kept;
  }
}

const rowsOf = <Row>({ nodes }: Groups<Row>): readonly Row[] =>
  nodes.flatMap((group) => [
    ...[...group.nodes.values()].flat(),
    ...[...group.groups.values()].flatMap(rowsOf),
  ]);

/** The groups with each of their rows replaced. */
function showing<Row>(groups: Groups<Row>, show: (row: Row) => Row | undefined): Groups<Row> {
  const shown = (group: Group<Row>): Group<Row> => ({
    ...group,
    nodes: mapValues(group.nodes, (rows) => rows.map(show).filter((row) => row !== undefined)),
    groups: mapValues(group.groups, (inner) => showing(inner, show)),
  });
  return { ...groups, nodes: groups.nodes.map(shown) };
}

const mapValues = <K, A, B>(map: ReadonlyMap<K, A>, to: (value: A) => B): Map<K, B> =>
  new Map([...map].map(([key, value]) => [key, to(value)]));

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const values = map.get(key);
  if (values) values.add(value);
  else map.set(key, new Set([value]));
}
