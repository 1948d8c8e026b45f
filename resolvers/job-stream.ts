/** Streams of pools: events of jobs, and jobs that have ended. */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, FieldResolver, Info, Resolver, Root, Subscription } from 'type-graphql';
import { GridError } from '../src/errors.js';
import type { JobEventEntry } from '../src/grids/job-logs.js';
import type { JobRow } from '../src/grids/jobs.js';
import { type Predicate, refsOf } from '../src/query/predicate.js';
import {
  type CompletionLog,
  decodeCursor,
  type EntriesFrame,
  follow,
  mapFrames,
  type StreamFrame,
  until,
} from '../src/streams/index.js';
import { JobFilter, Job } from '../schema/job.js';
import { JobEvent, JobEventFrame, JobEventType, WorkCompletedFrame } from '../schema/job-stream.js';
import { JSONValue } from '../schema/scalars.js';
import { Delivery, StreamStart } from '../schema/stream.js';
import { freshLoaders, type GraphContext } from './context.js';
import { jobPredicate } from './filter.js';
import { clusterOver, type FollowedPool, type JobEnd, JobEnds } from './job-ends.js';
import { projectionOf } from './plan.js';
import { Guard } from './rule.js';
import { along, selection, selectionItself } from './selection.js';
import { namedGrid } from './sources.js';
import { deliveryArg, startArg, streamOptions } from './stream-options.js';
import { visibleEvents } from './visible-events.js';

interface JobStreamArgs {
  readonly filter?: JobFilter | null;
  readonly start?: StreamStart | null;
  readonly delivery?: Delivery | null;
}
interface JobEventsArgs extends JobStreamArgs {
  readonly types?: readonly JobEventType[] | null;
}
interface Subscribing<Args> {
  readonly args: Args;
  readonly context: GraphContext;
  readonly info: GraphQLResolveInfo;
}

type EndsFrame = Omit<EntriesFrame<never>, 'entries'> & { readonly items: readonly JobRow[] };

@Resolver()
export class JobStreamResolver {
  @Subscription(() => WorkCompletedFrame, {
    description:
      'Each job as its end is known: completed once history (or queue) says how, at least once per (id, revision). With a filter of one cluster by `cluster.eq` (and `schedd.eq` where there are several) it ends with COMPLETE when no job of it is left. A snapshot has the newest 10,000 ends that queue and the last 50,000 records of each history have; `partial` says so where there is more.',
    subscribe: ({ args, context, info }: Subscribing<JobStreamArgs>) =>
      completed(args, context, info),
  })
  @Guard('own')
  jobCompleted(
    @Arg('filter', () => JobFilter, {
      nullable: true,
      description: 'Which jobs, by what they are at their end.',
    })
    _filter: JobFilter | null | undefined,
    @Arg('start', () => StreamStart, startArg) _start: StreamStart | null | undefined,
    @Arg('delivery', () => Delivery, deliveryArg) _delivery: Delivery | null | undefined,
    @Root() frame: EndsFrame,
    @Ctx() context: GraphContext,
  ) {
    freshLoaders(context);
    return { ...frame, __typename: 'WorkCompletedFrame' };
  }

  @Subscription(() => JobEventFrame, {
    description:
      "What happens to jobs, from the pool's event log; where that can't be read, changes of state as polling shows them. A snapshot has the newest events that the server has seen while somebody followed.",
    subscribe: ({ args, context }: Subscribing<JobEventsArgs>) => events(args, context),
  })
  @Guard('own')
  jobEvents(
    @Arg('filter', () => JobFilter, {
      nullable: true,
      description:
        'Of which jobs. Evaluated over what the event carries, and over the job as it is then for the rest.',
    })
    _filter: JobFilter | null | undefined,
    @Arg('types', () => [JobEventType], {
      nullable: true,
      description: 'Only these; all when left out.',
    })
    _types: readonly JobEventType[] | null | undefined,
    @Arg('start', () => StreamStart, startArg) _start: StreamStart | null | undefined,
    @Arg('delivery', () => Delivery, deliveryArg) _delivery: Delivery | null | undefined,
    @Root() frame: StreamFrame & { readonly events: readonly JobEventEntry[] },
    @Ctx() context: GraphContext,
  ) {
    freshLoaders(context);
    return { ...frame, events: frame.events.map(eventNode), __typename: 'JobEventFrame' };
  }
}

const eventNode = (entry: JobEventEntry) => ({
  type: entry.type,
  at: entry.at,
  jobId: `${entry.key.clusterId}.${entry.key.procId}`,
  schedd: entry.key.schedd,
  state: entry.state,
  entry,
});

