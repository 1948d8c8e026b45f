/** HTC-Grid tasks. */
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { groupedConnectionOf } from './connection.js';
import { closedEnum } from './enums.js';
import { WorkAggregates } from './group.js';
import { NumberMatch, StateMatch, StringMatch, TimeMatch } from './match.js';
import { Node } from './node.js';
import { Direction } from './order.js';
import { DateTime, JSONValue, Long } from './scalars.js';
import { WorkItem } from './work.js';

@ObjectType({ description: 'Bytes of the data plane, decoded.', simpleResolvers: true })
export class Payload {
  @Field(() => JSONValue, {
    nullable: true,
    description: 'The value; null when it is no JSON, or truncated.',
  })
  readonly json!: unknown;
  @Field(() => String, {
    nullable: true,
    description: 'The text, cut after maxBytes; null when the bytes are not text.',
  })
  readonly text!: string | null;
  @Field(() => Long, { description: 'Bytes of the whole decoded value.' })
  readonly bytes!: number;
  @Field(() => Boolean, { description: 'Whether `text` was cut.' })
  readonly truncated!: boolean;
  @Field(() => String, {
    nullable: true,
    description: 'Where to fetch the whole value; null where the data plane has no addresses.',
  })
  readonly href!: string | null;
  @Field(() => Boolean, {
    description:
      'True for the output of a task that has finished and whose output is gone: evicted by a full data plane, or deleted. It has no text, no json and 0 bytes.',
  })
  readonly missing!: boolean;
}

@ObjectType({
  implements: [Node, WorkItem],
  description: 'A task of an HTC-Grid session.',
  simpleResolvers: true,
})
export class Task extends WorkItem {
  @Field(() => ID, { description: 'Global id of the task.' })
  declare readonly id: string;
  @Field(() => String)
  readonly revision!: string;
  @Field(() => Int, { nullable: true })
  readonly index!: number | null;
  @Field(() => Int, { nullable: true })
  readonly priority!: number | null;
  @Field(() => String, { nullable: true })
  readonly worker!: string | null;
  @Field(() => DateTime, { nullable: true })
  readonly heartbeatExpiresAt!: number | null;
}

export const {
  Connection: TaskConnection,
  Group: TaskGroup,
  Groups: TaskGroups,
} = groupedConnectionOf('Task', () => Task, WorkAggregates, 'tasks');

export const TaskOrderField = closedEnum([
  'SUBMITTED_AT',
  'ENDED_AT',
  'STATE',
  'ATTEMPTS',
  'INDEX',
  'ID',
]);
export type TaskOrderField = keyof typeof TaskOrderField;
registerEnumType(TaskOrderField, {
  name: 'TaskOrderField',
  description: 'What to order tasks by.',
  valuesConfig: {
    SUBMITTED_AT: { description: 'When they were submitted.' },
    ENDED_AT: { description: 'When they ended.' },
    STATE: { description: 'The unified state, by its name.' },
    ATTEMPTS: { description: 'How often they were started.' },
    INDEX: { description: 'The position in their session.' },
    ID: {
      description: 'Grid, session, then position: the order without orderBy, and the cheapest.',
    },
  },
});

@InputType({ description: 'One term of an order of tasks.' })
export class TaskOrder {
  @Field(() => TaskOrderField, { description: 'What to order by.' })
  readonly field!: TaskOrderField;
  @Field(() => Direction, { defaultValue: 'ASC', description: 'Which end comes first.' })
  readonly direction!: Direction;
}

@InputType({ description: 'Which tasks. All that is given must hold.' })
export class TaskFilter {
  @Field(() => [TaskFilter], { nullable: true, description: 'All of these.' })
  readonly and?: readonly TaskFilter[] | null;
  @Field(() => [TaskFilter], { nullable: true, description: 'At least one of these.' })
  readonly or?: readonly TaskFilter[] | null;
  @Field(() => TaskFilter, { nullable: true, description: 'Not this.' })
  readonly not?: TaskFilter | null;
  @Field(() => StringMatch, { nullable: true, description: 'The name of the grid.' })
  readonly grid?: StringMatch | null;
  @Field(() => StateMatch, { nullable: true, description: 'The unified state.' })
  readonly state?: StateMatch | null;
  @Field(() => [ID], {
    nullable: true,
    description:
      'Tasks of these sessions (global ids). At the top of a filter this also says which sessions to look at.',
  })
  readonly sessions?: readonly string[] | null;
  @Field(() => StringMatch, { nullable: true, description: 'Who submitted the session.' })
  readonly owner?: StringMatch | null;
  @Field(() => NumberMatch, { nullable: true, description: 'The priority.' })
  readonly priority?: NumberMatch | null;
  @Field(() => StringMatch, { nullable: true, description: 'The worker that has or had the task.' })
  readonly worker?: StringMatch | null;
  @Field(() => NumberMatch, { nullable: true, description: 'How often it was started.' })
  readonly attempts?: NumberMatch | null;
  @Field(() => TimeMatch, { nullable: true, description: 'When it was submitted.' })
  readonly submitted?: TimeMatch | null;
  @Field(() => TimeMatch, { nullable: true, description: 'When it ended.' })
  readonly ended?: TimeMatch | null;
}
