/** Streams of HTC-Grid: completions of tasks and progress of sessions. */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Resolver, Root, Subscription } from 'type-graphql';
import { maySee } from '../src/access/caller.js';
import { GridError } from '../src/errors.js';
import { decodeIdAs } from '../src/grids/id.js';
import type { Progress } from '../src/grids/state.js';
import type { SessionRow, TaskGrid, TaskRow } from '../src/grids/tasks.js';
import { projectionOf as refsProjection, union } from '../src/query/plan.js';
import { and, refsOf } from '../src/query/predicate.js';
import { follow, latest, mapFrames, type StreamFrame } from '../src/streams/index.js';
import {
  Delivery,
  SessionProgressFrame,
  StreamStart,
  TaskCompletedFrame,
} from '../schema/stream.js';
import { TaskFilter } from '../schema/task.js';
import { freshLoaders, type GraphContext } from './context.js';
import { projectionOf } from './plan.js';
import { along, selection } from './selection.js';
import { taskPredicate } from './filter.js';
import { Guard } from './rule.js';
import { type TaskEnd, taskEnds } from './task-ends.js';
import { deliveryArg, startArg, streamOptions } from './stream-options.js';

interface TaskFrame extends StreamFrame {
  readonly tasks: readonly TaskRow[];
  readonly remaining: number | null;
  readonly coverage: 'SESSIONS' | 'GRID' | 'FOLLOWED';
}
interface ProgressFrame extends StreamFrame {
  readonly session: SessionRow;
  readonly progress: Progress;
}
interface TaskCompletedArgs {
  readonly sessions?: readonly string[] | null;
  readonly filter?: TaskFilter | null;
  readonly start?: StreamStart | null;
  readonly delivery?: Delivery | null;
}
interface SessionProgressArgs {
  readonly session: string;
  readonly delivery?: Delivery | null;
}

@Resolver()
export class StreamResolver {
  @Subscription(() => TaskCompletedFrame, {
    description:
      'Each task of the sessions as it reaches a terminal state, at least once per (id, revision); ends with COMPLETE when all have. Without sessions: every completion that the grid shows, without an end.',
    subscribe: ({
      args,
      context,
      info,
    }: {
      args: TaskCompletedArgs;
      context: GraphContext;
      info: GraphQLResolveInfo;
    }) => completed(args, context, info),
  })
  @Guard('own')
  taskCompleted(
    @Arg('sessions', () => [ID], {
      nullable: true,
      description: 'Global ids of sessions of one grid, 1 to 100; the whole grid when left out.',
    })
    _sessions: readonly string[] | null | undefined,
    @Arg('filter', () => TaskFilter, { nullable: true, description: 'Which of the tasks.' })
    _filter: TaskFilter | null | undefined,
    @Arg('start', () => StreamStart, startArg) _start: StreamStart | null | undefined,
    @Arg('delivery', () => Delivery, deliveryArg) _delivery: Delivery | null | undefined,
    @Root() frame: TaskFrame,
    @Ctx() context: GraphContext,
  ) {
    freshLoaders(context);
    return { ...frame, __typename: 'TaskCompletedFrame' };
  }

  @Subscription(() => SessionProgressFrame, {
    description:
      'The latest progress of a session; in-between values may be skipped, the last never is. Ends when the session has.',
    subscribe: ({ args, context }: { args: SessionProgressArgs; context: GraphContext }) =>
      progress(args, context),
  })
  @Guard('own')
  sessionProgress(
    @Arg('session', () => ID, { description: 'Global id of the session.' }) _session: string,
    @Arg('delivery', () => Delivery, deliveryArg) _delivery: Delivery | null | undefined,
    @Root() frame: ProgressFrame,
    @Ctx() context: GraphContext,
  ) {
    freshLoaders(context);
    return { ...frame, __typename: 'SessionProgressFrame' };
  }
}

