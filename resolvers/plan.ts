/** From the selection of a connection to the plan of its list: made once, before anything is asked. */
import { GridError } from '../src/errors.js';
import type {
  AggregateSpec,
  Bucket,
  GroupingSpec,
  GroupKeySpec,
  GroupNodesSpec,
  ListPlan,
  OrderTerm,
  PageRequest,
  Projection,
} from '../src/query/plan.js';
import type { Predicate, Ref } from '../src/query/predicate.js';
import type { BucketInput, GroupField, GroupKeyInput, GroupOrder } from '../schema/group.js';
import { durationMs } from './duration.js';
import { along, type Selected } from './selection.js';

const maxKeyParts = 5;
const maxGroupsShown = 1000;
const maxGroupNodes = 100;

/** The row's field behind each group field. */
const groupFields: Readonly<Record<GroupField, string>> = {
  GRID: 'gridName',
  STATE: 'state',
  OWNER: 'owner',
  SCHEDD: 'schedd',
  CLUSTER: 'clusterId',
  BATCH: 'batchName',
  SESSION: 'sessionId',
  WORKER: 'worker',
  HOLD_CODE: 'holdCode',
  EXIT_CODE: 'exitCode',
  MACHINE: 'machineName',
};

export interface ListRequest {
  readonly selection: readonly Selected[];
  readonly scope: Predicate;
  readonly filter: Predicate;
  readonly order: readonly OrderTerm[];
  readonly page: PageRequest;
  readonly groupBy: readonly GroupKeyInput[] | null | undefined;
  /** The terms of an `orderBy` of this list, for the rows that groups show. */
  readonly orderOf: (orderBy: unknown) => readonly OrderTerm[];
}

export function planOf({
  selection,
  scope,
  filter,
  order,
  page,
  groupBy,
  orderOf,
}: ListRequest): ListPlan {
  const rows = ['edges', 'nodes', 'pageInfo'].some((name) => along(selection, name).length > 0);
  const groupings = along(selection, 'groups').map((field) => grouping(field, groupBy, orderOf));
  const aggregates = aggregateSpec(along(selection, 'aggregates'));
  const shown = [
    ...along(selection, 'nodes'),
    ...along(selection, 'edges', 'node'),
    ...groupNodes(selection),
  ];
  const needed = rows || groupings.length > 0 || aggregates !== undefined;
  // Reports alone still have to come from somewhere: the grids are asked for the count.
  const reported = along(selection, 'sources').length > 0 && !needed;
  return {
    scope,
    filter,
    order,
    page: rows ? page : undefined,
    projection: projectionOf(shown),
    count: reported || along(selection, 'totalCount').length > 0,
    groupings,
    aggregates,
  };
}

/** What the rows of these selections show. Keys of rows are always read; fields a grid lacks are nothing to it. */
export function projectionOf(selected: readonly Selected[]): Projection {
  const fields = new Set<string>();
  const names = new Set<string>();
  let all = false;
  for (const { name, args } of selected.flatMap((field) => field.children())) {
    switch (name) {
      case 'attribute':
        names.add(args['name'] as string);
        break;
      case 'attributes':
        for (const attribute of args['names'] as readonly string[]) names.add(attribute);
        break;
      case 'classAd':
        if (args['names'] == null) all = true;
        else for (const attribute of args['names'] as readonly string[]) names.add(attribute);
        break;
      case 'machine':
        fields.add('machineName');
        break;
      case 'job':
        fields.add('jobKey');
        break;
      default:
        fields.add(name);
    }
  }
  return { fields, attributes: all ? 'all' : names };
}

function grouping(
  { key, args, children }: Selected,
  groupBy: readonly GroupKeyInput[] | null | undefined,
  orderOf: ListRequest['orderOf'],
): GroupingSpec {
  const by = (args['by'] ?? groupBy ?? []) as readonly GroupKeyInput[];
  if (by.length < 1 || by.length > maxKeyParts) {
    throw new GridError(
      'BAD_USER_INPUT',
      `Expected 1 to ${maxKeyParts} parts in groups(by:), or in groupBy of the list, came ${by.length}.`,
    );
  }
  const groups = along(children(), 'nodes');
  return {
    name: key,
    by: by.map(groupKey),
    countAtLeast: (args['countAtLeast'] as number | null | undefined) ?? 1,
    orderBy: args['orderBy'] as GroupOrder,
    first: within('first', args['first'], maxGroupsShown),
    aggregates: aggregateSpec(groups.flatMap((group) => along(group.children(), 'aggregates'))),
    nodes: groups.flatMap((group) =>
      along(group.children(), 'nodes').map((nodes): GroupNodesSpec => ({
        name: nodes.key,
        first: within('first', nodes.args['first'], maxGroupNodes),
        order: orderOf(nodes.args['orderBy']),
      })),
    ),
    groups: groups.flatMap((group) =>
      along(group.children(), 'groups').map((nested) => grouping(nested, undefined, orderOf)),
    ),
  };
}

/** The rows that groups show, at any depth. */
const groupNodes = (selection: readonly Selected[]): readonly Selected[] =>
  along(selection, 'groups', 'nodes').flatMap((group) => [
    ...along(group.children(), 'nodes'),
    ...groupNodes(group.children()),
  ]);

function groupKey({ field, attribute, bucket }: GroupKeyInput): GroupKeySpec {
  if ((field == null) === (attribute == null)) {
    throw new GridError(
      'BAD_USER_INPUT',
      'Expected exactly one of field and attribute in a group key.',
    );
  }
  const ref: Ref = field != null ? { field: groupFields[field] } : { attribute: attribute ?? '' };
  return { ref, bucket: bucket ? bucketOf(bucket) : undefined };
}

function bucketOf({ width, every }: BucketInput): Bucket {
  if ((width == null) === (every == null)) {
    throw new GridError('BAD_USER_INPUT', 'Expected exactly one of width and every in a bucket.');
  }
  if (every != null) return { everyMs: durationMs('bucket.every', every) };
  if (width != null && width > 0 && Number.isFinite(width)) return { width };
  throw new GridError('BAD_USER_INPUT', `Expected a bucket width above 0, came ${width}.`);
}

function aggregateSpec(selected: readonly Selected[]): AggregateSpec | undefined {
  const parts = selected.flatMap((field) => field.children());
  if (parts.length === 0) return undefined;
  const distributions = parts.flatMap(({ name, args }): readonly Ref[] => {
    if (name === 'attribute') return [{ attribute: args['name'] as string }];
    return name === 'byState' ? [] : [{ field: name }];
  });
  return { byState: parts.some(({ name }) => name === 'byState'), distributions };
}

function within(argument: string, value: unknown, max: number): number {
  if (typeof value === 'number' && value >= 1 && value <= max) return value;
  throw new GridError('BAD_PAGE', `Expected ${argument} from 1 to ${max}, came ${String(value)}.`);
}

/** The name a client knows a key part by. */
export const keyName = (name: string): string => shortNames[name] ?? name;
const shortNames: Readonly<Record<string, string>> = {
  gridName: 'grid',
  clusterId: 'cluster',
  batchName: 'batch',
  sessionId: 'session',
  machineName: 'machine',
};
