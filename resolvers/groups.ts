/** How groups, their rows and their aggregates are answered: out of the answer of the list, which has them all. */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, type ClassType, FieldResolver, Info, Int, Resolver, Root } from 'type-graphql';
import type { Row } from '../src/grids/row.js';
import {
  AdAggregates,
  Distribution,
  GroupsArgs,
  NestedGroupsArgs,
  WorkAggregates,
} from '../schema/group.js';
import {
  type AggregatesAnswer,
  attributeDistribution,
  type GroupAnswer,
  type Grouped,
  groupNodesOf,
  groupsOf,
} from './connection.js';

interface GroupedTypes {
  readonly Connection: ClassType;
  readonly Group: ClassType;
  readonly Groups: ClassType;
}

/** The resolvers of a grouped connection; the arguments were read by the plan. */
export function groupResolvers(
  { Connection, Group, Groups }: GroupedTypes,
  node: ClassType,
  order: ClassType,
) {
  @Resolver(() => Connection)
  class ConnectionGroups {
    @FieldResolver(() => Groups, {
      description:
        'Groups of all rows that pass the filter. Several aliases group one scan in several ways.',
    })
    groups(
      @Root() list: Grouped,
      @Args(() => GroupsArgs) _args: GroupsArgs,
      @Info() info: GraphQLResolveInfo,
    ) {
      return groupsOf(list, info);
    }
  }

  @Resolver(() => Group)
  class GroupRows {
    @FieldResolver(() => [node], { description: 'Rows of the group, in the order asked for.' })
    nodes(
      @Root() group: GroupAnswer,
      @Arg('first', () => Int, { defaultValue: 10, description: 'How many rows, 1 to 100.' })
      _first: number,
      @Arg('orderBy', () => [order], {
        nullable: true,
        description: 'Their order; ids upwards when left out.',
      })
      _orderBy: readonly object[] | undefined,
      @Info() info: GraphQLResolveInfo,
    ): readonly Row[] {
      return groupNodesOf(group, info);
    }

    @FieldResolver(() => Groups, { description: 'Groups within this group.' })
    groups(
      @Root() group: GroupAnswer,
      @Args(() => NestedGroupsArgs) _args: NestedGroupsArgs,
      @Info() info: GraphQLResolveInfo,
    ) {
      return groupsOf(group, info);
    }
  }
  return [ConnectionGroups, GroupRows] as const;
}

const attributeDescription =
  'A numeric attribute of the ad; rows where it is no number do not count.';

@Resolver(() => WorkAggregates)
export class WorkAggregatesResolver {
  @FieldResolver(() => Distribution, { description: attributeDescription })
  attribute(
    @Root() answer: AggregatesAnswer,
    @Arg('name', () => String, { description: 'The name of the attribute.' }) name: string,
  ) {
    return attributeDistribution(answer, name);
  }
}

@Resolver(() => AdAggregates)
export class AdAggregatesResolver {
  @FieldResolver(() => Distribution, { description: attributeDescription })
  attribute(
    @Root() answer: AggregatesAnswer,
    @Arg('name', () => String, { description: 'The name of the attribute.' }) name: string,
  ) {
    return attributeDistribution(answer, name);
  }
}
