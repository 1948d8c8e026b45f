/** Who asks. */
import { Field, ObjectType } from 'type-graphql';
import { DateTime } from './scalars.js';

@ObjectType({ description: 'The caller, as this server knows them.', simpleResolvers: true })
export class Viewer {
  @Field(() => String, {
    description: 'The identity that owns what is submitted here, and whose work a non-admin sees.',
  })
  readonly identity!: string;
  @Field(() => [String], {
    description:
      "reader sees own work, user also submits and cancels it, admin sees and acts on everybody's.",
  })
  readonly roles!: readonly string[];
  @Field(() => [String], { description: 'Scopes of the token; empty for static tokens.' })
  readonly scopes!: readonly string[];
  @Field(() => DateTime, {
    nullable: true,
    description: 'When the token expires and streams end; null when it does not.',
  })
  readonly expiresAt!: number | null;
}
