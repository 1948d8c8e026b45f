/** What actions answer with. */
import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { actionStatuses } from '../src/grids/action.js';
import { closedEnum } from './enums.js';

export const ActionStatus = closedEnum(actionStatuses);
registerEnumType(ActionStatus, {
  name: 'ActionStatus',
  description: 'What became of one item of an action.',
  valuesConfig: {
    DONE: { description: 'The action took effect.' },
    ALREADY_DONE: { description: 'There was nothing left to do.' },
    NOT_FOUND: { description: 'There is no such item, or not for this caller.' },
    FORBIDDEN: { description: 'The caller may not do that to it.' },
    BAD_STATE: { description: 'Its state does not allow it.' },
    FAILED: { description: 'The grid failed while doing it; the message says how.' },
  },
});

@ObjectType({
  description: 'An expected way for an action to fail: something to show to the user.',
  simpleResolvers: true,
})
export class UserError {
  @Field(() => String, { description: 'A code of the closed list of error codes.' })
  readonly code!: string;
  @Field(() => String, { description: 'What was expected, what came, what to do.' })
  readonly message!: string;
  @Field(() => [String], {
    nullable: true,
    description:
      'The input it is about, from the outside in; null when it is about the whole call.',
  })
  readonly path!: readonly string[] | null;
}
