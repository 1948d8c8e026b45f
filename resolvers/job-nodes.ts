/** What follows from a job's own key: its cluster. */
import { encodeId } from '../src/grids/id.js';
import type { Predicate } from '../src/query/predicate.js';

export const clusterNode = (gridName: string, schedd: string, clusterId: number) => ({
  __typename: 'JobCluster' as const,
  id: encodeId('JobCluster', gridName, schedd, clusterId),
  nativeId: String(clusterId),
  gridName,
  schedd,
  clusterId,
});

/** Holds for the jobs of one cluster. */
export const ofCluster = (schedd: string, clusterId: number): readonly Predicate[] => [
  { op: 'eq', ref: { field: 'schedd' }, value: schedd },
  { op: 'eq', ref: { field: 'clusterId' }, value: clusterId },
];

/** Holds for the jobs of some clusters of one schedd. */
export function inClusters(schedd: string, clusterIds: readonly number[]): readonly Predicate[] {
  const [only, ...others] = clusterIds;
  // Of one alone a schedd may know a shorter way.
  if (only !== undefined && others.length === 0) return ofCluster(schedd, only);
  return [
    { op: 'eq', ref: { field: 'schedd' }, value: schedd },
    { op: 'in', ref: { field: 'clusterId' }, values: clusterIds },
  ];
}
