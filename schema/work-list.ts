/** The list of work over all grids. */
import { Field, InputType, registerEnumType } from 'type-graphql';
import { groupedConnectionOf } from './connection.js';
import { closedEnum } from './enums.js';
import { GridKind } from './grid.js';
import { WorkAggregates } from './group.js';
import { StateMatch, StringMatch, TimeMatch } from './match.js';
import { Direction } from './order.js';
import { WorkItem } from './work.js';
import type { ClassType } from 'type-graphql';

// An interface type is an abstract class, which ClassType does not admit; the graph does.
const workItem = WorkItem as unknown as ClassType<WorkItem>;

export const {
  Connection: WorkItemConnection,
  Group: WorkItemGroup,
  Groups: WorkItemGroups,
} = groupedConnectionOf('WorkItem', () => workItem, WorkAggregates, 'work items');

export const WorkOrderField = closedEnum([
  'SUBMITTED_AT',
  'STARTED_AT',
  'ENDED_AT',
  'STATE',
  'OWNER',
  'ID',
]);
export type WorkOrderField = keyof typeof WorkOrderField;
registerEnumType(WorkOrderField, {
  name: 'WorkOrderField',
  description: 'What to order work by.',
  valuesConfig: {
    SUBMITTED_AT: { description: 'When it was submitted.' },
    STARTED_AT: { description: 'When its latest attempt started.' },
    ENDED_AT: { description: 'When it ended.' },
    STATE: { description: 'The unified state, by its name.' },
    OWNER: { description: 'Whose it is.' },
    ID: {
      description: "Grid, then the grid's own order: the order without orderBy, and the cheapest.",
    },
  },
});

@InputType({ description: 'One term of an order of work.' })
export class WorkOrder {
  @Field(() => WorkOrderField, { description: 'What to order by.' })
  readonly field!: WorkOrderField;
  @Field(() => Direction, { defaultValue: 'ASC', description: 'Which end comes first.' })
  readonly direction!: Direction;
}

@InputType({ description: 'Which work. All that is given must hold.' })
export class WorkFilter {
  @Field(() => [WorkFilter], { nullable: true, description: 'All of these.' })
  readonly and?: readonly WorkFilter[] | null;
  @Field(() => [WorkFilter], { nullable: true, description: 'At least one of these.' })
  readonly or?: readonly WorkFilter[] | null;
  @Field(() => WorkFilter, { nullable: true, description: 'Not this.' })
  readonly not?: WorkFilter | null;
  @Field(() => StringMatch, { nullable: true, description: 'The name of the grid.' })
  readonly grid?: StringMatch | null;
  @Field(() => GridKind, { nullable: true, description: 'What runs behind the grid.' })
  readonly kind?: keyof typeof GridKind | null;
  @Field(() => StateMatch, { nullable: true, description: 'The unified state.' })
  readonly state?: StateMatch | null;
  @Field(() => StringMatch, { nullable: true, description: 'Whose it is.' })
  readonly owner?: StringMatch | null;
  @Field(() => TimeMatch, { nullable: true, description: 'When it was submitted.' })
  readonly submitted?: TimeMatch | null;
  @Field(() => TimeMatch, { nullable: true, description: 'When it ended.' })
  readonly ended?: TimeMatch | null;
}
