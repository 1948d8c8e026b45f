/** The stream of all work: what ends on any grid. */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, Resolver, Root, Subscription } from 'type-graphql';
import type { JobRow } from '../src/grids/jobs.js';
import type { TaskRow } from '../src/grids/tasks.js';
import { follow, mapFrames, type Snapshot, type StreamFrame } from '../src/streams/index.js';
import { WorkCompletedFrame } from '../schema/job-stream.js';
import { Delivery, StreamStart } from '../schema/stream.js';
import { WorkFilter } from '../schema/work-list.js';
import { freshLoaders, type GraphContext } from './context.js';
import { workPredicate } from './filter.js';
import { projectionOf } from './plan.js';
import { Guard } from './rule.js';
import { along, selection } from './selection.js';
import { namedGrid } from './sources.js';
import { deliveryArg, startArg, streamOptions } from './stream-options.js';
import { type FollowedWork, followWork, type WorkEnd } from './work-ends.js';

interface WorkCompletedArgs {
  readonly filter?: WorkFilter | null;
  readonly start?: StreamStart | null;
  readonly delivery?: Delivery | null;
}
type WorkFrame = StreamFrame & {
  readonly items: readonly (TaskRow | JobRow)[];
  readonly partial: string | null;
};

@Resolver()
export class WorkStreamResolver {
  @Subscription(() => WorkCompletedFrame, {
    description:
      'Completions on both grids in one stream: each task and job as its end is known, at least once per (id, revision). It has no end of its own. A snapshot has what jobCompleted has of a pool, and the ends that this server has seen of an HTC-Grid; `partial` says what is left out.',
    subscribe: ({
      args,
      context,
      info,
    }: {
      args: WorkCompletedArgs;
      context: GraphContext;
      info: GraphQLResolveInfo;
    }) => completed(args, context, info),
  })
  @Guard('own')
  workCompleted(
    @Arg('filter', () => WorkFilter, {
      nullable: true,
      description: 'Which work, by what it is at its end; all of it unless given.',
    })
    _filter: WorkFilter | null | undefined,
    @Arg('start', () => StreamStart, startArg) _start: StreamStart | null | undefined,
    @Arg('delivery', () => Delivery, deliveryArg) _delivery: Delivery | null | undefined,
    @Root() frame: WorkFrame,
    @Ctx() context: GraphContext,
  ) {
    freshLoaders(context);
    return { ...frame, __typename: 'WorkCompletedFrame' };
  }
}

async function completed(
  args: WorkCompletedArgs,
  context: GraphContext,
  info: GraphQLResolveInfo,
): Promise<AsyncGenerator<WorkFrame, void>> {
  const { filter } = args;
  const options = streamOptions(args, context);
  namedGrid(context.grids, filter?.grid);
  const shown = projectionOf(along(selection(info), 'items'));
  const followed = await followWork(workPredicate(filter), shown, context);
  const frames = follow<WorkEnd>(
    followed.map(({ log }) => log),
    {
      ...options,
      seenAt: ({ seenAt }) => seenAt,
      // Entries of one grid stay in their order; grids have no common one.
      keep: async (ends, signal) => {
        const kept = followed.map(async (one) => {
          const own = ends.filter((end) => end.gridName === one.gridName);
          return own.length === 0 ? [] : one.keep(own, signal);
        });
        return (await Promise.all(kept)).flat();
      },
      snapshot: (log, signal) => past(followed, log.name, signal),
    },
  );
  return mapFrames(frames, ({ entries, ...frame }) => ({
    ...frame,
    items: entries.flatMap(({ row }) => (row ? [row] : [])),
  }));
}

async function* past(
  followed: readonly FollowedWork[],
  log: string,
  signal: AbortSignal,
): Snapshot<WorkEnd> {
  const one = followed.find(({ log: { name } }) => name === log);
  if (one !== undefined) return yield* one.past(signal);
}
