/** Jobs and clusters: listed and looked up. */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Int, Query, Resolver, Root } from 'type-graphql';
import { GridError } from '../src/errors.js';
import { decodeIdAs } from '../src/grids/id.js';
import type { JobRow } from '../src/grids/jobs.js';
import { encodeCursor, type LogPosition } from '../src/streams/index.js';
import { GroupedPageArgs } from '../schema/connection.js';
import {
  Job,
  JobCluster,
  JobConnection,
  JobFilter,
  JobGroup,
  JobGroups,
  JobOrder,
  type JobOrderField,
  JobSource,
} from '../schema/job.js';
import { Machine } from '../schema/machine.js';
import { StreamCursor } from '../schema/scalars.js';
import { oneOf } from './arguments.js';
import { connection, connectionOf, planned, raiseTrouble } from './connection.js';
import type { GraphContext } from './context.js';
import { jobPredicate } from './filter.js';
import { groupResolvers } from './groups.js';
import type { clusterNode } from './job-nodes.js';
import { checkedScanLimit, jobSources, positionsOf, unknownSchedd } from './job-sources.js';
import { orderTerms } from './page.js';
import { projectionOf } from './plan.js';
import { Guard } from './rule.js';
import { selectionItself } from './selection.js';
import { namedGrid } from './sources.js';

const orderFields: Readonly<Record<Exclude<JobOrderField, 'ID'>, string>> = {
  SUBMITTED_AT: 'submittedAt',
  STARTED_AT: 'startedAt',
  ENDED_AT: 'endedAt',
  STATE: 'state',
  OWNER: 'owner',
  PRIORITY: 'priority',
};
const orderOf = (orderBy: unknown) =>
  orderTerms(orderBy as readonly JobOrder[] | null, ({ field, attribute }) => {
    if ((field == null) === (attribute == null)) throw oneOf('field', 'attribute');
    if (field == null) return { attribute: attribute ?? '' };
    return field === 'ID' ? 'ID' : { field: orderFields[field] };
  });

@Resolver(() => Job)
export class JobResolver {
  @Query(() => Job, {
    nullable: true,
    description:
      'A job by global id, or by "cluster.proc": looked up in the queue, then in the history. Null when there is none for this caller.',
  })
  @Guard('own')
  async job(
    @Arg('id', () => ID, { nullable: true, description: 'The global id.' })
    id: string | null | undefined,
    @Arg('grid', () => String, {
      nullable: true,
      description: 'The pool of jobId; needed only where several are configured.',
    })
    grid: string | null | undefined,
    @Arg('schedd', () => String, {
      nullable: true,
      description: "The schedd of jobId; the pool's default one unless given.",
    })
    schedd: string | null | undefined,
    @Arg('jobId', () => String, {
      nullable: true,
      description: 'The job id as HTCondor prints it: "123.0".',
    })
    jobId: string | null | undefined,
    @Ctx() { grids, loaders, signal }: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    if ((id == null) === (jobId == null)) throw oneOf('id', 'jobId');
    const projection = projectionOf([selectionItself(info)]);
    if (id != null) {
      const { grid: name, parts } = decodeIdAs('Job', id);
      const [of, clusterId, procId] = parts;
      return loaders.jobs.load({ grid: name, schedd: of, clusterId, procId, projection });
    }
    const [, cluster, proc] = /^(\d{1,9})\.(\d{1,9})$/.exec(jobId ?? '') ?? [];
    if (cluster === undefined || proc === undefined) {
      throw new GridError(
        'BAD_USER_INPUT',
        `Expected a jobId like "123.0", came ${JSON.stringify(jobId?.slice(0, 80))}.`,
      );
    }
    const pool = grids.one('HTCONDOR', grid);
    const names = await pool.schedds(signal);
    const named = schedd ?? names[0];
    if (named === undefined || !names.includes(named)) throw unknownSchedd(pool.name, named, names);
    return loaders.jobs.load({
      grid: pool.name,
      schedd: named,
      clusterId: Number(cluster),
      procId: Number(proc),
      projection,
    });
  }

