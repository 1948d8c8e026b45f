/** Sessions: listed, looked up, submitted, cancelled. */
import type { GraphQLResolveInfo } from 'graphql';
import {
  Arg,
  Args,
  Ctx,
  FieldResolver,
  ID,
  Info,
  Mutation,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import { maySee } from '../src/access/caller.js';
import { asGridError, type ErrorCode } from '../src/errors.js';
import { decodeIdAs, encodeId } from '../src/grids/id.js';
import type { CancelledSession as Cancelled, SessionRow } from '../src/grids/tasks.js';
import { and } from '../src/query/predicate.js';
import { encodeCursor } from '../src/streams/index.js';
import { GroupedPageArgs, PageArgs } from '../schema/connection.js';
import { StringMatch, TimeMatch } from '../schema/match.js';
import { StreamCursor } from '../schema/scalars.js';
import {
  CancelSessionsInput,
  CancelSessionsPayload,
  Session,
  SessionConnection,
  SubmitTasksInput,
  SubmitTasksPayload,
} from '../schema/session.js';
import { TaskConnection, TaskFilter, TaskOrder } from '../schema/task.js';
import { oneOf } from './arguments.js';
import { connection } from './connection.js';
import type { GraphContext } from './context.js';
import { sessionPredicate, taskPredicate } from './filter.js';
import { Guard } from './rule.js';
import { sessionSource } from './session-source.js';
import { sourcesOf } from './sources.js';
import { taskOrderOf } from './task.js';

const maxCancelled = 100;

@Resolver(() => Session)
export class SessionResolver {
  @Query(() => Session, {
    nullable: true,
    description:
      'A session by global id or by session_id; null when there is none for this caller.',
  })
  @Guard('own')
  session(
    @Arg('id', () => ID, { nullable: true, description: 'The global id.' })
    id: string | null | undefined,
    @Arg('grid', () => String, {
      nullable: true,
      description: 'The grid of sessionId; needed only where several are configured.',
    })
    grid: string | null | undefined,
    @Arg('sessionId', () => String, { nullable: true, description: 'The session_id.' })
    sessionId: string | null | undefined,
    @Ctx() { grids, loaders }: GraphContext,
  ) {
    if ((id == null) === (sessionId == null)) throw oneOf('id', 'sessionId');
    if (id == null)
      return loaders.sessions.load({
        grid: grids.one('HTC_GRID', grid).name,
        name: sessionId ?? '',
      });
    const key = decodeIdAs('Session', id);
    return loaders.sessions.load({ grid: key.grid, name: key.parts[0] });
  }

  @Query(() => SessionConnection, {
    nullable: true,
    description:
      'Sessions that this server submitted, and those of anybody with tasks that wait or run now, newest first. Sessions of others that have ended are not listed (no index of the grid does): ask for them by id. `sources` says what was looked at, and `truncated` that there may be more.',
  })
  @Guard('own')
  sessions(
    @Arg('grid', () => String, { nullable: true, description: 'Only of this grid.' })
    grid: string | null | undefined,
    @Arg('owner', () => StringMatch, { nullable: true, description: 'Whose sessions.' })
    owner: StringMatch | null | undefined,
    @Arg('active', () => Boolean, {
      nullable: true,
      description: 'true: only sessions with tasks that have not ended; false: only others.',
    })
    active: boolean | null | undefined,
    @Arg('submitted', () => TimeMatch, { nullable: true, description: 'When they were submitted.' })
    submitted: TimeMatch | null | undefined,
    @Args(() => PageArgs) args: PageArgs,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    const { grids, own, signal } = context;
    const asked = grid == null ? grids.of('HTC_GRID') : [grids.one('HTC_GRID', grid)];
    return connection(
      {
        name: 'sessions',
        args,
        filter: and(own, sessionPredicate(owner, submitted)),
        orderOf: () => [{ ref: { field: 'submittedAt' }, direction: 'DESC' }],
        sources: () =>
          sourcesOf(asked, (one) => [sessionSource(one, { active: active ?? undefined }, signal)]),
        only: grid,
      },
      context,
      info,
    );
  }

  @FieldResolver(() => Session, {
    nullable: true,
    description:
      'The session it belongs to; null when it is the session itself, as HTC-Grid stores it for every session.',
  })
  parent() {
    return null;
  }

  @FieldResolver(() => StreamCursor, {
    description: 'Pass to taskCompleted(start: {after: …}): no completion between the two is lost.',
  })
  streamCursor(@Root() { gridName, nativeId }: SessionRow, @Ctx() { grids }: GraphContext) {
    return encodeCursor([grids.one('HTC_GRID', gridName).position(nativeId)]);
  }

  @FieldResolver(() => TaskConnection, { nullable: true, description: 'Its tasks.' })
  tasks(
    @Root() { gridName, nativeId }: SessionRow,
    @Arg('filter', () => TaskFilter, {
      nullable: true,
      description: 'Which of them; all unless given.',
    })
    filter: TaskFilter | null | undefined,
    @Arg('orderBy', () => [TaskOrder], {
      nullable: true,
      description: 'The order; positions unless given.',
    })
    orderBy: readonly TaskOrder[] | null | undefined,
    @Args(() => GroupedPageArgs) args: GroupedPageArgs,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    const grid = context.grids.one('HTC_GRID', gridName);
    const ofSession = { op: 'eq', ref: { field: 'sessionId' }, value: nativeId } as const;
    return connection(
      {
        name: 'tasks',
        args,
        filter: and(context.own, ofSession, taskPredicate(filter)),
        orderOf: taskOrderOf,
        orderBy,
        sources: () => sourcesOf([grid], (one) => one.tasks([nativeId], context.signal)),
        only: gridName,
      },
      context,
      info,
    ).then((answer) => ({ ...answer, positions: [grid.position(nativeId)] }));
  }

  @Mutation(() => SubmitTasksPayload, { description: 'Submits tasks as one session.' })
  @Guard('act')
  async submitTasks(
    @Arg('input', () => SubmitTasksInput, { description: 'The tasks.' }) input: SubmitTasksInput,
    @Ctx() { grids, caller, signal }: GraphContext,
  ) {
    const grid = grids.one('HTC_GRID', input.grid);
    try {
      const { session, taskIds, replayed, error } = await grid.submit(
        {
          payloads: input.payloads,
          priority: input.priority ?? undefined,
          owner: caller.identity,
          idempotencyKey: input.idempotencyKey ?? undefined,
          dryRun: input.dryRun,
        },
        signal,
      );
      // Position 0: tasks may have ended before the submission returned.
      const streamCursor =
        session && encodeCursor([{ ...grid.position(session.nativeId), position: 0 }]);
      return { session, taskIds, replayed, streamCursor, userErrors: error ? [error] : [] };
    } catch (error) {
      return {
        session: null,
        taskIds: [],
        replayed: false,
        streamCursor: null,
        userErrors: [userError(error)],
      };
    }
  }

  @Mutation(() => CancelSessionsPayload, {
    description:
      'Cancels what has not ended of these sessions. What has ended stays as it ended, also when it ends during the call.',
  })
  @Guard('act')
  async cancelSessions(
    @Arg('input', () => CancelSessionsInput, { description: 'The sessions.' })
    input: CancelSessionsInput,
    @Ctx() context: GraphContext,
  ) {
    const { sessions: ids, dryRun } = input;
    if (ids.length < 1 || ids.length > maxCancelled) {
      const message = `Expected 1 to ${maxCancelled} sessions, came ${ids.length}.`;
      return {
        sessions: [],
        userErrors: [{ code: 'BAD_USER_INPUT', message, path: ['sessions'] }],
      };
    }
    // What is named twice is cancelled once.
    const keys = new Map(
      ids.map((id) => {
        const key = decodeIdAs('Session', id);
        return [encodeId('Session', key.grid, ...key.parts), key];
      }),
    );
    const sessions = await Promise.all(
      [...keys.values()].map(({ grid, parts: [session] }) =>
        cancelOne(grid, session, dryRun, context),
      ),
    );
    return { sessions, userErrors: [] };
  }
}

async function cancelOne(
  gridName: string,
  sessionId: string,
  dryRun: boolean,
  { grids, caller, signal }: GraphContext,
): Promise<Cancelled> {
  const grid = grids.one('HTC_GRID', gridName);
  const [session] = await grid.findSessions([sessionId], signal);
  if (!session || !maySee(caller, session.owner)) return notFound(sessionId);
  const [cancelled] = await grid.cancel([sessionId], dryRun, signal);
  return cancelled ?? notFound(sessionId);
}

const notFound = (nativeId: string): Cancelled => ({
  session: null,
  nativeId,
  status: 'NOT_FOUND',
  cancelledPending: 0,
  cancelledRetrying: 0,
  cancelledProcessing: 0,
  totalCancelledTasks: 0,
  alreadyTerminal: 0,
});

const mendable: ReadonlySet<ErrorCode> = new Set([
  'BAD_USER_INPUT',
  'IDEMPOTENCY_CONFLICT',
  'LIMIT_EXCEEDED',
  'CAPABILITY_MISSING',
]);

/** What a caller can mend is part of the payload; the rest stays an error of the request. */
function userError(thrown: unknown) {
  const error = asGridError(thrown);
  if (!mendable.has(error.code)) throw error;
  return { code: error.code, message: error.message, path: null };
}