@Resolver(() => JobEvent)
export class JobEventResolver {
  @FieldResolver(() => Job, {
    nullable: true,
    description:
      'The job as it is when it is asked for: a moment after the event. Null when it is not there any more.',
  })
  job(
    @Root() { entry: { gridName, key } }: ReturnType<typeof eventNode>,
    @Ctx() { loaders }: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    const projection = projectionOf([selectionItself(info)]);
    return loaders.jobs.load({ grid: gridName, ...key, projection });
  }

  @FieldResolver(() => JSONValue, {
    nullable: true,
    description: 'What else the event tells, by the names of HTCondor; null when nothing.',
  })
  detail(@Root() { entry }: ReturnType<typeof eventNode>) {
    const { detail } = entry;
    return Object.keys(detail).length === 0 ? null : detail;
  }
}

async function completed(
  args: JobStreamArgs,
  context: GraphContext,
  info: GraphQLResolveInfo,
): Promise<AsyncGenerator<EndsFrame, void>> {
  const { filter } = args;
  const options = streamOptions(args, context);
  const { pools, predicate } = await followed(filter, context);
  const ends = new JobEnds(new Map(pools.map((pool) => [pool.name, pool])), {
    caller: context.caller,
    scope: context.own,
    filter: predicate,
    shown: projectionOf(along(selection(info), 'items')),
  });
  const logs = await Promise.all(
    pools.map(({ logs }) => logs.completions(context.signal, ends.projection)),
  );
  const frames = follow<JobEnd>(await bounded(pools, logs, filter, context), {
    ...options,
    seenAt: ({ seenAt }) => seenAt,
    keep: ends.keep,
    snapshot: (log, signal) => ends.past(log, signal),
  });
  return mapFrames(frames, ({ entries, ...frame }) => ({
    ...frame,
    items: entries.flatMap(({ row }) => (row ? [row] : [])),
  }));
}

async function events(
  args: JobEventsArgs,
  context: GraphContext,
): Promise<AsyncGenerator<StreamFrame & { readonly events: readonly JobEventEntry[] }, void>> {
  const { filter, types } = args;
  const options = streamOptions(args, context);
  const { pools, predicate } = await followed(filter, context);
  const { start } = options;
  const after = start.kind === 'after' ? decodeCursor(start.cursor) : [];
  const logs = await Promise.all(pools.map(({ logs }) => logs.events(context.signal, after)));
  const poolOf = new Map(logs.map(({ name }, i) => [name, pools[i]]));
  const wanted = types && new Set(types);
  const frames = follow<JobEventEntry>(logs, {
    ...options,
    seenAt: ({ seenAt }) => seenAt,
    keep: (entries, signal) =>
      visibleEvents(
        entries.filter(({ type }) => !wanted || wanted.has(type)),
        pools,
        predicate,
        context,
        signal,
      ),
    reopen: async (log) => (await poolOf.get(log.name)?.logs.events(context.signal)) ?? log,
  });
  return mapFrames(frames, ({ entries, ...frame }) => ({ ...frame, events: entries }));
}

/** The pools of a stream, and its filter, once they all admit it. */
async function followed(
  filter: JobFilter | null | undefined,
  { grids, signal }: GraphContext,
): Promise<{ readonly pools: readonly FollowedPool[]; readonly predicate: Predicate }> {
  const predicate = jobPredicate(filter);
  namedGrid(grids, filter?.grid);
  const named = filter?.grid?.eq ?? filter?.grid?.in;
  const asked = grids.of('HTCONDOR').filter(({ name }) => named?.includes(name) ?? true);
  const pools = asked.filter((pool): pool is FollowedPool => pool.logs !== undefined);
  if (pools.length === 0) {
    throw new GridError('CAPABILITY_MISSING', 'No pool that can be followed is configured.');
  }
  const refs = refsOf(predicate);
  const listing = { source: 'QUEUE', scanLimit: 1, since: undefined } as const;
  for (const pool of pools) {
    for (const source of await pool.jobs(listing, signal)) await source.admits?.(refs, signal);
  }
  return { pools, predicate };
}

/** With a filter of one cluster its log is over when the cluster is. */
async function bounded(
  pools: readonly FollowedPool[],
  logs: readonly CompletionLog<JobEnd>[],
  filter: JobFilter | null | undefined,
  { own, signal }: GraphContext,
): Promise<readonly CompletionLog<JobEnd>[]> {
  const clusterId = filter?.cluster?.eq;
  const [pool, ...others] = pools;
  const [log] = logs;
  if (clusterId == null || pool === undefined || log === undefined || others.length > 0) {
    return logs;
  }
  const schedds = await pool.schedds(signal);
  const schedd = filter?.schedd?.eq ?? (schedds.length === 1 ? schedds[0] : undefined);
  if (schedd == null) return logs;
  const over = clusterOver(pool, { schedd, clusterId }, log, own, signal);
  return [until(log, over)];
}
