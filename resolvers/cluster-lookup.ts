/** Clusters by id: however many, they cost one look into each queue and history. */
import { type Caller, ownWork } from '../src/access/caller.js';
import { GridError } from '../src/errors.js';
import type { JobKey, JobPool } from '../src/grids/jobs.js';
import { rows } from '../src/grids/row.js';
import { list } from '../src/query/list.js';
import type { GroupingSpec } from '../src/query/plan.js';
import { and, or } from '../src/query/predicate.js';
import { clusterNode, ofCluster } from './job-nodes.js';

export type ClusterKey = Omit<JobKey, 'procId'>;
export type ClusterNode = ReturnType<typeof clusterNode>;

const byCluster = (clusters: number): GroupingSpec => ({
  name: 'clusters',
  by: [
    { ref: { field: 'schedd' }, bucket: undefined },
    { ref: { field: 'clusterId' }, bucket: undefined },
  ],
  countAtLeast: 1,
  orderBy: 'KEY_ASC',
  first: clusters,
  aggregates: undefined,
  nodes: [],
  groups: [],
});

/** A cluster is there for whoever may see one of its jobs; an error where a source that could know is silent. */
export async function findClusters(
  pool: JobPool,
  keys: readonly ClusterKey[],
  caller: Caller,
  signal: AbortSignal,
): Promise<readonly (ClusterNode | Error | undefined)[]> {
  const listing = { source: 'ALL', scanLimit: 50_000, since: undefined, uncapped: true } as const;
  const sources = await pool.jobs(listing, signal);
  const { groups, sources: reports } = await list(
    {
      scope: ownWork(caller),
      filter: or(...keys.map(({ schedd, clusterId }) => and(...ofCluster(schedd, clusterId)))),
      order: [],
      page: undefined,
      projection: { fields: new Set(), attributes: new Set() },
      count: false,
      groupings: [byCluster(keys.length)],
      aggregates: undefined,
    },
    sources,
    { type: rows, signal },
  );
  const name = (schedd: unknown, clusterId: unknown) => JSON.stringify([schedd, clusterId]);
  const found = new Set(
    groups.get('clusters')?.nodes.map(({ key }) => name(key[0]?.value, key[1]?.value)),
  );
  const trouble = reports.find(({ error }) => error)?.error;
  return keys.map(({ schedd, clusterId }) => {
    if (found.has(name(schedd, clusterId))) return clusterNode(pool.name, schedd, clusterId);
    return trouble ? new GridError(trouble.code, trouble.message) : undefined;
  });
}
