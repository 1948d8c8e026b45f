/** Machines and slots: listed, and joined with the jobs that run there. */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, Info, Query, Resolver, Root } from 'type-graphql';
import type { SlotRow } from '../src/grids/jobs.js';
import { AdFilter, AdOrder } from '../schema/ad.js';
import { GroupedPageArgs } from '../schema/connection.js';
import { Job } from '../schema/job.js';
import {
  Machine,
  MachineConnection,
  MachineGroup,
  MachineGroups,
  Slot,
  SlotConnection,
  SlotGroup,
  SlotGroups,
} from '../schema/machine.js';
import { connection } from './connection.js';
import type { GraphContext } from './context.js';
import { adPredicate } from './filter.js';
import { groupResolvers } from './groups.js';
import { orderTerms } from './page.js';
import { projectionOf } from './plan.js';
import { Guard } from './rule.js';
import { selectionItself } from './selection.js';
import { namedGrid, sourcesOf } from './sources.js';

export const adOrderOf = (orderBy: unknown) =>
  orderTerms(orderBy as readonly AdOrder[] | null, ({ attribute }) => ({ attribute }));

@Resolver(() => Machine)
export class MachineResolver {
  @Query(() => MachineConnection, {
    nullable: true,
    description: 'The hosts of all pools, each with its slots.',
  })
  @Guard('read')
  machines(
    @Arg('filter', () => AdFilter, {
      nullable: true,
      description:
        'Which machines; attributes are those of their slot ads: one slot that matches is enough.',
    })
    filter: AdFilter | null | undefined,
    @Arg('orderBy', () => [AdOrder], {
      nullable: true,
      description: 'The order; names unless given.',
    })
    orderBy: readonly AdOrder[] | null | undefined,
    @Args(() => GroupedPageArgs) args: GroupedPageArgs,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    const only = namedGrid(context.grids, filter?.grid);
    return connection(
      {
        name: 'machines',
        args,
        filter: adPredicate(filter),
        orderOf: adOrderOf,
        orderBy,
        sources: () => sourcesOf(context.grids.of('HTCONDOR'), (pool) => [pool.machines()]),
        only,
      },
      context,
      info,
    );
  }
}

@Resolver(() => Slot)
export class SlotResolver {
  @Query(() => SlotConnection, { nullable: true, description: 'The slots of all pools.' })
  @Guard('read')
  slots(
    @Arg('filter', () => AdFilter, { nullable: true, description: 'Which slots.' })
    filter: AdFilter | null | undefined,
    @Arg('orderBy', () => [AdOrder], {
      nullable: true,
      description: 'The order; names unless given.',
    })
    orderBy: readonly AdOrder[] | null | undefined,
    @Args(() => GroupedPageArgs) args: GroupedPageArgs,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    const only = namedGrid(context.grids, filter?.grid);
    return connection(
      {
        name: 'slots',
        args,
        filter: adPredicate(filter),
        orderOf: adOrderOf,
        orderBy,
        sources: () => sourcesOf(context.grids.of('HTCONDOR'), (pool) => [pool.slots()]),
        only,
      },
      context,
      info,
    );
  }

  @FieldResolver(() => Machine, {
    nullable: true,
    description: 'The host it is on; null when the host left the pool meanwhile.',
  })
  machine(@Root() { gridName, machineName }: SlotRow, @Ctx() { loaders }: GraphContext) {
    return loaders.machines.load({ grid: gridName, name: machineName });
  }

  @FieldResolver(() => Job, {
    nullable: true,
    description: 'The job that has it; null when none has, or not for this caller.',
  })
  job(
    @Root() { gridName, jobKey }: SlotRow,
    @Ctx() { loaders }: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    if (jobKey == null) return null;
    return loaders.jobs.load({
      grid: gridName,
      ...jobKey,
      projection: projectionOf([selectionItself(info)]),
    });
  }
}

export const machineGroupResolvers = groupResolvers(
  { Connection: MachineConnection, Group: MachineGroup, Groups: MachineGroups },
  Machine,
  AdOrder,
);
export const slotGroupResolvers = groupResolvers(
  { Connection: SlotConnection, Group: SlotGroup, Groups: SlotGroups },
  Slot,
  AdOrder,
);