async function completed(
  args: TaskCompletedArgs,
  context: GraphContext,
  info: GraphQLResolveInfo,
): Promise<AsyncGenerator<TaskFrame, void>> {
  const { grid, sessions } = streamed(args.sessions, context);
  const filter = and(context.own, taskPredicate(args.filter));
  const shown = union(
    projectionOf(along(selection(info), 'tasks')),
    refsProjection(refsOf(filter)),
  );
  const options = {
    ...streamOptions(args, context),
    seenAt: ({ seenAt }: TaskEnd) => seenAt,
    keep: (entries: readonly TaskEnd[]) => taskEnds(entries, { grid, shown, filter }, context),
  };
  if (!sessions) {
    const reopen = () => grid.followAll(context.signal);
    const frames = follow<TaskEnd>([await reopen()], { ...options, reopen });
    return mapFrames(frames, (frame) => ({
      ...frame,
      tasks: rowsOf(frame),
      remaining: null,
      coverage: grid.coverage(),
    }));
  }
  for (const session of sessions) await visibleSession(grid, session, context);
  const open = (session: string) => grid.follow(session, context.signal);
  const logs = await Promise.all(sessions.map(open));
  const sessionOf = new Map(logs.map(({ name }, i) => [name, sessions[i] ?? name]));
  const frames = follow<TaskEnd>(logs, {
    ...options,
    reopen: ({ name }) => open(sessionOf.get(name) ?? name),
  });
  return mapFrames(frames, async (frame) => ({
    ...frame,
    tasks: rowsOf(frame),
    remaining: await remaining(grid, sessions, context.signal),
    coverage: 'SESSIONS' as const,
  }));
}

async function progress(
  args: SessionProgressArgs,
  context: GraphContext,
): Promise<AsyncGenerator<ProgressFrame, void>> {
  const { grid: name, parts } = decodeIdAs('Session', args.session);
  const grid = context.grids.one('HTC_GRID', name);
  const session = await visibleSession(grid, parts[0], context);
  const log = await grid.follow(session.nativeId, context.signal);
  const read = (signal: AbortSignal) => progressOf(grid, session.nativeId, signal);
  return mapFrames(latest(log, read, streamOptions(args, context)), ({ value, ...frame }) => ({
    ...frame,
    session,
    progress: value,
  }));
}

/** The grid of a stream, and the sessions it was asked for. */
function streamed(
  ids: readonly string[] | null | undefined,
  { grids, limits }: GraphContext,
): { readonly grid: TaskGrid; readonly sessions: readonly string[] | undefined } {
  if (ids == null) return { grid: grids.one('HTC_GRID', undefined), sessions: undefined };
  const keys = [...new Set(ids)].map((id) => decodeIdAs('Session', id));
  const names = [...new Set(keys.map(({ grid }) => grid))];
  if (keys.length < 1 || keys.length > limits.maxStreamSessions || names.length > 1) {
    throw new GridError(
      keys.length > limits.maxStreamSessions ? 'LIMIT_EXCEEDED' : 'BAD_USER_INPUT',
      `Expected 1 to ${limits.maxStreamSessions} sessions of one grid, came ${keys.length} of ${names.length}.`,
    );
  }
  return { grid: grids.one('HTC_GRID', names[0]), sessions: keys.map(({ parts }) => parts[0]) };
}

async function visibleSession(
  grid: TaskGrid,
  id: string,
  { caller, signal }: GraphContext,
): Promise<SessionRow> {
  const [session] = await grid.findSessions([id], signal);
  if (session && maySee(caller, session.owner)) return session;
  throw new GridError(
    'NOT_FOUND',
    `There is no session ${id} in ${grid.name} for ${caller.identity}.`,
  );
}

const rowsOf = ({ entries }: { readonly entries: readonly TaskEnd[] }): readonly TaskRow[] =>
  entries.flatMap(({ row }) => (row ? [row] : []));

async function remaining(
  grid: TaskGrid,
  sessions: readonly string[],
  signal: AbortSignal,
): Promise<number | null> {
  const all = await grid.progress(sessions, signal);
  let left = 0;
  for (const one of all) {
    if (one instanceof Error) return null;
    left += one.total - one.terminal;
  }
  return left;
}

async function progressOf(grid: TaskGrid, session: string, signal: AbortSignal): Promise<Progress> {
  const [one] = await grid.progress([session], signal);
  if (one === undefined || one instanceof Error)
    throw one ?? new Error(`No progress of ${session}.`);
  return one;
}
