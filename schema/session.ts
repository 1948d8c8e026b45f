/** HTC-Grid sessions: tasks that were submitted together. */
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf } from './connection.js';
import { UserError, ActionStatus } from './action.js';
import { closedEnum } from './enums.js';
import { Node } from './node.js';
import { DateTime, JSONValue, StreamCursor } from './scalars.js';
import { WorkBatch } from './work.js';

export const SubmissionState = closedEnum(['SUBMITTING', 'SUBMITTED', 'FAILED']);
registerEnumType(SubmissionState, {
  name: 'SubmissionState',
  description: 'How far the sending of a session is.',
  valuesConfig: {
    SUBMITTING: { description: 'Tasks are being sent.' },
    SUBMITTED: { description: 'The grid has all of them.' },
    FAILED: { description: 'Sending broke off; `accepted` of them may run.' },
  },
});

@ObjectType({ description: 'How far the sending of a session is.', simpleResolvers: true })
export class Submission {
  @Field(() => SubmissionState, { description: 'Where the sending stands.' })
  readonly state!: keyof typeof SubmissionState;
  @Field(() => Int, { description: 'Tasks that the session will have.' })
  readonly expected!: number;
  @Field(() => Int, { description: 'Tasks that the grid has taken so far.' })
  readonly accepted!: number;
  @Field(() => UserError, { nullable: true, description: 'Why it failed; null unless it did.' })
  readonly error!: UserError | null;
}

@ObjectType({
  implements: [Node, WorkBatch],
  description: 'An HTC-Grid session: tasks that were submitted together.',
  simpleResolvers: true,
})
export class Session extends WorkBatch {
  @Field(() => ID, { description: 'Global id of the session.' })
  declare readonly id: string;
  @Field(() => String, { description: 'The session_id of the grid.' })
  declare readonly nativeId: string;
  @Field(() => String, {
    nullable: true,
    description: 'The identity that submitted it through this server; null for other sessions.',
  })
  readonly owner!: string | null;
  @Field(() => DateTime, {
    nullable: true,
    description: 'When it was submitted through this server; null for other sessions.',
  })
  readonly submittedAt!: number | null;
  @Field(() => Submission, {
    nullable: true,
    description:
      'How far the sending is; null for sessions that were not sent through this server.',
  })
  readonly submission!: Submission | null;
}

export const SessionConnection = connectionOf('Session', () => Session, 'sessions');
export type SessionConnection = InstanceType<typeof SessionConnection>;

@InputType({ description: 'Tasks to submit as one session.' })
export class SubmitTasksInput {
  @Field(() => String, {
    nullable: true,
    description: 'The grid; needed only where several HTC-Grids are configured.',
  })
  readonly grid?: string | null;
  @Field(() => [JSONValue], {
    description: 'One task each: the JSON that the function gets. 1 to 10,000 unless configured.',
  })
  readonly payloads!: readonly unknown[];
  @Field(() => Int, { nullable: true, description: 'Larger runs first, 0 unless given.' })
  readonly priority?: number | null;
  @Field(() => String, {
    nullable: true,
    description:
      'The same key with the same tasks from the same caller gives the session of the first call, and submits nothing again. At most 200 characters.',
  })
  readonly idempotencyKey?: string | null;
  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Check everything and submit nothing.',
  })
  readonly dryRun!: boolean;
}

@ObjectType({ description: 'What became of a submission.', simpleResolvers: true })
export class SubmitTasksPayload {
  @Field(() => Session, {
    nullable: true,
    description: 'The session; null after a dry run or user errors.',
  })
  readonly session!: Session | null;
  @Field(() => [String], { description: 'Task ids in the order of the payloads.' })
  readonly taskIds!: readonly string[];
  @Field(() => StreamCursor, {
    nullable: true,
    description:
      'Pass to taskCompleted(start: {after: …}): no completion is lost. Null without a session.',
  })
  readonly streamCursor!: string | null;
  @Field(() => Boolean, {
    description: 'True when an earlier call with the same idempotency key made the session.',
  })
  readonly replayed!: boolean;
  @Field(() => [UserError], {
    description:
      'Why nothing was submitted, or, with a session, not all of it; empty when all went well.',
  })
  readonly userErrors!: readonly UserError[];
}

@InputType({ description: 'Sessions to cancel.' })
export class CancelSessionsInput {
  @Field(() => [ID], { description: 'Global ids of the sessions, 1 to 100.' })
  readonly sessions!: readonly string[];
  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Count what would be cancelled and cancel nothing.',
  })
  readonly dryRun!: boolean;
}

@ObjectType({ description: 'What became of one session.', simpleResolvers: true })
export class CancelledSession {
  @Field(() => Session, {
    nullable: true,
    description: 'The session; null when there is none of that id for this caller.',
  })
  readonly session!: Session | null;
  @Field(() => String, { description: 'The session_id.' })
  readonly nativeId!: string;
  @Field(() => ActionStatus, {
    description: 'DONE, ALREADY_DONE when every task had ended, NOT_FOUND, FORBIDDEN or FAILED.',
  })
  readonly status!: keyof typeof ActionStatus;
  @Field(() => Int, { description: 'Tasks cancelled while they waited.' })
  readonly cancelledPending!: number;
  @Field(() => Int, { description: 'Of those, tasks that waited for another attempt.' })
  readonly cancelledRetrying!: number;
  @Field(() => Int, { description: 'Tasks cancelled while they ran.' })
  readonly cancelledProcessing!: number;
  @Field(() => Int, { description: 'All tasks that this call cancelled.' })
  readonly totalCancelledTasks!: number;
  @Field(() => Int, {
    description: 'Tasks that had ended, also while the call ran: they stay as they ended.',
  })
  readonly alreadyTerminal!: number;
}

@ObjectType({
  description: 'What became of the sessions, in the order asked for.',
  simpleResolvers: true,
})
export class CancelSessionsPayload {
  @Field(() => [CancelledSession], {
    description: 'One entry for each session, also where its id came twice.',
  })
  readonly sessions!: readonly CancelledSession[];
  @Field(() => [UserError], { description: 'What was wrong with the call itself.' })
  readonly userErrors!: readonly UserError[];
}
