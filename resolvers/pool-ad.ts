/** The ads of a collector, of any type. */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, Info, Query, Resolver } from 'type-graphql';
import { AdFilter, AdOrder } from '../schema/ad.js';
import { GroupedPageArgs } from '../schema/connection.js';
import { AdType, PoolAd, PoolAdConnection, PoolAdGroup, PoolAdGroups } from '../schema/pool-ad.js';
import { connection } from './connection.js';
import type { GraphContext } from './context.js';
import { adPredicate } from './filter.js';
import { groupResolvers } from './groups.js';
import { adOrderOf } from './machine.js';
import { Guard } from './rule.js';
import { namedGrid, sourcesOf } from './sources.js';

@Resolver(() => PoolAd)
export class PoolAdResolver {
  @Query(() => PoolAdConnection, {
    nullable: true,
    description: 'Ads of all collectors: daemons, submitters, accounting, generic.',
  })
  @Guard('read')
  ads(
    @Arg('type', () => AdType, { defaultValue: 'ANY', description: 'Which type of ads.' })
    type: AdType,
    @Arg('filter', () => AdFilter, { nullable: true, description: 'Which of them.' })
    filter: AdFilter | null | undefined,
    @Args(() => GroupedPageArgs) args: GroupedPageArgs,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    const only = namedGrid(context.grids, filter?.grid);
    return connection(
      {
        name: `ads ${type}`,
        args,
        filter: adPredicate(filter),
        orderOf: adOrderOf,
        sources: () => sourcesOf(context.grids.of('HTCONDOR'), (pool) => [pool.ads(type)]),
        only,
      },
      context,
      info,
    );
  }
}

export const poolAdGroupResolvers = groupResolvers(
  { Connection: PoolAdConnection, Group: PoolAdGroup, Groups: PoolAdGroups },
  PoolAd,
  AdOrder,
);
