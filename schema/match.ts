/** How a filter compares: two-valued and case-sensitive on every grid. */
import { Field, Float, InputType } from 'type-graphql';
import { WorkState } from './work.js';
import { DateTime } from './scalars.js';

@InputType({
  description:
    'Compares text, case-sensitively. All that is given must hold. A missing value passes only `ne` and `defined: false`.',
})
export class StringMatch {
  @Field(() => String, { nullable: true, description: 'Equal to.' })
  readonly eq?: string | null;
  @Field(() => String, {
    nullable: true,
    description: 'Not equal to; a missing value is not equal.',
  })
  readonly ne?: string | null;
  @Field(() => [String], {
    nullable: true,
    description: 'Equal to one of these; an empty list matches nothing.',
  })
  readonly in?: readonly string[] | null;
  @Field(() => String, { nullable: true, description: 'Starts with.' })
  readonly startsWith?: string | null;
  @Field(() => String, { nullable: true, description: 'Contains.' })
  readonly contains?: string | null;
  @Field(() => Boolean, { nullable: true, description: 'Whether there is a value at all.' })
  readonly defined?: boolean | null;
}

@InputType({
  description:
    'Compares numbers. All that is given must hold. A missing value passes only `ne` and `defined: false`, a value that is no number only `ne` and `defined: true`.',
})
export class NumberMatch {
  @Field(() => Float, { nullable: true, description: 'Equal to.' })
  readonly eq?: number | null;
  @Field(() => Float, {
    nullable: true,
    description: 'Not equal to; a missing value is not equal.',
  })
  readonly ne?: number | null;
  @Field(() => Float, { nullable: true, description: 'Less than.' })
  readonly lt?: number | null;
  @Field(() => Float, { nullable: true, description: 'Less than or equal to.' })
  readonly lte?: number | null;
  @Field(() => Float, { nullable: true, description: 'Greater than.' })
  readonly gt?: number | null;
  @Field(() => Float, { nullable: true, description: 'Greater than or equal to.' })
  readonly gte?: number | null;
  @Field(() => [Float], {
    nullable: true,
    description: 'Equal to one of these; an empty list matches nothing.',
  })
  readonly in?: readonly number[] | null;
  @Field(() => Boolean, { nullable: true, description: 'Whether there is a value at all.' })
  readonly defined?: boolean | null;
}

@InputType({
  description: 'Compares times. All that is given must hold; a missing time passes nothing.',
})
export class TimeMatch {
  @Field(() => DateTime, { nullable: true, description: 'At this instant or later.' })
  readonly after?: number | null;
  @Field(() => DateTime, { nullable: true, description: 'Before this instant.' })
  readonly before?: number | null;
  @Field(() => String, {
    nullable: true,
    description:
      'Not longer ago than this: a number and s, m, h, d or w, such as "15m", "24h", "7d".',
  })
  readonly withinLast?: string | null;
}

@InputType({ description: 'Compares states. All that is given must hold.' })
export class StateMatch {
  @Field(() => WorkState, { nullable: true, description: 'This state.' })
  readonly eq?: keyof typeof WorkState | null;
  @Field(() => [WorkState], { nullable: true, description: 'One of these states.' })
  readonly in?: readonly (keyof typeof WorkState)[] | null;
  @Field(() => [WorkState], { nullable: true, description: 'None of these states.' })
  readonly notIn?: readonly (keyof typeof WorkState)[] | null;
  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether it has ended: SUCCEEDED, FAILED or CANCELLED.',
  })
  readonly terminal?: boolean | null;
}

@InputType({
  description: 'Compares one attribute of an ad. Exactly one of string, number, boolean.',
})
export class AttributeMatch {
  @Field(() => String, { description: "The attribute's name; upper and lower case are the same." })
  readonly name!: string;
  @Field(() => StringMatch, {
    nullable: true,
    description: 'As text; a value of another type equals none.',
  })
  readonly string?: StringMatch | null;
  @Field(() => NumberMatch, {
    nullable: true,
    description: 'As a number; a value of another type equals none.',
  })
  readonly number?: NumberMatch | null;
  @Field(() => Boolean, {
    nullable: true,
    description: 'As a boolean; a value of another type equals none.',
  })
  readonly boolean?: boolean | null;
}
