/** Grids: which there are and how they are. */
import { Arg, type ClassType, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import type { AnyGrid } from '../src/grids/grid.js';
import type { GridState } from '../src/grids/health-watch.js';
import { encodeId } from '../src/grids/id.js';
import { Grid, GridHealth, SourceReport } from '../schema/grid.js';
import { ConfigEntry } from '../schema/config.js';
import { Machine, Slot } from '../schema/machine.js';
import { PoolAd } from '../schema/pool-ad.js';
import { WorkBatch, WorkItem } from '../schema/work.js';
import type { GraphContext } from './context.js';
import { Guard } from './rule.js';

export const gridNode = (grid: AnyGrid) => ({
  __typename: 'Grid' as const,
  id: encodeId('Grid', grid.name),
  name: grid.name,
  kind: grid.kind,
  embedded: grid.embedded,
  capabilities: grid.capabilities(),
});

@Resolver(() => Grid)
export class GridResolver {
  @Query(() => [Grid], { description: 'All grids behind this server.' })
  @Guard('read')
  grids(@Ctx() { grids }: GraphContext) {
    return grids.all.map(gridNode);
  }

  @Query(() => Grid, { nullable: true, description: 'A grid by name; null when none has it.' })
  @Guard('read')
  grid(
    @Arg('name', () => String, { description: 'The name in the configuration.' }) name: string,
    @Ctx() { grids }: GraphContext,
  ) {
    const grid = grids.find(name);
    return grid ? gridNode(grid) : null;
  }

  @FieldResolver(() => [String], {
    nullable: true,
    description:
      'The schedds a pool has now: the default one first, then those of the collector; null for an HTC-Grid.',
  })
  schedds(@Root() { name }: Grid, @Ctx() { grids, signal }: GraphContext) {
    const grid = grids.get(name);
    return grid.kind === 'HTCONDOR' ? grid.schedds(signal) : null;
  }

  @FieldResolver(() => GridHealth, {
    description: 'How it is now: the grid is asked. In gridHealthChanged as it was found.',
  })
  health(
    @Root() { name, found }: ReturnType<typeof gridNode> & { readonly found?: GridState['health'] },
    @Ctx() { grids, signal }: GraphContext,
  ) {
    return found ?? grids.get(name).health(signal);
  }
}

/** The `grid` of everything that belongs to one. */
function gridOf(type: ClassType, description: string) {
  @Resolver(() => type)
  class OfGrid {
    @FieldResolver(() => Grid, { description })
    grid(@Root() { gridName }: { gridName: string }, @Ctx() { grids }: GraphContext) {
      return gridNode(grids.get(gridName));
    }
  }
  return OfGrid;
}

// Interface types are abstract classes, which ClassType does not admit; resolvers of them do work.
const abstractType = (type: object) => type as unknown as ClassType;

export const gridOfResolvers = [
  gridOf(SourceReport, 'The grid that was asked.'),
  gridOf(abstractType(WorkItem), 'The grid that has it.'),
  gridOf(abstractType(WorkBatch), 'The grid that has it.'),
  gridOf(Machine, 'The pool it belongs to.'),
  gridOf(Slot, 'The pool it belongs to.'),
  gridOf(PoolAd, 'The pool that was asked.'),
  gridOf(ConfigEntry, 'The pool that was asked.'),
] as const;
