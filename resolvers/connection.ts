/** From the answer of a list to its connection: edges, page info, groups and aggregates as the graph shows them. */
import type { GraphQLResolveInfo } from 'graphql';
import { GridError } from '../src/errors.js';
import { checkRefs } from '../src/grids/condor/index.js';
import type { Row } from '../src/grids/row.js';
import { rows as rowType } from '../src/grids/row.js';
import { workStates } from '../src/grids/state.js';
import { type Aggregates, refName } from '../src/query/aggregate.js';
import { encodeCursor, listName } from '../src/query/cursor.js';
import type { DistributionSummary } from '../src/query/distribution.js';
import type { Group, GroupKey, Groups } from '../src/query/group.js';
import { list, type ListAnswer } from '../src/query/list.js';
import type { Placed } from '../src/query/page.js';
import { type ListPlan, refsOfPlan, type OrderTerm, type PageKey } from '../src/query/plan.js';
import { always, type Predicate } from '../src/query/predicate.js';
import type { Source } from '../src/query/source.js';
import type { SourceReport } from '../src/query/report.js';
import type { GroupedPageArgs } from '../schema/connection.js';
import type { GraphContext } from './context.js';
import { pageRequest } from './page.js';
import { keyName, planOf } from './plan.js';
import { selection } from './selection.js';

export interface ConnectionRequest<R extends Row> {
  /** Names the list in cursors: "jobs", "tasks". */
  readonly name: string;
  readonly args: GroupedPageArgs;
  /** What the caller may see; all unless given. */
  readonly scope?: Predicate;
  /** What the caller asks for. */
  readonly filter: Predicate;
  /** The terms of an `orderBy` of this list; ids where it is undefined. */
  readonly orderOf: (orderBy: unknown) => readonly OrderTerm[];
  readonly orderBy?: unknown;
  readonly sources: () => Promise<readonly Source<R>[]>;
  /** The one grid that was asked for by name: then its trouble is the answer. */
  readonly only?: string | null | undefined;
}

export async function connection<R extends Row>(
  request: ConnectionRequest<R>,
  context: GraphContext,
  info: GraphQLResolveInfo,
) {
  const { plan, listed } = planned(request, context, info);
  const answer = await list(plan, await request.sources(), {
    type: rowType,
    signal: context.signal,
    maxGroups: context.limits.maxGroups,
  });
  if (request.only != null) raiseTrouble(answer.sources);
  return connectionOf(listed, answer);
}

/** The plan of a connection, and the name of its list in cursors. */
export function planned(
  {
    name,
    args,
    scope = always,
    filter,
    orderOf,
    orderBy,
  }: Omit<ConnectionRequest<Row>, 'sources' | 'only'>,
  context: GraphContext,
  info: GraphQLResolveInfo,
): { readonly plan: ListPlan; readonly listed: string } {
  const order = orderOf(orderBy);
  const listed = listName(name, order);
  const plan = planOf({
    selection: selection(info),
    scope,
    filter,
    order,
    page: pageRequest(args, listed, context.limits.maxPageSize),
    groupBy: args.groupBy,
    orderOf,
  });
  // Before any grid is asked: a private or impossible name is a fault of the request, not of a source.
  checkRefs(refsOfPlan(plan));
  return { plan, listed };
}

/** An answer as a connection; groups and aggregates are picked by the response key of their selection. */
export function connectionOf<R extends Row>(list: string, answer: ListAnswer<R>) {
  const { rows, hasNextPage, hasPreviousPage } = answer.page;
  const edges = rows.map((placed) => new Edge(list, placed));
  return {
    edges,
    nodes: rows.map(({ row }) => row),
    pageInfo: {
      hasNextPage,
      hasPreviousPage,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount: answer.totalCount,
    sources: answer.sources,
    aggregates: answer.aggregates && aggregatesOf(answer.aggregates),
    groupings: answer.groups,
  };
}

/** The cursor is made when it is read: on a page of 1,000 rows all of them cost a tenth of the answer. */
class Edge<R extends Row> {
  readonly node: R;
  readonly #list: string;
  readonly #key: PageKey;

  constructor(list: string, { row, key }: Placed<R>) {
    this.node = row;
    this.#list = list;
    this.#key = key;
  }

  get cursor(): string {
    return encodeCursor(this.#list, this.#key);
  }
}

/** A connection or a group: what has `groups`. */
export interface Grouped {
  readonly groupings: ReadonlyMap<string, Groups<Row>>;
}

/** The groups of the selection that is being resolved. */
export function groupsOf({ groupings }: Grouped, { path }: GraphQLResolveInfo) {
  const groups = groupings.get(String(path.key));
  if (!groups) throw new Error(`The plan lacks the groups of "${path.key}".`);
  return { ...groups, nodes: groups.nodes.map(groupOf) };
}

export interface GroupAnswer extends Grouped {
  readonly rows: ReadonlyMap<string, readonly Row[]>;
}

export const groupNodesOf = ({ rows }: GroupAnswer, { path }: GraphQLResolveInfo): readonly Row[] =>
  rows.get(String(path.key)) ?? [];

const groupOf = (group: Group<Row>) => ({
  key: group.key.map(keyOf),
  count: group.count,
  aggregates: group.aggregates && aggregatesOf(group.aggregates),
  groupings: group.groups,
  rows: group.nodes,
});

const keyOf = (key: GroupKey) => ({ ...key, name: keyName(key.name) });

export interface AggregatesAnswer {
  readonly distributions: ReadonlyMap<string, DistributionSummary>;
}

export const attributeDistribution = (
  { distributions }: AggregatesAnswer,
  name: string,
): DistributionSummary | undefined => distributions.get(refName({ attribute: name }));

const aggregatesOf = ({ byState, distributions }: Aggregates) => ({
  byState: workStates
    .map((state) => ({ state, count: byState.get(state) ?? 0 }))
    .filter(({ count }) => count > 0),
  waitMs: distributions.get(refName({ field: 'waitMs' })),
  runMs: distributions.get(refName({ field: 'runMs' })),
  distributions,
});

/** Where one grid was asked for by name and gave nothing, its error is the answer. */
export function raiseTrouble(reports: readonly SourceReport[]): void {
  const [first] = reports;
  const failed = reports.every(({ status }) => status !== 'OK' && status !== 'PARTIAL');
  if (!first?.error || !failed) return;
  const { code, message, retryAfterMs } = first.error;
  throw new GridError(code, message, retryAfterMs === null ? {} : { retryAfterMs });
}
