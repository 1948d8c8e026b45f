/** The graph: the schema with every field's resolver. */
import 'reflect-metadata';
import { GraphQLInterfaceType, type GraphQLSchema } from 'graphql';
import { buildSchema } from 'type-graphql';
import { JobCluster } from '../schema/job.js';
import { DateTime } from '../schema/scalars.js';
import { adResolvers } from './ad.js';
import { ConfigResolver } from './config.js';
import { describeFields } from './descriptions.js';
import { gridOfResolvers, GridResolver } from './grid.js';
import { GridHealthResolver } from './grid-health.js';
import { AdAggregatesResolver, WorkAggregatesResolver } from './groups.js';
import { JobActionResolver } from './job-action.js';
import {
  JobClusterResolver,
  JobConnectionResolver,
  jobGroupResolvers,
  JobResolver,
} from './job.js';
import { JobEventResolver, JobStreamResolver } from './job-stream.js';
import {
  machineGroupResolvers,
  MachineResolver,
  slotGroupResolvers,
  SlotResolver,
} from './machine.js';
import { NodeResolver } from './node.js';
import { poolAdGroupResolvers, PoolAdResolver } from './pool-ad.js';
import { SessionResolver } from './session.js';
import { StreamResolver } from './stream.js';
import { TaskConnectionResolver, taskGroupResolvers, TaskResolver } from './task.js';
import { ViewerResolver } from './viewer.js';
import {
  WorkBatchResolver,
  workGroupResolvers,
  WorkItemConnectionResolver,
  WorkItemResolver,
  WorkResolver,
} from './work.js';
import { WorkStreamResolver } from './work-stream.js';

export { GraphService, type GraphContext, type GraphSettings } from './context.js';

export async function buildGraph(): Promise<GraphQLSchema> {
  const schema = await buildSchema({
    resolvers: [
      GridResolver,
      ViewerResolver,
      NodeResolver,
      WorkResolver,
      SessionResolver,
      TaskResolver,
      JobResolver,
      JobActionResolver,
      MachineResolver,
      SlotResolver,
      PoolAdResolver,
      ConfigResolver,
      StreamResolver,
      JobStreamResolver,
      WorkStreamResolver,
      GridHealthResolver,
      JobEventResolver,
      WorkItemResolver,
      WorkBatchResolver,
      JobClusterResolver,
      TaskConnectionResolver,
      JobConnectionResolver,
      WorkItemConnectionResolver,
      WorkAggregatesResolver,
      AdAggregatesResolver,
      ...gridOfResolvers,
      ...adResolvers,
      ...workGroupResolvers,
      ...taskGroupResolvers,
      ...jobGroupResolvers,
      ...machineGroupResolvers,
      ...slotGroupResolvers,
      ...poolAdGroupResolvers,
    ],
    orphanedTypes: [JobCluster],
    scalarsMap: [{ type: Date, scalar: DateTime }],
    validate: false,
    // Subscriptions bring their own iterables; nothing is published.
    pubSub: { publish: () => undefined, subscribe: () => nothing },
  });
  resolveTypesPlainly(schema);
  describeFields(schema);
  return schema;
}

/** TypeGraphQL wraps `resolveType` into an async function: a promise for every row of an interface list. */
function resolveTypesPlainly(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (type instanceof GraphQLInterfaceType) {
      type.resolveType = (value: { readonly __typename: string }) => value.__typename;
    }
  }
}

const nothing: AsyncIterable<never> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};
