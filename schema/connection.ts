/** Connections: Relay pages over a list, with counts, groups and source reports of the whole filter. */
import { ArgsType, type ClassType, Field, Int, ObjectType } from 'type-graphql';
import { SourceReport } from './grid.js';
import { GroupKey, GroupKeyInput } from './group.js';
import { PageInfo } from './node.js';

@ArgsType()
export class PageArgs {
  @Field(() => Int, {
    nullable: true,
    description:
      'Rows from the front, 1 to the page limit (1000 unless configured). Default 50 when `last` is not given either.',
  })
  readonly first?: number | null;
  @Field(() => String, { nullable: true, description: 'Only rows after this cursor.' })
  readonly after?: string | null;
  @Field(() => Int, {
    nullable: true,
    description: 'Rows from the back, 1 to the page limit; not together with `first`.',
  })
  readonly last?: number | null;
  @Field(() => String, { nullable: true, description: 'Only rows before this cursor.' })
  readonly before?: string | null;
}

@ArgsType()
export class GroupedPageArgs extends PageArgs {
  @Field(() => [GroupKeyInput], {
    nullable: true,
    description: 'The default for `groups(by:)` of this list.',
  })
  readonly groupBy?: readonly GroupKeyInput[] | null;
}

/** What every connection has; its own name is never in the graph. */
function pageOf<T extends object>(name: string, node: () => ClassType<T>, plural: string) {
  @ObjectType(`${name}Edge`, {
    description: `A row of a list of ${plural} with its cursor.`,
    simpleResolvers: true,
  })
  class Edge {
    @Field(node, { description: 'The row.' })
    readonly node!: T;
    @Field(() => String, {
      description: 'Pass to `after` or `before` of the same list with the same order.',
    })
    readonly cursor!: string;
  }

  @ObjectType(`${name}Page`, { simpleResolvers: true })
  class Page {
    @Field(() => [Edge], { description: 'The rows of the page with their cursors.' })
    readonly edges!: readonly Edge[];
    @Field(() => [node()], { description: 'The rows of the page.' })
    readonly nodes!: readonly T[];
    @Field(() => PageInfo, { description: 'Where the page stands.' })
    readonly pageInfo!: PageInfo;
    @Field(() => Int, {
      description: 'All rows that pass the filter; exact unless a source is truncated or missing.',
    })
    readonly totalCount!: number;
    @Field(() => [SourceReport], {
      description: 'What each grid contributed, and what it left out.',
    })
    readonly sources!: readonly SourceReport[];
  }
  return Page;
}

/** A connection without groups: edges, nodes, pageInfo, totalCount, sources. */
export function connectionOf<T extends object>(
  name: string,
  node: () => ClassType<T>,
  plural: string,
) {
  @ObjectType(`${name}Connection`, {
    description: `A page of ${plural}, with what is known of all that pass the filter.`,
    simpleResolvers: true,
  })
  class Connection extends pageOf(name, node, plural) {}
  return Connection;
}

/** A connection with groups and aggregates, and the type of its groups. */
export function groupedConnectionOf<T extends object, A extends object>(
  name: string,
  node: () => ClassType<T>,
  aggregates: ClassType<A>,
  plural: string,
) {
  @ObjectType(`${name}Group`, {
    description: `The ${plural} that have one key.`,
    simpleResolvers: true,
  })
  class Group {
    @Field(() => [GroupKey], { description: 'The parts of the key, in the order asked for.' })
    readonly key!: readonly GroupKey[];
    @Field(() => Int, { description: 'How many have this key.' })
    readonly count!: number;
    @Field(() => aggregates, { description: 'Aggregates over the group.' })
    readonly aggregates!: A;
  }

  @ObjectType(`${name}Groups`, { description: `Groups of ${plural}.`, simpleResolvers: true })
  class Groups {
    @Field(() => [Group], { description: 'The groups, at most `first`.' })
    readonly nodes!: readonly Group[];
    @Field(() => Int, { description: 'All groups that have at least `countAtLeast` rows.' })
    readonly totalCount!: number;
    @Field(() => Boolean, {
      description:
        'True when there are more distinct keys than the server keeps: rows of the surplus keys are in no group.',
    })
    readonly truncated!: boolean;
  }

  @ObjectType(`${name}Connection`, {
    description: `A page of ${plural}, with counts and groups of all that pass the filter.`,
    simpleResolvers: true,
  })
  class Connection extends pageOf(name, node, plural) {
    @Field(() => aggregates, { description: 'Aggregates over all rows that pass the filter.' })
    readonly aggregates!: A;
  }
  return { Connection, Group, Groups };
}
