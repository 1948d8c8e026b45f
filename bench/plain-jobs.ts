/** A list of 1,000 jobs of ten scalars, and a plain schema that serves it as the graph does: what peers answer. */
import { buildSchema, type GraphQLSchema } from 'graphql';
import { encodeId } from '../src/grids/id.js';

export const schedd = 'submit.example.test';

export const plainJobs = Array.from({ length: 1_000 }, (_, i) => {
  const [clusterId, procId] = [100 + Math.floor(i / 50), i % 50];
  return {
    id: encodeId('Job', 'memory', schedd, clusterId, procId),
    nativeId: `${clusterId}.${procId}`,
    schedd,
    clusterId,
    procId,
    owner: i % 3 === 0 ? 'alice' : 'bob',
    command: `/home/alice/bin/simulate-${i % 7}`,
    priority: i % 10,
    requestCpus: 1 + (i % 4),
    terminal: i % 5 === 0,
  };
});

/** The one operation of the list benches; it means the same in both schemas. */
export const listDocument = /* GraphQL */ `
  query List($first: Int!) {
    jobs(first: $first) {
      nodes {
        id
        nativeId
        schedd
        clusterId
        procId
        owner
        command
        priority
        requestCpus
        terminal
      }
    }
  }
`;
export const listVariables = { first: plainJobs.length };

export const plainTypes = /* GraphQL */ `
  type Query {
    jobs(first: Int): JobConnection
  }
  type JobConnection {
    nodes: [Job!]!
  }
  type Job {
    id: ID!
    nativeId: String!
    schedd: String!
    clusterId: Int!
    procId: Int!
    owner: String
    command: String
    priority: Int
    requestCpus: Float
    terminal: Boolean!
  }
`;

export const jobsOf = (first: number) => ({ nodes: plainJobs.slice(0, first) });

/** For servers that take a schema as it is. */
export function plainSchema(): GraphQLSchema {
  const schema = buildSchema(plainTypes);
  const jobs = schema.getQueryType()?.getFields()['jobs'];
  if (jobs) jobs.resolve = (_, { first }: { readonly first: number }) => jobsOf(first);
  return schema;
}
