/** Work on all grids in one list, and what batches of work have in common. */
import type { GraphQLResolveInfo } from 'graphql';
import {
  Arg,
  Args,
  type ClassType,
  Ctx,
  FieldResolver,
  Info,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import type { JobRow } from '../src/grids/jobs.js';
import type { TaskRow } from '../src/grids/tasks.js';
import { encodeCursor, type LogPosition } from '../src/streams/index.js';
import { GroupedPageArgs } from '../schema/connection.js';
import { StreamCursor } from '../schema/scalars.js';
import { Progress, WorkBatch, WorkItem } from '../schema/work.js';
import {
  WorkFilter,
  WorkItemConnection,
  WorkItemGroup,
  WorkItemGroups,
  WorkOrder,
  type WorkOrderField,
} from '../schema/work-list.js';
import { connection } from './connection.js';
import type { GraphContext } from './context.js';
import { workPredicate } from './filter.js';
import { groupResolvers } from './groups.js';
import { clusterNode } from './job-nodes.js';
import { orderTerms } from './page.js';
import { Guard } from './rule.js';
import { along, selection } from './selection.js';
import { namedGrid, sourcesOf } from './sources.js';
import { positionsOfWork, type WorkPositions } from './work-ends.js';

const orderFields: Readonly<Record<Exclude<WorkOrderField, 'ID'>, string>> = {
  SUBMITTED_AT: 'submittedAt',
  STARTED_AT: 'startedAt',
  ENDED_AT: 'endedAt',
  STATE: 'state',
  OWNER: 'owner',
};
const orderOf = (orderBy: unknown) =>
  orderTerms(orderBy as readonly WorkOrder[] | null, ({ field }) =>
    field === 'ID' ? 'ID' : { field: orderFields[field] },
  );

@Resolver()
export class WorkResolver {
  @Query(() => WorkItemConnection, {
    nullable: true,
    description:
      'Tasks and jobs of all grids in one list; jobs from queue and history. A grid that is down is said in `sources` and never erases the others.',
  })
  @Guard('own')
  async work(
    @Arg('filter', () => WorkFilter, {
      nullable: true,
      description: 'Which work; all of it unless given.',
    })
    filter: WorkFilter | null | undefined,
    @Arg('orderBy', () => [WorkOrder], {
      nullable: true,
      description: 'The order; ids unless given.',
    })
    orderBy: readonly WorkOrder[] | null | undefined,
    @Args(() => GroupedPageArgs) args: GroupedPageArgs,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    const { grids, own, signal } = context;
    const only = namedGrid(grids, filter?.grid);
    const predicate = workPredicate(filter);
    // Before the list is read: what ends meanwhile is after this cursor, not before it.
    const { positions, missing }: WorkPositions =
      along(selection(info), 'streamCursor').length === 0
        ? { positions: [], missing: [] }
        : await positionsOfWork(predicate, context);
    const answer = await connection(
      {
        name: 'work',
        args,
        scope: own,
        filter: predicate,
        orderOf,
        orderBy,
        sources: () => sourcesOf(grids.all, (grid) => grid.work(signal)),
        only,
      },
      context,
      info,
    );
    return { ...answer, sources: [...answer.sources, ...missing], positions };
  }
}

@Resolver(() => WorkItemConnection)
export class WorkItemConnectionResolver {
  @FieldResolver(() => StreamCursor, {
    description:
      'Pass to workCompleted(start: {after: …}) with the same filter: no end of work between the two is lost. A grid whose place in it is not known is said in `sources`: the stream begins with a GAP and a snapshot of it.',
  })
  streamCursor(@Root() { positions }: { positions: readonly LogPosition[] }) {
    return encodeCursor(positions);
  }
}

const workItem = WorkItem as unknown as ClassType;

export const workGroupResolvers = groupResolvers(
  { Connection: WorkItemConnection, Group: WorkItemGroup, Groups: WorkItemGroups },
  workItem,
  WorkOrder,
);

@Resolver(() => workItem)
export class WorkItemResolver {
  @FieldResolver(() => WorkBatch, {
    nullable: true,
    description: 'What it was submitted with: the session of a task, the cluster of a job.',
  })
  batch(@Root() item: TaskRow | JobRow, @Ctx() { loaders }: GraphContext) {
    return item.__typename === 'Job'
      ? clusterNode(item.gridName, item.schedd, item.clusterId)
      : loaders.sessions.load({ grid: item.gridName, name: item.sessionId });
  }
}

/** A session or a cluster, as far as progress needs to know it. */
type BatchRow =
  | { readonly __typename: 'Session'; readonly gridName: string; readonly nativeId: string }
  | ReturnType<typeof clusterNode>;

@Resolver(() => WorkBatch)
export class WorkBatchResolver {
  @FieldResolver(() => Progress, {
    nullable: true,
    description:
      'How far it is; null with an error beside it when the grid did not answer: that never erases the list.',
  })
  progress(@Root() batch: BatchRow, @Ctx() { loaders }: GraphContext) {
    return batch.__typename === 'Session'
      ? loaders.sessionProgress.load({ grid: batch.gridName, name: batch.nativeId })
      : loaders.clusterProgress.load({
          grid: batch.gridName,
          schedd: batch.schedd,
          clusterId: batch.clusterId,
        });
  }
}
