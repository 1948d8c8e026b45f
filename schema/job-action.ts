/** Actions on HTCondor jobs: submit, hold, release, remove, edit. */
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { ActionStatus, UserError } from './action.js';
import { JobCluster, JobFilter } from './job.js';
import { ClassAdExpr, JSONValue, StreamCursor } from './scalars.js';
import { WorkItem } from './work.js';

@InputType({
  description: 'Jobs to submit as one cluster. Exactly one of description, attributes.',
})
export class SubmitJobsInput {
  @Field(() => String, {
    nullable: true,
    description: 'The pool; needed only where several are configured.',
  })
  readonly grid?: string | null;
  @Field(() => String, {
    nullable: true,
    description: "Full name of the schedd; the pool's default one unless given.",
  })
  readonly schedd?: string | null;
  @Field(() => String, {
    nullable: true,
    description:
      'In the language of submit files. Commands that would read files or run programs of the server are refused; docs/security.md lists those that are taken. May end in `queue` or `queue N`.',
  })
  readonly description?: string | null;
  @Field(() => JSONValue, {
    nullable: true,
    description:
      'The same as an object: submit commands by name, with text, numbers and booleans; `arguments` may be a list, `environment` an object. `+Name` sets an attribute of the job ad: JSON values as they are, `{"expression": "…"}` for an expression.',
  })
  readonly attributes?: unknown;
  @Field(() => [JSONValue], {
    nullable: true,
    description:
      'One job each: an object of values for the variables named as `$(name)`, or one value for `$(Item)`.',
  })
  readonly items?: readonly unknown[] | null;
  @Field(() => Int, {
    nullable: true,
    description: 'Jobs of each item; without items, jobs in all. 1 unless given.',
  })
  readonly count?: number | null;
  @Field(() => String, {
    nullable: true,
    description:
      'The same key with the same input from the same caller gives the cluster of the first call and submits nothing again, also after a restart, as long as queue or history know one of its jobs. 1 to 200 characters.',
  })
  readonly idempotencyKey?: string | null;
  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Check everything, show the ads, queue nothing.',
  })
  readonly dryRun!: boolean;
}

@ObjectType({ description: 'What became of a submission.', simpleResolvers: true })
export class SubmitJobsPayload {
  @Field(() => JobCluster, {
    nullable: true,
    description: 'The cluster; null after a dry run or user errors.',
  })
  readonly cluster!: JobCluster | null;
  @Field(() => [String], {
    description: 'The ids of the jobs, "123.0", in the order of the items.',
  })
  readonly jobIds!: readonly string[];
  @Field(() => [JSONValue], {
    nullable: true,
    description:
      'Of a dry run: the ads that would be queued, as `classAd` shows them, at most the first 100; null otherwise. Ids and times in them are of no meaning.',
  })
  readonly ads!: readonly unknown[] | null;
  @Field(() => StreamCursor, {
    nullable: true,
    description:
      'Pass to jobCompleted(start: {after: …}): no completion is lost. Null without a cluster, and where the pool is not followed.',
  })
  readonly streamCursor!: string | null;
  @Field(() => Boolean, {
    description: 'True when an earlier call with the same idempotency key made the cluster.',
  })
  readonly replayed!: boolean;
  @Field(() => [UserError], { description: 'Why nothing was submitted; empty when all went well.' })
  readonly userErrors!: readonly UserError[];
}

@InputType({ description: 'Which jobs to act on. Exactly one of ids, cluster, filter.' })
class JobTargets {
  @Field(() => [ID], {
    nullable: true,
    description: 'Global ids of jobs, at most 1,000 unless configured.',
  })
  readonly ids?: readonly string[] | null;
  @Field(() => ID, {
    nullable: true,
    description: 'Global id of a cluster: those of its jobs that are in the queue.',
  })
  readonly cluster?: string | null;
  @Field(() => JobFilter, {
    nullable: true,
    description:
      'Jobs in the queues. May not be empty and needs expectAtMost; matched ids are resolved first and acted on by id.',
  })
  readonly filter?: JobFilter | null;
  @Field(() => Int, {
    nullable: true,
    description: 'Refuses the call when more jobs would be acted on.',
  })
  readonly expectAtMost?: number | null;
  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Say what would become of each job and change nothing.',
  })
  readonly dryRun!: boolean;
}
export type { JobTargets };

@InputType({
  description: 'Jobs to hold, release or remove. Exactly one of ids, cluster, filter.',
})
export class JobActionInput extends JobTargets {
  @Field(() => String, {
    nullable: true,
    description:
      'Why: kept in the job. One line of at most 1,000 characters; a double quote is stored as a single one, as HTCondor drops reasons that have one.',
  })
  readonly reason?: string | null;
}

@InputType({ description: 'A new value of one attribute. Exactly one of value, expression.' })
export class JobEdit {
  @Field(() => String, { description: "The attribute's name; upper and lower case are the same." })
  readonly name!: string;
  @Field(() => JSONValue, {
    nullable: true,
    description: 'A string, number or boolean, or a list of these, as it is.',
  })
  readonly value?: unknown;
  @Field(() => ClassAdExpr, { nullable: true, description: 'An expression.' })
  readonly expression?: string | null;
}

@InputType({ description: 'Jobs to edit, and how. Exactly one of ids, cluster, filter.' })
export class EditJobsInput extends JobTargets {
  @Field(() => [JobEdit], {
    description:
      'What to set, 1 to 50 attributes. What HTCondor or this server keeps (identity, state, files, commands) is refused.',
  })
  readonly set!: readonly JobEdit[];
}

@ObjectType({ description: 'What became of one item of an action.', simpleResolvers: true })
export class ActionOutcome {
  @Field(() => String, { description: 'The id as the grid prints it.' })
  readonly nativeId!: string;
  @Field(() => String, { nullable: true, description: 'The schedd of a job.' })
  readonly schedd!: string | null;
  @Field(() => ActionStatus, { description: 'What became of it.' })
  readonly status!: keyof typeof ActionStatus;
  @Field(() => String, {
    nullable: true,
    description: 'Why it is not DONE, in words; null where there is nothing to say.',
  })
  readonly message!: string | null;
  @Field(() => WorkItem, {
    nullable: true,
    description:
      'The item as it is after the action; null where there is none for this caller, or where it could not be read.',
  })
  readonly item!: WorkItem | null;
}

@ObjectType({ description: 'What became of the jobs.', simpleResolvers: true })
export class JobActionPayload {
  @Field(() => Int, { description: 'Jobs that were found.' })
  readonly matched!: number;
  @Field(() => Int, { description: 'Jobs with DONE; of a dry run: those that would be.' })
  readonly changed!: number;
  @Field(() => Int, { description: 'Outcomes that are neither DONE nor ALREADY_DONE.' })
  readonly failed!: number;
  @Field(() => [ActionOutcome], {
    description: 'One for each id asked for, or for each job that matched.',
  })
  readonly outcomes!: readonly ActionOutcome[];
  @Field(() => [UserError], {
    description: 'Why nothing was done at all; empty when the call was understood.',
  })
  readonly userErrors!: readonly UserError[];
}
