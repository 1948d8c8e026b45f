/** DataLoaders: look-ups of one request, joined by grid; each applies the rule of who may see what. */
import DataLoader from 'dataloader';
import { type Caller, maySee } from '../src/access/caller.js';
import type { AdKey, JobKey, JobRow, MachineRow, PoolAdRow, SlotRow } from '../src/grids/jobs.js';
import { ownerOf } from '../src/grids/jobs.js';
import type { GridRegistry } from '../src/grids/registry.js';
import type { Failure, Progress } from '../src/grids/state.js';
import type { SessionRow, TaskRow } from '../src/grids/tasks.js';
import { type Projection, union } from '../src/query/plan.js';
import { ClusterJobs } from './cluster-jobs.js';
import { type ClusterNode, findClusters } from './cluster-lookup.js';

interface In {
  readonly grid: string;
}
export interface JobLookup extends In, JobKey {
  readonly projection: Projection;
}
export interface NamedLookup extends In {
  readonly name: string;
}
export interface SlotLookup extends NamedLookup {
  readonly projection: Projection;
}
export interface AdLookup extends In, AdKey {}
export interface ClusterLookup extends In {
  readonly schedd: string;
  readonly clusterId: number;
}

/** Every job look-up reads the owner: without it nobody knows whether it may be shown. */
const always: Projection = { fields: new Set(['owner']), attributes: new Set() };
const failureOnly: Projection = { fields: new Set(['failure']), attributes: new Set() };
const nothing: Projection = { fields: new Set(), attributes: new Set() };

export interface LoaderSettings {
  readonly caller: Caller;
  readonly signal: AbortSignal;
  /** Distinct group keys kept in one list. */
  readonly maxGroups: number;
}

export class Loaders {
  readonly tasks: DataLoader<NamedLookup, TaskRow | undefined, string>;
  readonly failures: DataLoader<NamedLookup, Failure | null, string>;
  readonly sessions: DataLoader<NamedLookup, SessionRow | undefined, string>;
  readonly jobs: DataLoader<JobLookup, JobRow | undefined, string>;
  readonly machines: DataLoader<NamedLookup, MachineRow | undefined, string>;
  readonly slots: DataLoader<SlotLookup, SlotRow | undefined, string>;
  readonly ads: DataLoader<AdLookup, PoolAdRow | undefined, string>;
  readonly sessionProgress: DataLoader<NamedLookup, Progress, string>;
  readonly clusters: DataLoader<ClusterLookup, ClusterNode | undefined, string>;
  readonly clusterProgress: DataLoader<ClusterLookup, Progress, string>;
  readonly clusterJobs: ClusterJobs;

  constructor(grids: GridRegistry, { caller, signal, maxGroups }: LoaderSettings) {
    const ownTask = (row: TaskRow) => maySee(caller, row.owner);
    const htcGrid = (name: string) => grids.one('HTC_GRID', name);
    const pool = (name: string) => grids.one('HTCONDOR', name);

    this.tasks = loader(nameKey, async (grid, keys) =>
      (
        await htcGrid(grid).findTasks(
          keys.map(({ name }) => name),
          signal,
        )
      ).map((row) => only(row, ownTask)),
    );
    this.failures = loader(nameKey, async (grid, keys) => {
      const names = keys.map(({ name }) => name);
      const rows = await htcGrid(grid).findTasks(names, signal, failureOnly);
      return rows.map((row) => (row instanceof Error ? row : (row?.failure ?? null)));
    });
    this.sessions = loader(nameKey, async (grid, keys) =>
      (
        await htcGrid(grid).findSessions(
          keys.map(({ name }) => name),
          signal,
        )
      ).map((row) => only(row, ({ owner }) => maySee(caller, owner))),
    );
    this.jobs = loader(
      (key) =>
        JSON.stringify([key.grid, key.schedd, key.clusterId, key.procId, text(key.projection)]),
      async (grid, keys) => {
        const projection = keys.reduce((all, key) => union(all, key.projection), always);
        const rows = await pool(grid).findJobs(keys, projection, signal);
        return rows.map((row) => only(row, (job) => maySee(caller, ownerOf(job))));
      },
    );
    this.machines = loader(nameKey, (grid, keys) =>
      pool(grid).findMachines(
        keys.map(({ name }) => name),
        signal,
      ),
    );
    this.slots = loader(
      (key) => JSON.stringify([key.grid, key.name, text(key.projection)]),
      (grid, keys) => {
        const projection = keys.reduce((all, key) => union(all, key.projection), nothing);
        return pool(grid).findSlots(
          keys.map(({ name }) => name),
          projection,
          signal,
        );
      },
    );
    this.ads = loader(
      ({ grid, type, name }) => JSON.stringify([grid, type, name]),
      (grid, keys) => pool(grid).findAds(keys, signal),
    );
    this.sessionProgress = loader(nameKey, (grid, keys) =>
      htcGrid(grid).progress(
        keys.map(({ name }) => name),
        signal,
      ),
    );
    this.clusters = loader(clusterKey, (grid, keys) =>
      findClusters(pool(grid), keys, caller, signal),
    );
    this.clusterProgress = loader(clusterKey, (grid, keys) => pool(grid).progress(keys, signal));
    this.clusterJobs = new ClusterJobs({ signal, maxGroups });
  }
}

const clusterKey = ({ grid, schedd, clusterId }: ClusterLookup): string =>
  JSON.stringify([grid, schedd, clusterId]);

const nameKey = ({ grid, name }: NamedLookup): string => JSON.stringify([grid, name]);

const text = ({ fields, attributes }: Projection): unknown => [
  [...fields].sort(),
  attributes === 'all' ? attributes : [...attributes].sort(),
];

/** A row that the caller may see; what may not be seen is not there. */
const only = <Row>(
  row: Row | Error | undefined,
  allowed: (row: Row) => boolean,
): Row | Error | undefined =>
  row === undefined || row instanceof Error || allowed(row) ? row : undefined;

/** A loader whose keys are asked for grid by grid; a grid that fails is the error of its keys alone. */
function loader<Key extends In, Value>(
  cacheKeyFn: (key: Key) => string,
  ask: (grid: string, keys: readonly Key[]) => Promise<readonly (Value | Error)[]>,
): DataLoader<Key, Value, string> {
  return new DataLoader<Key, Value, string>(
    async (keys) => {
      const answers = new Map<Key, Value | Error>();
      await Promise.all(
        [...new Set(keys.map(({ grid }) => grid))].map(async (grid) => {
          const asked = keys.filter((key) => key.grid === grid);
          const values = await ask(grid, asked).catch((error: Error) => asked.map(() => error));
          asked.forEach((key, i) => answers.set(key, values[i] as Value | Error));
        }),
      );
      return keys.map((key) => answers.get(key) as Value | Error);
    },
    { cacheKeyFn },
  );
}
