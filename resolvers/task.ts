/** Tasks: listed, looked up, and their bytes. */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Int, Query, Resolver, Root } from 'type-graphql';
import { isAdmin } from '../src/access/caller.js';
import { decodeIdAs } from '../src/grids/id.js';
import type { PayloadKind, TaskRow } from '../src/grids/tasks.js';
import { missingPayload } from '../src/grids/tasks.js';
import { GridError } from '../src/errors.js';
import { and } from '../src/query/predicate.js';
import { encodeCursor, endOf, type LogPosition } from '../src/streams/index.js';
import { GroupedPageArgs } from '../schema/connection.js';
import { StreamCursor } from '../schema/scalars.js';
import { Failure } from '../schema/work.js';
import { Session } from '../schema/session.js';
import {
  Payload,
  Task,
  TaskConnection,
  TaskFilter,
  TaskGroup,
  TaskGroups,
  TaskOrder,
  type TaskOrderField,
} from '../schema/task.js';
import { oneOf } from './arguments.js';
import { connection } from './connection.js';
import type { GraphContext } from './context.js';
import { taskPredicate } from './filter.js';
import { groupResolvers } from './groups.js';
import { orderTerms } from './page.js';
import { Guard } from './rule.js';
import { along, selection } from './selection.js';
import { namedGrid, sourcesOf } from './sources.js';

const maxPayloadBytes = 16 * 1024 * 1024;
const maxBytes = {
  defaultValue: 65_536,
  description: 'Bytes of text to show, 1 to 16,777,216; a longer value is cut and has no json.',
};

const orderFields: Readonly<Record<Exclude<TaskOrderField, 'ID'>, string>> = {
  SUBMITTED_AT: 'submittedAt',
  ENDED_AT: 'endedAt',
  STATE: 'state',
  ATTEMPTS: 'attempts',
  INDEX: 'index',
};
export const taskOrderOf = (orderBy: unknown) =>
  orderTerms(orderBy as readonly TaskOrder[] | null, ({ field }) =>
    field === 'ID' ? 'ID' : { field: orderFields[field] },
  );

@Resolver(() => Task)
export class TaskResolver {
  @Query(() => Task, {
    nullable: true,
    description: 'A task by global id or by task_id; null when there is none for this caller.',
  })
  @Guard('own')
  task(
    @Arg('id', () => ID, { nullable: true, description: 'The global id.' })
    id: string | null | undefined,
    @Arg('grid', () => String, {
      nullable: true,
      description: 'The grid of taskId; needed only where several are configured.',
    })
    grid: string | null | undefined,
    @Arg('taskId', () => String, { nullable: true, description: 'The task_id.' })
    taskId: string | null | undefined,
    @Ctx() { grids, loaders }: GraphContext,
  ) {
    if ((id == null) === (taskId == null)) throw oneOf('id', 'taskId');
    if (id == null)
      return loaders.tasks.load({ grid: grids.one('HTC_GRID', grid).name, name: taskId ?? '' });
    const key = decodeIdAs('Task', id);
    return loaders.tasks.load({ grid: key.grid, name: key.parts[0] });
  }

  @Query(() => TaskConnection, {
    nullable: true,
    description:
      'Tasks of the sessions named in the filter, else of the 1,000 newest sessions that have tasks waiting or running, or that this server submitted.',
  })
  @Guard('own')
  async tasks(
    @Arg('filter', () => TaskFilter, { nullable: true, description: 'Which tasks.' })
    filter: TaskFilter | null | undefined,
    @Arg('orderBy', () => [TaskOrder], {
      nullable: true,
      description: 'The order; ids unless given.',
    })
    orderBy: readonly TaskOrder[] | null | undefined,
    @Args(() => GroupedPageArgs) args: GroupedPageArgs,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    const { grids, own, signal } = context;
    const only = namedGrid(grids, filter?.grid);
    const sessions = filter?.sessions?.map((id) => decodeIdAs('Session', id));
    const asked = grids
      .of('HTC_GRID')
      .map((grid) => ({
        grid,
        sessions: sessions?.filter((key) => key.grid === grid.name).map(({ parts }) => parts[0]),
      }))
      .filter((one) => one.sessions === undefined || one.sessions.length > 0);
    const isAsked = along(selection(info), 'streamCursor').length > 0;
    // Before the list is read: what completes meanwhile is after this cursor, not before it.
    const positions = await Promise.all(
      (isAsked ? asked : []).map(async ({ grid, sessions: named }) =>
        named
          ? (await visible(grid.name, named, context)).map((name) => grid.position(name))
          : [endOf(await grid.followAll(signal))],
      ),
    );
    const answer = await connection(
      {
        name: 'tasks',
        args,
        filter: and(own, taskPredicate(filter)),
        orderOf: taskOrderOf,
        orderBy,
        sources: () =>
          sourcesOf(
            asked.map(({ grid }) => grid),
            (grid) => grid.tasks(asked.find((one) => one.grid === grid)?.sessions, signal),
          ),
        only,
      },
      context,
      info,
    );
    return { ...answer, positions: positions.flat() };
  }

