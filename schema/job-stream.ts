/** Streams of pools: events of jobs, and work that has ended. */
import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { jobEventTypes } from '../src/grids/job-logs.js';
import { closedEnum } from './enums.js';
import { DateTime } from './scalars.js';
import { StreamFrame } from './stream.js';
import { WorkItem, WorkState } from './work.js';

export const JobEventType = closedEnum(jobEventTypes);
export type JobEventType = keyof typeof JobEventType;
registerEnumType(JobEventType, {
  name: 'JobEventType',
  description: 'What happened to a job.',
  valuesConfig: {
    SUBMITTED: { description: 'It came into the queue; perhaps on hold.' },
    STARTED: { description: 'It runs, for the first time or again.' },
    EVICTED: {
      description: 'It left its machine unfinished; comes before REMOVED or HELD of a running job.',
    },
    SUSPENDED: { description: 'It was stopped on its machine for a while.' },
    RESUMED: { description: 'It goes on after a stop.' },
    HELD: { description: 'It was put on hold, by somebody or by a policy.' },
    RELEASED: { description: 'It waits again after a hold.' },
    TERMINATED: { description: 'Its process ended; jobCompleted says how, once the history does.' },
    REMOVED: { description: 'It was removed.' },
    EDITED: {
      description: 'An attribute was changed, as far as the pool logs it: priorities are.',
    },
    OTHER: { description: 'Anything else that the pool logs: usage, file transfer, errors.' },
  },
});

@ObjectType({ description: 'One event of a job, as the pool told it.', simpleResolvers: true })
export class JobEvent {
  @Field(() => JobEventType, { description: 'What happened.' })
  readonly type!: JobEventType;
  @Field(() => DateTime, { description: "When, by the pool's clock." })
  readonly at!: number;
  @Field(() => String, { description: 'The job, as "cluster.proc".' })
  readonly jobId!: string;
  @Field(() => String, { description: 'The schedd that has the job.' })
  readonly schedd!: string;
  @Field(() => WorkState, {
    nullable: true,
    description: 'The state that follows from it; null where the event says nothing of the state.',
  })
  readonly state!: keyof typeof WorkState | null;
}

@ObjectType({
  implements: StreamFrame,
  description: 'Events of jobs.',
  simpleResolvers: true,
})
export class JobEventFrame extends StreamFrame {
  @Field(() => [JobEvent], {
    description:
      'The events, in the order in which the pool told them; empty in frames that carry no items.',
  })
  readonly events!: readonly JobEvent[];
}

@ObjectType({
  implements: StreamFrame,
  description: 'Work that has ended.',
  simpleResolvers: true,
})
export class WorkCompletedFrame extends StreamFrame {
  @Field(() => [WorkItem], {
    description:
      'The tasks or jobs, in the order in which their ends became known; empty in frames that carry no items.',
  })
  readonly items!: readonly WorkItem[];
  @Field(() => String, {
    nullable: true,
    description:
      'In the SYNCED frame behind a snapshot that does not have everything: what is left out. Null otherwise.',
  })
  readonly partial!: string | null;
}
