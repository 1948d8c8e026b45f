/** Anything by its global id; each kind under the rule of who may see it. */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Query, Resolver, type ClassType } from 'type-graphql';
import type { Rule } from '../src/access/rules.js';
import { GridError } from '../src/errors.js';
import { decodeId, type DecodedId, type NodeKind } from '../src/grids/id.js';
import { adTypes, configDaemons } from '../src/grids/jobs.js';
import type { Projection } from '../src/query/plan.js';
import { Node } from '../schema/node.js';
import { findConfig } from './config.js';
import type { GraphContext } from './context.js';
import { gridNode } from './grid.js';
import { projectionOf } from './plan.js';
import { Guard } from './rule.js';
import { selectionItself } from './selection.js';

/** Who may see a node of each kind: `own` is one's own work (all of it for admins), `read` anybody's. */
export const nodeRules: Readonly<Record<NodeKind, Extract<Rule, 'own' | 'read'>>> = {
  Grid: 'read',
  Session: 'own',
  Task: 'own',
  JobCluster: 'own',
  Job: 'own',
  Machine: 'read',
  Slot: 'read',
  PoolAd: 'read',
  ConfigEntry: 'read',
};

const node = Node as unknown as ClassType;

@Resolver()
export class NodeResolver {
  @Query(() => node, {
    nullable: true,
    description:
      'Anything by its global id; null when there is nothing of that id for this caller.',
  })
  @Guard('own')
  node(
    @Arg('id', () => ID, { description: 'The global id.' }) id: string,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    return find(decodeId(id), projectionOf([selectionItself(info)]), context);
  }

  @Query(() => [node], {
    nullable: 'items',
    description:
      'Several things by their global ids, in that order: null for each that is not there for this caller.',
  })
  @Guard('own')
  nodes(
    @Arg('ids', () => [ID], { description: 'The global ids, at most as many as a page has rows.' })
    ids: readonly string[],
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    const { maxPageSize } = context.limits;
    if (ids.length > maxPageSize) {
      throw new GridError(
        'BAD_PAGE',
        `Expected at most ${maxPageSize} ids, came ${ids.length}; ask in parts.`,
      );
    }
    const projection = projectionOf([selectionItself(info)]);
    return ids.map((id) => find(decodeId(id), projection, context));
  }
}

/** Undefined where there is nothing, or not for the caller: a grid that is no longer configured included. */
async function find(
  id: DecodedId,
  projection: Projection,
  context: GraphContext,
): Promise<object | undefined> {
  const { grids, loaders, signal } = context;
  const grid = grids.find(id.grid);
  if (!grid) return undefined;
  switch (id.kind) {
    case 'Grid':
      return gridNode(grid);
    case 'Session':
      return loaders.sessions.load({ grid: id.grid, name: id.parts[0] });
    case 'Task':
      return loaders.tasks.load({ grid: id.grid, name: id.parts[0] });
    case 'JobCluster':
      return loaders.clusters.load({
        grid: id.grid,
        schedd: id.parts[0],
        clusterId: id.parts[1],
      });
    case 'Job': {
      const [schedd, clusterId, procId] = id.parts;
      return loaders.jobs.load({ grid: id.grid, schedd, clusterId, procId, projection });
    }
    case 'Machine':
      return loaders.machines.load({ grid: id.grid, name: id.parts[0] });
    case 'Slot':
      return loaders.slots.load({ grid: id.grid, name: id.parts[0], projection });
    case 'PoolAd': {
      const type = adTypes.find((known) => known === id.parts[0]);
      return type && loaders.ads.load({ grid: id.grid, type, name: id.parts[1] });
    }
    case 'ConfigEntry': {
      const [kind, daemonName, name] = id.parts;
      const daemon = configDaemons.find((known) => known === kind);
      if (kind !== (daemon ?? null)) return undefined;
      const grid = grids.get(id.grid);
      return (await findConfig(grid, daemon, daemonName ?? undefined, name, signal)) ?? undefined;
    }
    default:
      return id satisfies never;
  }
}