  @Query(() => JobConnection, {
    nullable: true,
    description: 'Jobs of all pools, from their queues, histories or both.',
  })
  @Guard('own')
  async jobs(
    @Arg('filter', () => JobFilter, { nullable: true, description: 'Which jobs.' })
    filter: JobFilter | null | undefined,
    @Arg('source', () => JobSource, { defaultValue: 'QUEUE', description: 'Where to look.' })
    source: JobSource,
    @Arg('scanLimit', () => Int, {
      defaultValue: 50_000,
      description:
        'History records to look at in each schedd, newest first; a cut is said in `sources`.',
    })
    scanLimit: number,
    @Arg('since', () => String, {
      nullable: true,
      description:
        'Stop reading history at this job ("50.0") or cluster ("50"): only what ended after it.',
    })
    since: string | null | undefined,
    @Arg('orderBy', () => [JobOrder], {
      nullable: true,
      description: 'The order; ids unless given.',
    })
    orderBy: readonly JobOrder[] | null | undefined,
    @Args(() => GroupedPageArgs) args: GroupedPageArgs,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    const only = namedGrid(context.grids, filter?.grid);
    const listing = { source, scanLimit: checkedScanLimit(scanLimit), since: since ?? undefined };
    const named = filter?.grid?.eq ?? filter?.grid?.in;
    const pools = context.grids.of('HTCONDOR').filter(({ name }) => named?.includes(name) ?? true);
    const positions = await positionsOf(pools, context, info);
    const answer = await connection(
      {
        name: 'jobs',
        args,
        scope: context.own,
        filter: jobPredicate(filter),
        orderOf,
        orderBy,
        sources: () => jobSources(context.grids.of('HTCONDOR'), listing, filter, context),
        only,
      },
      context,
      info,
    );
    return { ...answer, positions };
  }

  @FieldResolver(() => Machine, {
    nullable: true,
    description:
      'The host it runs or last ran on; null before the first start, and for a host that has left the pool.',
  })
  machine(@Root() { gridName, machineName }: JobRow, @Ctx() { loaders }: GraphContext) {
    return machineName == null
      ? null
      : loaders.machines.load({ grid: gridName, name: machineName });
  }
}

@Resolver(() => JobCluster)
export class JobClusterResolver {
  @FieldResolver(() => JobConnection, {
    nullable: true,
    description: 'Its jobs, from queue and history unless `source` says otherwise.',
  })
  async jobs(
    @Root() { gridName, schedd, clusterId }: ReturnType<typeof clusterNode>,
    @Arg('filter', () => JobFilter, {
      nullable: true,
      description: 'Which of them; all unless given.',
    })
    filter: JobFilter | null | undefined,
    @Arg('source', () => JobSource, { defaultValue: 'ALL', description: 'Where to look.' })
    source: JobSource,
    @Arg('scanLimit', () => Int, {
      nullable: true,
      description: 'History records to look at, newest first; 50,000 unless given.',
    })
    scanLimit: number | null | undefined,
    @Arg('orderBy', () => [JobOrder], {
      nullable: true,
      description: 'The order; ids unless given.',
    })
    orderBy: readonly JobOrder[] | null | undefined,
    @Args(() => GroupedPageArgs) args: GroupedPageArgs,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    const listing = { source, scanLimit: checkedScanLimit(scanLimit ?? 50_000), since: undefined };
    const pool = context.grids.one('HTCONDOR', gridName);
    const positions = await positionsOf([pool], context, info);
    const { plan, listed } = planned(
      {
        name: 'jobs',
        args,
        scope: context.own,
        filter: jobPredicate(filter),
        orderOf,
        orderBy,
      },
      context,
      info,
    );
    const answer = await context.loaders.clusterJobs.load({
      pool,
      schedd,
      clusterId,
      plan,
      sources: () => jobSources([pool], listing, filter, context),
      info,
    });
    raiseTrouble(answer.sources);
    return { ...connectionOf(listed, answer), positions };
  }
}

@Resolver(() => JobConnection)
export class JobConnectionResolver {
  @FieldResolver(() => StreamCursor, {
    description:
      'Pass to jobCompleted(start: {after: …}) over the same pools: no end of a job between the two is lost.',
  })
  streamCursor(@Root() { positions }: { positions: readonly LogPosition[] }) {
    return encodeCursor(positions);
  }
}

export const jobGroupResolvers = groupResolvers(
  { Connection: JobConnection, Group: JobGroup, Groups: JobGroups },
  Job,
  JobOrder,
);
