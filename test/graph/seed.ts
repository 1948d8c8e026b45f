/** The seeded jobs of the real pool (scripts/pool-jobs.sh), asked for through the graph. */
import {
  type JobFilter,
  SeedJobsDocument,
  type SeedJobsQuery,
  type SeedJobsQueryVariables,
} from '../generated/graphql.js';
import type { Caller } from '../../src/access/caller.js';
import type { Graph } from './open-graph.js';

export type SeedList = NonNullable<SeedJobsQuery['jobs']>;
export type SeedJob = SeedList['nodes'][number];

/** Other jobs may come and go while a test runs: the seed stays. */
const seeded: JobFilter = { attributes: [{ name: 'HtcGraphSeed', string: { defined: true } }] };

/** Only seeded jobs, of those the filter lets pass. */
export const ofSeed = (filter: JobFilter = {}): JobFilter => ({ and: [seeded, filter] });

/** One name or several of the seed. */
export const named = (...names: readonly string[]): JobFilter => ({
  attributes: [{ name: 'HtcGraphSeed', string: { in: [...names] } }],
});

export async function seedList(
  graph: Graph,
  { filter, ...more }: SeedJobsQueryVariables = {},
  who?: Caller,
): Promise<SeedList> {
  const { jobs } = await graph.ask(
    SeedJobsDocument,
    { filter: ofSeed(filter ?? {}), ...more },
    who,
  );
  if (!jobs) throw new Error('No list came.');
  return jobs;
}

export const seedJobs = async (
  graph: Graph,
  variables: SeedJobsQueryVariables = {},
  who?: Caller,
): Promise<readonly SeedJob[]> => (await seedList(graph, { first: 1000, ...variables }, who)).nodes;

export const nameOf = ({ seed }: Pick<SeedJob, 'seed'>): string => String(seed.value);

export const idsOf = (jobs: readonly { readonly nativeId: string }[]): readonly string[] =>
  jobs.map(({ nativeId }) => nativeId);

/** The value of an attribute that was asked for by `names`; undefined where the ad has none. */
export const valueOf = ({ attributes }: SeedJob, name: string): unknown => {
  const attribute = attributes.find((each) => each.name === name);
  return attribute?.defined === true ? attribute.value : undefined;
};
