/** HTCondor jobs and clusters. */
import { Field, Float, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { groupedConnectionOf } from './connection.js';
import { closedEnum } from './enums.js';
import { WorkAggregates } from './group.js';
import { AttributeMatch, NumberMatch, StateMatch, StringMatch, TimeMatch } from './match.js';
import { Node } from './node.js';
import { Direction } from './order.js';
import { ClassAdExpr } from './scalars.js';
import { WorkBatch, WorkItem } from './work.js';

export const JobOrigin = closedEnum(['QUEUE', 'HISTORY']);
registerEnumType(JobOrigin, {
  name: 'JobOrigin',
  description: 'Where a job was read.',
  valuesConfig: {
    QUEUE: { description: 'In the queue of its schedd.' },
    HISTORY: { description: 'In the history of its schedd, after it left the queue.' },
  },
});

export const JobSource = closedEnum(['QUEUE', 'HISTORY', 'ALL']);
export type JobSource = keyof typeof JobSource;
registerEnumType(JobSource, {
  name: 'JobSource',
  description: 'Where to look for jobs.',
  valuesConfig: {
    QUEUE: { description: 'In the queues.' },
    HISTORY: { description: 'In the histories, newest first, at most scanLimit records of each.' },
    ALL: { description: 'In both; a job met in the queue is not repeated from the history.' },
  },
});

@ObjectType({
  implements: [Node, WorkBatch],
  description: 'An HTCondor cluster: jobs that were submitted together.',
  simpleResolvers: true,
})
export class JobCluster extends WorkBatch {
  @Field(() => ID, { description: 'Global id of the cluster.' })
  declare readonly id: string;
  @Field(() => String, { description: 'The number of the cluster.' })
  declare readonly nativeId: string;
  @Field(() => String, { description: 'The name of the schedd that has it.' })
  readonly schedd!: string;
}

@ObjectType({
  implements: [Node, WorkItem],
  description: 'An HTCondor job, in the queue or in the history.',
  simpleResolvers: true,
})
export class Job extends WorkItem {
  @Field(() => ID, { description: 'Global id of the job; names its schedd.' })
  declare readonly id: string;
  @Field(() => String, { description: 'The name of the schedd that has it.' })
  readonly schedd!: string;
  @Field(() => Int, { description: 'The cluster. From ClusterId.' })
  readonly clusterId!: number;
  @Field(() => Int, { description: 'The number within the cluster. From ProcId.' })
  readonly procId!: number;
  @Field(() => String)
  readonly revision!: string;
  @Field(() => JobOrigin, { description: 'Whether it was read from the queue or the history.' })
  readonly origin!: keyof typeof JobOrigin;
  @Field(() => String, { nullable: true })
  readonly batchName!: string | null;
  @Field(() => String, { nullable: true })
  readonly command!: string | null;
  @Field(() => String, { nullable: true })
  readonly arguments!: string | null;
  @Field(() => String, { nullable: true })
  readonly universe!: string | null;
  @Field(() => Int, { nullable: true })
  readonly priority!: number | null;
  @Field(() => String, { nullable: true })
  readonly accountingGroup!: string | null;
  @Field(() => Float, { nullable: true })
  readonly requestCpus!: number | null;
  @Field(() => Float, { nullable: true })
  readonly requestMemoryMb!: number | null;
  @Field(() => Float, { nullable: true })
  readonly requestDiskKb!: number | null;
  @Field(() => Float, { nullable: true })
  readonly requestGpus!: number | null;
  @Field(() => String, { nullable: true })
  readonly remoteHost!: string | null;
  @Field(() => String, { nullable: true })
  readonly holdReason!: string | null;
  @Field(() => Int, { nullable: true })
  readonly exitCode!: number | null;
}

export const {
  Connection: JobConnection,
  Group: JobGroup,
  Groups: JobGroups,
} = groupedConnectionOf('Job', () => Job, WorkAggregates, 'jobs');

export const JobOrderField = closedEnum([
  'SUBMITTED_AT',
  'STARTED_AT',
  'ENDED_AT',
  'STATE',
  'OWNER',
  'PRIORITY',
  'ID',
]);
export type JobOrderField = keyof typeof JobOrderField;
registerEnumType(JobOrderField, {
  name: 'JobOrderField',
  description: 'What to order jobs by.',
  valuesConfig: {
    SUBMITTED_AT: { description: 'When they were submitted.' },
    STARTED_AT: { description: 'When their latest attempt started.' },
    ENDED_AT: { description: 'When they ended.' },
    STATE: { description: 'The unified state, by its name.' },
    OWNER: { description: 'Whose they are.' },
    PRIORITY: { description: "Their priority among the owner's jobs." },
    ID: {
      description: 'Grid, schedd, cluster, number: the order without orderBy, and the cheapest.',
    },
  },
});

@InputType({ description: 'One term of an order of jobs. Exactly one of field, attribute.' })
export class JobOrder {
  @Field(() => JobOrderField, { nullable: true, description: 'A field of the graph.' })
  readonly field?: JobOrderField | null;
  @Field(() => String, {
    nullable: true,
    description: 'An attribute of the job ad. Numbers before text; jobs without it last upwards.',
  })
  readonly attribute?: string | null;
  @Field(() => Direction, { defaultValue: 'ASC', description: 'Which end comes first.' })
  readonly direction!: Direction;
}

@InputType({ description: 'Which jobs. All that is given must hold.' })
export class JobFilter {
  @Field(() => [JobFilter], { nullable: true, description: 'All of these.' })
  readonly and?: readonly JobFilter[] | null;
  @Field(() => [JobFilter], { nullable: true, description: 'At least one of these.' })
  readonly or?: readonly JobFilter[] | null;
  @Field(() => JobFilter, { nullable: true, description: 'Not this.' })
  readonly not?: JobFilter | null;
  @Field(() => StringMatch, { nullable: true, description: 'The name of the grid.' })
  readonly grid?: StringMatch | null;
  @Field(() => StringMatch, { nullable: true, description: 'The name of the schedd.' })
  readonly schedd?: StringMatch | null;
  @Field(() => StateMatch, { nullable: true, description: 'The unified state.' })
  readonly state?: StateMatch | null;
  @Field(() => StringMatch, { nullable: true, description: 'The owner.' })
  readonly owner?: StringMatch | null;
  @Field(() => NumberMatch, { nullable: true, description: 'The number of the cluster.' })
  readonly cluster?: NumberMatch | null;
  @Field(() => [String], {
    nullable: true,
    description: 'These jobs, as "cluster.proc" or "cluster"; at most 1000.',
  })
  readonly nativeIds?: readonly string[] | null;
  @Field(() => StringMatch, { nullable: true, description: 'The batch name.' })
  readonly batchName?: StringMatch | null;
  @Field(() => TimeMatch, { nullable: true, description: 'When it was submitted.' })
  readonly submitted?: TimeMatch | null;
  @Field(() => TimeMatch, { nullable: true, description: 'When it ended.' })
  readonly ended?: TimeMatch | null;
  @Field(() => [AttributeMatch], {
    nullable: true,
    description: 'Attributes of the job ad; all must match.',
  })
  readonly attributes?: readonly AttributeMatch[] | null;
  @Field(() => ClassAdExpr, {
    nullable: true,
    description:
      'An expression in the ClassAd language that must be true: neither undefined nor an error. Pushed down like all else.',
  })
  readonly constraint?: string | null;
}
