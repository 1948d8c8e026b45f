/** A grid that costs nothing: rows of jobs in memory, so that what is measured is the server alone. */
import { GridError } from '../src/errors.js';
import type { JobPool, JobRow } from '../src/grids/jobs.js';
import type { Source } from '../src/query/source.js';
import { plainJobs, schedd } from './plain-jobs.js';

const gridName = 'memory';

export function memoryPool(): JobPool {
  const source = sourceOf(rows());
  return {
    name: gridName,
    kind: 'HTCONDOR',
    embedded: true,
    capabilities: () => [],
    health: async () => ({
      status: 'OK',
      checkedAt: Date.now(),
      lastOkAt: Date.now(),
      latencyMs: 0,
      components: [],
    }),
    work: async () => [source],
    stop: async () => undefined,
    jobs: async () => [source],
    schedds: async () => [schedd],
    findJobs: absent,
    progress: absent,
    slots: absent,
    machines: absent,
    ads: absent,
    findSlots: absent,
    findMachines: absent,
    findAds: absent,
    config: absent,
  };
}

function absent(): never {
  throw new GridError('CAPABILITY_MISSING', 'The grid of the benches has jobs alone.');
}

const rows = (): readonly JobRow[] =>
  plainJobs.map((job) => ({
    __typename: 'Job',
    gridName,
    idKey: [gridName, schedd, job.clusterId, job.procId],
    ...job,
  }));

/** Pages in id order, as a schedd's queue gives them. */
function sourceOf(all: readonly JobRow[]): Source<JobRow> {
  return {
    grid: gridName,
    part: schedd,
    deadlineMs: 10_000,
    known: () => undefined,
    async *scan() {
      yield* all;
    },
    window: async ({ page: { limit } }) => ({
      rows: all.slice(0, limit),
      more: { before: false, after: all.length > limit },
    }),
  };
}
