/** The embedded pool: the port of a pool over a schedd, slots and a negotiator in this process. */
import type { Ad } from '../../../classad/ad.js';
import type { Projection } from '../../../query/plan.js';
import type { Source } from '../../../query/source.js';
import { GridError } from '../../../errors.js';
import type { Capability, GridHealth } from '../../grid.js';
import type {
  AdType,
  JobKey,
  JobListing,
  JobPool,
  JobRow,
  MachineRow,
  PoolAdRow,
  SlotRow,
} from '../../jobs.js';
import { encodeId } from '../../id.js';
import { progressOf, type Progress, type WorkState } from '../../state.js';
import { adRow, slotRows } from '../ads.js';
import type { HiddenNames } from '../hidden.js';
import { jobRows } from '../job-row.js';
import { stateOf } from '../job-state.js';
import { machineProjection, machinesOf } from '../machines.js';
import { slotTable } from '../slot-fields.js';
import { knownOf } from '../status-source.js';
import { configOf } from './config.js';
import { adsOf, type Daemons } from './daemon-ads.js';
import { jobSource, listSource } from './sources.js';

export interface EmbeddedPool extends Daemons {
  readonly now: () => number;
  readonly hidden: HiddenNames;
}

const workListing: JobListing = { source: 'ALL', scanLimit: 50_000, since: undefined };

/** What can be asked of it, without what acts on it. */
export function readingOf(
  pool: EmbeddedPool,
  capabilities: readonly Capability[],
): Omit<JobPool, 'stop' | 'actions' | 'logs'> {
  const { poolName: name, schedd } = pool;
  const jobs = (listing: JobListing): Promise<readonly Source<JobRow>[]> =>
    Promise.resolve([jobSource(name, schedd, listing, pool.hidden)]);
  return {
    name,
    kind: 'HTCONDOR',
    embedded: true,
    capabilities: () => capabilities,
    health: () => Promise.resolve(healthOf(pool)),
    work: () => jobs(workListing),
    jobs: async (listing) => jobs(listing),
    schedds: () => Promise.resolve([schedd.settings.name]),
    findJobs: (keys, projection) => Promise.resolve(findJobs(pool, keys, projection)),
    progress: (clusters) => Promise.resolve(progress(pool, clusters)),
    slots: () => slotSource(pool),
    machines: () => machineSource(pool),
    ads: (type) => adSource(pool, type),
    findSlots: (names, projection) => {
      const toRow = slotRows({ name }, projection, pool.hidden);
      const found = new Map(slotAds(pool).map((ad) => [ad.string('Name'), ad]));
      return Promise.resolve(names.map((each) => mapped(found.get(each), toRow)));
    },
    findMachines: (names) => {
      const found = new Map(machines(pool).map((row) => [row.name, row]));
      return Promise.resolve(names.map((each) => found.get(each)));
    },
    findAds: (keys) => {
      const found = new Map(
        [...new Set(keys.map(({ type }) => type))]
          .flatMap((type) =>
            adsOf(pool, type, pool.now()).map((ad) => adRow({ name }, type, ad, pool.hidden)),
          )
          .map((row) => [row?.id, row]),
      );
      return Promise.resolve(
        keys.map((key) => found.get(encodeId('PoolAd', name, key.type, key.name))),
      );
    },
    config: async (query) => configOf(pool, query),
  };
}

const mapped = <T>(ad: Ad | undefined, toRow: (ad: Ad) => T | undefined): T | undefined =>
  ad === undefined ? undefined : toRow(ad);

const slotAds = (pool: EmbeddedPool): readonly Ad[] => adsOf(pool, 'SLOT', pool.now());

export function findJobs(
  { poolName, hidden, schedd: { queue, history, settings } }: EmbeddedPool,
  keys: readonly JobKey[],
  projection: Projection,
): readonly (JobRow | Error | undefined)[] {
  const toRow = jobRows(poolName, settings.name, projection, hidden);
  const atMs = Date.now();
  return keys.map((key) => {
    if (key.schedd !== settings.name) return unknownSchedd(poolName, key.schedd);
    const queued = queue.get(key)?.ad;
    if (queued !== undefined) return toRow(queued, { origin: 'QUEUE', atMs });
    return mapped(history.get(key), (ad) => toRow(ad, { origin: 'HISTORY', atMs }));
  });
}

/** One look at queue and history, however many clusters are asked for. */
function progress(
  { poolName, schedd: { queue, history, settings } }: EmbeddedPool,
  clusters: readonly Omit<JobKey, 'procId'>[],
): readonly (Progress | Error)[] {
  const counts = new Map(
    clusters.map(({ clusterId }) => [clusterId, new Map<WorkState, number>()]),
  );
  for (const ad of [...[...queue.all].map((job) => job.ad), ...history.newestFirst]) {
    const states = counts.get(ad.number('ClusterId') ?? -1);
    if (states === undefined) continue;
    const state = stateOf(ad);
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  return clusters.map(({ schedd, clusterId }) =>
    schedd === settings.name
      ? progressOf(counts.get(clusterId) ?? new Map())
      : unknownSchedd(poolName, schedd),
  );
}

export const unknownSchedd = (grid: string, name: string): GridError =>
  new GridError(
    'UNKNOWN_SCHEDD',
    `The pool ${grid} has no schedd named ${JSON.stringify(name.slice(0, 80))}.`,
  );

function slotSource(pool: EmbeddedPool): Source<SlotRow> {
  const name = pool.poolName;
  return listSource<SlotRow, Ad>({
    grid: name,
    part: undefined,
    known: (ref) => knownOf({ name }, 'Slot', ref),
    hidden: pool.hidden,
    fields: slotTable,
    items: () => slotAds(pool),
    rowOf: (projection) => slotRows({ name }, projection, pool.hidden),
  });
}

function machineSource(pool: EmbeddedPool): Source<MachineRow> {
  const name = pool.poolName;
  return listSource<MachineRow, MachineRow>({
    grid: name,
    part: undefined,
    known: (ref) => knownOf({ name }, 'Machine', ref),
    hidden: pool.hidden,
    fields: {},
    items: () => machines(pool),
    rowOf: () => (row) => row,
  });
}

function machines(pool: EmbeddedPool): readonly MachineRow[] {
  const toRow = slotRows({ name: pool.poolName }, machineProjection, pool.hidden);
  return machinesOf(
    pool.poolName,
    slotAds(pool).flatMap((ad) => toRow(ad) ?? []),
  );
}

function adSource(pool: EmbeddedPool, type: AdType): Source<PoolAdRow> {
  const name = pool.poolName;
  return listSource<PoolAdRow, Ad>({
    grid: name,
    part: undefined,
    known: (ref) => knownOf({ name }, 'PoolAd', ref),
    hidden: pool.hidden,
    fields: {},
    items: () => adsOf(pool, type, pool.now()),
    rowOf: () => (ad) => adRow({ name }, type, ad, pool.hidden),
  });
}

function healthOf({ schedd: { queue, history }, slots, now }: EmbeddedPool): GridHealth {
  const checkedAt = now();
  const running = slots.all.filter(({ occupant }) => occupant !== undefined).length;
  const component = (name: string, detail: string, count: number) =>
    ({ name, status: 'OK', detail, count }) as const;
  return {
    status: 'OK',
    checkedAt,
    lastOkAt: checkedAt,
    latencyMs: 0,
    components: [
      component('schedd', 'jobs in the queue, in memory', queue.size),
      component('history', 'jobs that have ended, in memory', history.size),
      component('slots', 'slots with a running job', running),
    ],
  };
}
