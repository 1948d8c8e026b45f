/** How far clusters are: what the schedd counts in its queue, and what the history holds of them. */
import type { Ad } from '../../classad/ad.js';
import type { JobKey } from '../jobs.js';
import { progressOf, type Progress, type WorkState } from '../state.js';
import { historyCommand } from './history.js';
import { clusterChunks } from './id-set.js';
import { stateAttributes, stateOf } from './job-state.js';
import { collectAds, streamAds, type Pool, type Schedd } from './pool.js';
import { groupCommand, groupCount } from './queue.js';

export type ClusterKey = Omit<JobKey, 'procId'>;

/** History records that are read for it at most: of older clusters only the queue is counted. */
const historyScanLimit = 50_000;

/** A list of clusters costs two commands for each 400 of a schedd. */
export async function clusterProgress(
  pool: Pool,
  scheddOf: (name: string) => Promise<Schedd>,
  clusters: readonly ClusterKey[],
  signal: AbortSignal,
): Promise<readonly (Progress | Error)[]> {
  const counts = new Map<string, ReadonlyMap<number, Counts> | Error>();
  await Promise.all(
    [...new Set(clusters.map(({ schedd }) => schedd))].map(async (name) => {
      const ids = clusters.filter(({ schedd }) => schedd === name).map((key) => key.clusterId);
      try {
        counts.set(name, await countClusters(pool, await scheddOf(name), ids, signal));
      } catch (error) {
        counts.set(name, error as Error);
      }
    }),
  );
  return clusters.map(({ schedd, clusterId }) => {
    const found = counts.get(schedd);
    if (found instanceof Error) return found;
    return progressOf(withoutRepeats(found?.get(clusterId)));
  });
}

interface Counts {
  readonly states: Map<WorkState, number>;
  /** TotalSubmitProcs, where the ads have it. */
  submitted: number | null;
}

async function countClusters(
  pool: Pool,
  schedd: Schedd,
  ids: readonly number[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, Counts>> {
  const counts = new Map<number, Counts>();
  const attributes = ['ClusterId', ...stateAttributes, 'TotalSubmitProcs'];
  const add = (ad: Ad, count: number): void => {
    const id = ad.number('ClusterId') ?? -1;
    const cluster = counts.get(id) ?? { states: new Map<WorkState, number>(), submitted: null };
    counts.set(id, cluster);
    const state = stateOf(ad);
    cluster.states.set(state, (cluster.states.get(state) ?? 0) + count);
    cluster.submitted ??= ad.number('TotalSubmitProcs');
  };
  /** Not all of its jobs were met: the others may have left the queue. */
  const incomplete = (id: number): boolean => {
    const cluster = counts.get(id);
    return cluster?.submitted == null || sumOf(cluster.states) < cluster.submitted;
  };
  const inHistory = async (clusters: readonly number[], constraint: string): Promise<void> => {
    const scan = { scanLimit: historyScanLimit, since: undefined };
    const command = historyCommand(pool, schedd, { attributes, constraint }, scan);
    for await (const batch of streamAds(pool, command, signal)) {
      for (const ad of batch) add(ad, 1);
      // Newest first: the rest of a deep history has nothing to add.
      if (!clusters.some(incomplete)) return;
    }
  };
  // The queue first: a job that ends in between is then met twice rather than never.
  await Promise.all(
    clusterChunks(ids).map(async ({ constraint }) => {
      const command = groupCommand(pool, schedd, { attributes, constraint });
      for (const ad of await collectAds(pool, command, signal)) add(ad, groupCount(ad));
    }),
  );
  await Promise.all(
    clusterChunks(ids.filter(incomplete)).map(({ clusters, constraint }) =>
      inHistory(clusters, constraint),
    ),
  );
  return counts;
}

/** Jobs beyond the number submitted were met in the queue and, ended meanwhile, in the history again. */
function withoutRepeats(counts: Counts | undefined): ReadonlyMap<WorkState, number> {
  const states = new Map(counts?.states);
  const total = sumOf(states);
  const running = states.get('RUNNING') ?? 0;
  const repeats = Math.max(0, total - (counts?.submitted ?? total));
  if (repeats > 0 && running > 0) states.set('RUNNING', Math.max(0, running - repeats));
  return states;
}

const sumOf = (states: ReadonlyMap<WorkState, number>): number =>
  [...states.values()].reduce((sum, count) => sum + count, 0);
