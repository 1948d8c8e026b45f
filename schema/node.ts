/** What every thing with an id has, and the pages of lists. */
import { Field, ID, InterfaceType, ObjectType } from 'type-graphql';

@InterfaceType({
  description: 'Anything that can be asked for again by its id, through `node` and `nodes`.',
  resolveType: (value: { __typename: string }) => value.__typename,
})
export abstract class Node {
  @Field(() => ID, {
    description:
      'Opaque, stable and globally unique: made of the kind, the grid (and schedd, type or daemon) and the native id.',
  })
  readonly id!: string;
}

@ObjectType({ description: 'Where a page stands in its list.', simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean, {
    description: 'Whether rows of the filter follow the last one of this page.',
  })
  readonly hasNextPage!: boolean;

  @Field(() => Boolean, {
    description: 'Whether rows of the filter come before the first one of this page.',
  })
  readonly hasPreviousPage!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'Cursor of the first row; null on an empty page.',
  })
  readonly startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Cursor of the last row; null on an empty page.',
  })
  readonly endCursor!: string | null;
}