  @FieldResolver(() => Session, {
    nullable: true,
    description: 'The session it was submitted with.',
  })
  session(@Root() { gridName, sessionId }: TaskRow, @Ctx() { loaders }: GraphContext) {
    return loaders.sessions.load({ grid: gridName, name: sessionId });
  }

  @FieldResolver(() => Failure, { nullable: true })
  failure(@Root() task: TaskRow, @Ctx() { loaders }: GraphContext) {
    if (task.failure !== undefined) return task.failure;
    return loaders.failures.load({ grid: task.gridName, name: task.nativeId });
  }

  @FieldResolver(() => Payload, {
    nullable: true,
    description: 'What the function was given; null when the data plane has it no more.',
  })
  input(
    @Root() task: TaskRow,
    @Arg('maxBytes', () => Int, maxBytes) limit: number,
    @Ctx() context: GraphContext,
  ) {
    return payload(task, 'input', limit, context);
  }

  @FieldResolver(() => Payload, {
    nullable: true,
    description:
      'What the function returned, or the error it raised; null until it has finished. One that is gone says so: `missing`.',
  })
  async output(
    @Root() task: TaskRow,
    @Arg('maxBytes', () => Int, maxBytes) limit: number,
    @Ctx() context: GraphContext,
  ) {
    const stored = await payload(task, 'output', limit, context);
    // Workers write the output before they finish a task.
    return stored ?? (task.state === 'SUCCEEDED' ? missingPayload : null);
  }

  @FieldResolver(() => Payload, {
    nullable: true,
    description: 'What the grid stored as an error beside the output; null when it stored none.',
  })
  error(
    @Root() task: TaskRow,
    @Arg('maxBytes', () => Int, maxBytes) limit: number,
    @Ctx() context: GraphContext,
  ) {
    return payload(task, 'error', limit, context);
  }
}

@Resolver(() => TaskConnection)
export class TaskConnectionResolver {
  @FieldResolver(() => StreamCursor, {
    description:
      'Pass to taskCompleted(start: {after: …}) with the same sessions: no completion between the two is lost.',
  })
  streamCursor(@Root() { positions }: { positions: readonly LogPosition[] }) {
    return encodeCursor(positions);
  }
}

export const taskGroupResolvers = groupResolvers(
  { Connection: TaskConnection, Group: TaskGroup, Groups: TaskGroups },
  Task,
  TaskOrder,
);

/** The sessions of these that the caller may see: how far those of others are is nobody's business. */
async function visible(
  grid: string,
  names: readonly string[],
  { caller, loaders }: GraphContext,
): Promise<readonly string[]> {
  if (isAdmin(caller)) return names;
  const rows = await loaders.sessions.loadMany(names.map((name) => ({ grid, name })));
  return names.filter((_, i) => rows[i] !== undefined && !(rows[i] instanceof Error));
}

function payload(
  { gridName, nativeId }: TaskRow,
  kind: PayloadKind,
  limit: number,
  { grids, signal }: GraphContext,
) {
  if (limit < 1 || limit > maxPayloadBytes) {
    throw new GridError(
      'BAD_USER_INPUT',
      `Expected maxBytes from 1 to ${maxPayloadBytes}, came ${limit}.`,
    );
  }
  return grids.one('HTC_GRID', gridName).payload(nativeId, kind, limit, signal);
}
