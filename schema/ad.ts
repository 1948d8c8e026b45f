/** ClassAds as they are: attributes of jobs, slots and the ads of daemons. */
import { Field, InputType, ObjectType } from 'type-graphql';
import { AttributeMatch, StringMatch } from './match.js';
import { Direction } from './order.js';
import { ClassAdExpr, JSONValue } from './scalars.js';

@ObjectType({
  description: 'One attribute of an ad, three-valued: defined, undefined, redacted.',
  simpleResolvers: true,
})
export class AdAttribute {
  @Field(() => String, { description: 'The name as it was asked for.' })
  readonly name!: string;
  @Field(() => Boolean, {
    description: 'Whether the ad has such an attribute with a value or an expression.',
  })
  readonly defined!: boolean;
  @Field(() => Boolean, {
    description:
      'True for an attribute that is hidden from clients; all else about it is then empty.',
  })
  readonly redacted!: boolean;
  @Field(() => String, {
    nullable: true,
    description:
      'The expression, where the attribute is one and not a plain value; "undefined" where it is set to that; null otherwise, also where the ad has no such attribute.',
  })
  readonly expression!: string | null;
  @Field(() => JSONValue, {
    nullable: true,
    description:
      'The value; null when undefined, redacted, or an expression, unless it is the one that HTCondor itself writes for MemoryUsage, RequestMemory, RequestDisk or SlotWeight: it is evaluated, as it is for orders, groups and aggregates.',
  })
  readonly value!: unknown;
}

@InputType({ description: 'Which ads. All that is given must hold.' })
export class AdFilter {
  @Field(() => [AdFilter], { nullable: true, description: 'All of these.' })
  readonly and?: readonly AdFilter[] | null;
  @Field(() => [AdFilter], { nullable: true, description: 'At least one of these.' })
  readonly or?: readonly AdFilter[] | null;
  @Field(() => AdFilter, { nullable: true, description: 'Not this.' })
  readonly not?: AdFilter | null;
  @Field(() => StringMatch, { nullable: true, description: 'The name of the grid.' })
  readonly grid?: StringMatch | null;
  @Field(() => StringMatch, { nullable: true, description: 'The name of the slot, machine or ad.' })
  readonly name?: StringMatch | null;
  @Field(() => [AttributeMatch], {
    nullable: true,
    description: 'Attributes of the ad; all must match.',
  })
  readonly attributes?: readonly AttributeMatch[] | null;
  @Field(() => ClassAdExpr, {
    nullable: true,
    description:
      'An expression in the ClassAd language that must be true: neither undefined nor an error. Pushed down like all else.',
  })
  readonly constraint?: string | null;
}

@InputType({ description: 'One term of an order of ads.' })
export class AdOrder {
  @Field(() => String, { description: 'The attribute to order by.' })
  readonly attribute!: string;
  @Field(() => Direction, { defaultValue: 'ASC', description: 'Which end comes first.' })
  readonly direction!: Direction;
}
