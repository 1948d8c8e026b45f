/** Grouping and aggregates: over the whole filter, never over the page. */
import { ArgsType, Field, Float, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { closedEnum } from './enums.js';
import { JSONValue } from './scalars.js';
import { StateCount } from './work.js';

export const groupFields = [
  'GRID',
  'STATE',
  'OWNER',
  'SCHEDD',
  'CLUSTER',
  'BATCH',
  'SESSION',
  'WORKER',
  'HOLD_CODE',
  'EXIT_CODE',
  'MACHINE',
] as const;
export const GroupField = closedEnum(groupFields);
export type GroupField = keyof typeof GroupField;
registerEnumType(GroupField, {
  name: 'GroupField',
  description:
    'What to group by. A field that a row does not have puts it into the undefined group.',
  valuesConfig: {
    GRID: { description: "The grid's name." },
    STATE: { description: "The unified state of work; the slot's own state for slots." },
    OWNER: { description: 'Whose work it is.' },
    SCHEDD: { description: 'The schedd of a job.' },
    CLUSTER: { description: 'The cluster of a job.' },
    BATCH: { description: 'The batch name of a job.' },
    SESSION: { description: 'The session of a task.' },
    WORKER: { description: 'The worker that claimed a task.' },
    HOLD_CODE: { description: "HTCondor's HoldReasonCode." },
    EXIT_CODE: { description: 'The exit code of a job that ended.' },
    MACHINE: { description: 'The host a job runs or last ran on, or a slot belongs to.' },
  },
});

export const GroupOrder = closedEnum(['COUNT_DESC', 'COUNT_ASC', 'KEY_ASC', 'KEY_DESC']);
export type GroupOrder = keyof typeof GroupOrder;
registerEnumType(GroupOrder, {
  name: 'GroupOrder',
  description: 'The order of groups; equal counts are ordered by key.',
  valuesConfig: {
    COUNT_DESC: { description: 'Largest group first.' },
    COUNT_ASC: { description: 'Smallest group first.' },
    KEY_ASC: { description: 'By key, upwards; the undefined group last.' },
    KEY_DESC: { description: 'By key, downwards; the undefined group first.' },
  },
});

@InputType({ description: 'Turns numbers or times into ranges. Exactly one of width, every.' })
export class BucketInput {
  @Field(() => Float, {
    nullable: true,
    description: "Width of each range, in the value's own unit; above 0.",
  })
  readonly width?: number | null;
  @Field(() => String, {
    nullable: true,
    description:
      'Length of each range of time, such as "15m", "1h", "1d", counted from the epoch in UTC. Attributes are taken as seconds since the epoch.',
  })
  readonly every?: string | null;
}

@InputType({ description: "One part of a group's key. Exactly one of field, attribute." })
export class GroupKeyInput {
  @Field(() => GroupField, { nullable: true, description: 'A field of the graph.' })
  readonly field?: GroupField | null;
  @Field(() => String, {
    nullable: true,
    description: 'An attribute of the ad (HTCondor), or of the stored item (HTC-Grid).',
  })
  readonly attribute?: string | null;
  @Field(() => BucketInput, {
    nullable: true,
    description:
      'Ranges instead of single values; values that are no numbers keep their own group.',
  })
  readonly bucket?: BucketInput | null;
}

@ObjectType({ description: "One part of a group's key.", simpleResolvers: true })
export class GroupKey {
  @Field(() => String, { description: 'The field or attribute that was asked for.' })
  readonly name!: string;
  @Field(() => Boolean, { description: 'False for the group of rows that have no such value.' })
  readonly defined!: boolean;
  @Field(() => JSONValue, {
    nullable: true,
    description: 'The value, or the lower end of a range; null in the undefined group.',
  })
  readonly value!: unknown;
  @Field(() => String, {
    description: 'The value as text; a range as "[low, high)"; "undefined" in the undefined group.',
  })
  readonly text!: string;
}

@ObjectType({
  description:
    'How numbers are distributed. Count, sum, least and greatest are exact; percentiles are within 1 % of the true value.',
  simpleResolvers: true,
})
export class Distribution {
  @Field(() => Int, { description: 'Rows that have such a number.' })
  readonly count!: number;
  @Field(() => Float, { nullable: true, description: 'The least; null when count is 0.' })
  readonly min!: number | null;
  @Field(() => Float, { nullable: true, description: 'The greatest; null when count is 0.' })
  readonly max!: number | null;
  @Field(() => Float, { nullable: true, description: 'The arithmetic mean; null when count is 0.' })
  readonly mean!: number | null;
  @Field(() => Float, { nullable: true, description: 'The sum; null when count is 0.' })
  readonly sum!: number | null;
  @Field(() => Float, {
    nullable: true,
    description: 'Half of the numbers are at most this; null when count is 0.',
  })
  readonly p50!: number | null;
  @Field(() => Float, {
    nullable: true,
    description: '90 % of the numbers are at most this; null when count is 0.',
  })
  readonly p90!: number | null;
  @Field(() => Float, {
    nullable: true,
    description: '99 % of the numbers are at most this; null when count is 0.',
  })
  readonly p99!: number | null;
}

@ObjectType({
  description: 'Aggregates over work: the whole filter or one group.',
  simpleResolvers: true,
})
export class WorkAggregates {
  @Field(() => [StateCount], { description: 'Counts by state, states without rows left out.' })
  readonly byState!: readonly StateCount[];
  @Field(() => Distribution, { description: 'Milliseconds from submission to start.' })
  readonly waitMs!: Distribution;
  @Field(() => Distribution, { description: 'Milliseconds of running.' })
  readonly runMs!: Distribution;
}

@ObjectType({
  description: 'Aggregates over ads: the whole filter or one group.',
  simpleResolvers: true,
})
export class AdAggregates {}

@ArgsType()
export class GroupsArgs {
  @Field(() => [GroupKeyInput], {
    nullable: true,
    description: "The parts of the key; the list's `groupBy` when left out.",
  })
  readonly by?: readonly GroupKeyInput[] | null;
  @Field(() => Int, { nullable: true, description: 'Leave out smaller groups.' })
  readonly countAtLeast?: number | null;
  @Field(() => GroupOrder, { defaultValue: 'COUNT_DESC', description: 'The order of the groups.' })
  readonly orderBy!: GroupOrder;
  @Field(() => Int, {
    defaultValue: 100,
    description: 'How many groups to show, 1 to 1000; `totalCount` has them all.',
  })
  readonly first!: number;
}

@ArgsType()
export class NestedGroupsArgs {
  @Field(() => [GroupKeyInput], { description: 'The parts of the key.' })
  readonly by!: readonly GroupKeyInput[];
  @Field(() => GroupOrder, { defaultValue: 'COUNT_DESC', description: 'The order of the groups.' })
  readonly orderBy!: GroupOrder;
  @Field(() => Int, {
    defaultValue: 100,
    description: 'How many groups to show, 1 to 1000; `totalCount` has them all.',
  })
  readonly first!: number;
}
