/** Work on any grid: the state model, progress, failures, and what tasks and jobs have in common. */
import { Field, Float, Int, InterfaceType, ObjectType, registerEnumType } from 'type-graphql';
import { failureKinds, workStates } from '../src/grids/state.js';
import { closedEnum } from './enums.js';
import { Node } from './node.js';
import { DateTime, Long } from './scalars.js';

export const WorkState = closedEnum(workStates);
registerEnumType(WorkState, {
  name: 'WorkState',
  description: "One state model over both grids; `nativeState` has the grid's own word.",
  valuesConfig: {
    QUEUED: {
      description:
        'Waiting. HTC-Grid: pending. HTCondor: Idle, or Held while its input is spooled (code 16).',
    },
    RUNNING: {
      description: 'Being worked on. HTC-Grid: processing. HTCondor: Running, Transferring Output.',
    },
    SUSPENDED: { description: 'Stopped on its machine for a while. HTCondor only.' },
    HELD: { description: 'Waiting for somebody to release it. HTCondor only.' },
    SUCCEEDED: {
      description:
        'Ended well. HTC-Grid: finished (a function that raised is finished too: see `failure`). HTCondor: Completed with exit code 0.',
    },
    FAILED: {
      description:
        'Ended badly. HTC-Grid: failed. HTCondor: Completed by a signal or with another exit code.',
    },
    CANCELLED: { description: 'Ended by somebody. HTC-Grid: cancelled. HTCondor: Removed.' },
    UNKNOWN: { description: 'A state this server does not know, or work that vanished.' },
  },
});

export const FailureKind = closedEnum(failureKinds);
registerEnumType(FailureKind, {
  name: 'FailureKind',
  description: 'Why work did not do what it should.',
  valuesConfig: {
    EXIT_CODE: { description: 'It exited with a code other than 0.' },
    SIGNAL: { description: 'A signal ended it.' },
    HELD: { description: 'It was put on hold.' },
    FUNCTION_ERROR: { description: 'The function raised; the output holds what it said.' },
    TIMEOUT: { description: 'It took too long.' },
    RETRIES_EXHAUSTED: { description: 'Its worker vanished too often.' },
    CANCELLED: { description: 'Somebody cancelled or removed it.' },
    LOST: { description: 'It left the queue and no history tells how.' },
    OUTPUT_LOST: {
      description:
        'It finished, but its output is gone from the data plane: what it returned, or raised, is not known.',
    },
    UNKNOWN: { description: 'The grid does not say.' },
  },
});

@ObjectType({ description: 'Why work failed, was held or cancelled.', simpleResolvers: true })
export class Failure {
  @Field(() => FailureKind, { description: 'What kind of failure.' })
  readonly kind!: keyof typeof FailureKind;
  @Field(() => String, {
    nullable: true,
    description: "In the grid's words; null when it has none.",
  })
  readonly message!: string | null;
  @Field(() => Int, { nullable: true, description: 'The exit code; null unless it exited.' })
  readonly exitCode!: number | null;
  @Field(() => Int, {
    nullable: true,
    description: "The signal's number; null unless one ended it.",
  })
  readonly signal!: number | null;
  @Field(() => Int, { nullable: true, description: "HTCondor's HoldReasonCode; null unless held." })
  readonly holdCode!: number | null;
  @Field(() => Int, {
    nullable: true,
    description: "HTCondor's HoldReasonSubCode; null unless held.",
  })
  readonly holdSubcode!: number | null;
}

@ObjectType({ description: 'How many are in one state.', simpleResolvers: true })
export class StateCount {
  @Field(() => WorkState, { description: 'The state.' })
  readonly state!: keyof typeof WorkState;
  @Field(() => Int, { description: 'How many are in it.' })
  readonly count!: number;
}

@ObjectType({ description: 'How far a session or cluster is.', simpleResolvers: true })
export class Progress {
  @Field(() => Int, { description: 'All items.' })
  readonly total!: number;
  @Field(() => Int, { description: 'Items that have ended: SUCCEEDED, FAILED or CANCELLED.' })
  readonly terminal!: number;
  @Field(() => Float, { description: 'terminal / total, from 0 to 1; 1 when there are none.' })
  readonly fraction!: number;
  @Field(() => [StateCount], {
    description:
      'Counts by state, states without items left out. Tasks of an HTC-Grid whose status is of an earlier release (another name, or no partition) are in no count.',
  })
  readonly byState!: readonly StateCount[];
  @Field(() => Float, {
    nullable: true,
    description: 'Completions a minute, lately; null while too few were seen by this server.',
  })
  readonly ratePerMinute!: number | null;
  @Field(() => DateTime, {
    nullable: true,
    description: 'When it will be done at that rate; null while there is none.',
  })
  readonly etaAt!: number | null;
}

@InterfaceType({
  implements: Node,
  description: 'A unit of work on any grid: an HTC-Grid Task or an HTCondor Job.',
  resolveType: (value: { __typename: string }) => value.__typename,
})
export abstract class WorkItem extends Node {
  @Field(() => String, {
    description: 'The id as the grid prints it: a task id, or "cluster.proc".',
  })
  readonly nativeId!: string;
  @Field(() => WorkState, { description: 'Its state in the model that both grids share.' })
  readonly state!: keyof typeof WorkState;
  @Field(() => String, { description: "Its state in the grid's own word." })
  readonly nativeState!: string;
  @Field(() => Boolean, { description: 'Whether it has ended: SUCCEEDED, FAILED or CANCELLED.' })
  readonly terminal!: boolean;
  @Field(() => String, {
    nullable: true,
    description: 'Whose it is; null where nobody recorded it.',
  })
  readonly owner!: string | null;
  @Field(() => Int, { description: 'How often it was started.' })
  readonly attempts!: number;
  @Field(() => DateTime, {
    nullable: true,
    description: 'When it was submitted; null where the grid does not say.',
  })
  readonly submittedAt!: number | null;
  @Field(() => DateTime, {
    nullable: true,
    description:
      'When its latest attempt started; null before that, or where the grid does not store it.',
  })
  readonly startedAt!: number | null;
  @Field(() => DateTime, {
    nullable: true,
    description: 'When it ended; null before that, or where the grid does not store it.',
  })
  readonly endedAt!: number | null;
  @Field(() => Long, {
    nullable: true,
    description: 'Milliseconds from submission to start; null until it started.',
  })
  readonly waitMs!: number | null;
  @Field(() => Long, {
    nullable: true,
    description: 'Milliseconds it ran; null until it is known.',
  })
  readonly runMs!: number | null;
  @Field(() => Failure, { nullable: true, description: 'What went wrong; null when nothing did.' })
  readonly failure!: Failure | null;
}

@InterfaceType({
  implements: Node,
  description: 'What was submitted together: an HTC-Grid Session or an HTCondor cluster.',
  resolveType: (value: { __typename: string }) => value.__typename,
})
export abstract class WorkBatch extends Node {
  @Field(() => String, { description: "The session id, or the cluster's number." })
  readonly nativeId!: string;
}
