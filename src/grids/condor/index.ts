/** An HTCondor pool, asked by its own commands. */
import type { Capability, GridHealth } from '../grid.js';
import type { JobListing, JobPool } from '../jobs.js';
import { actionCapabilities, openActions, type ActionSettings } from './actions/index.js';
import { poolHealth } from './health.js';
import { HistoryDepth } from './history-depth.js';
import { JobCounters } from './job-counters.js';
import { jobSource } from './job-source.js';
import { PoolLogs, type JobLogsSettings } from './job-logs.js';
import { JobLookup, type LookupOptions } from './lookup.js';
import { findAds, findMachines, findSlots, adSource, machineSource, slotSource } from './ads.js';
import { readConfig } from './config.js';
import { clusterProgress } from './progress.js';
import { PolicyReader, type PolicySettings } from './policy.js';
import type { Pool } from './pool.js';
import { ReadAhead } from './read-ahead.js';
import { CommandRunner, type RunnerOptions } from './runner.js';
import { Schedds } from './schedds.js';

export { checkRefs } from './attributes.js';
export { describe, type Field, type FieldTable } from './field.js';
export { jobFields } from './fields.js';
export { slotFields } from './slot-fields.js';
export { openEmbeddedPool, type EmbeddedPoolSettings } from './embedded/index.js';
export { commandsFound, probe } from './health.js';
export type { CommandPrefix } from './command.js';
export type { ActAs, ActionSettings } from './actions/index.js';
export type { CommandReport } from './runner.js';

export interface PoolSettings
  extends RunnerOptions, LookupOptions, PolicySettings, JobLogsSettings, Partial<ActionSettings> {
  readonly name: string;
  /** Whether callers may act on jobs; needs `actAs`. @default false */
  readonly allowActions?: boolean | undefined;
  /** Address of the collector; default: the one of the host's own configuration. */
  readonly pool?: string | undefined;
  /** Full names of the schedds to use; default: the host's own, and those that the collector lists. */
  readonly schedds?: readonly string[] | undefined;
}

const capabilities: readonly Capability[] = ['HISTORY', 'STREAM', 'RESUME', 'RAW_CONSTRAINT'];

/** What `work` looks at in each history. */
const workListing: JobListing = { source: 'ALL', scanLimit: 50_000, since: undefined };

export function openPool(settings: PoolSettings): JobPool {
  const runner = new CommandRunner(settings);
  const policies = new PolicyReader(runner, settings);
  const pool: Pool = {
    name: settings.name,
    runner,
    collector: settings.pool,
    policy: (signal) => policies.current(signal),
  };
  const schedds = new Schedds(pool, { names: settings.schedds });
  const depth = new HistoryDepth(pool);
  const ahead = new ReadAhead();
  const counters = new JobCounters(pool);
  const named = (name: string, signal: AbortSignal) => schedds.named(name, signal);
  const lookup = new JobLookup(pool, named, settings);
  // Streams evaluate constraints over what they look up.
  const followed = new JobLookup(pool, named, { ...settings, exactReals: true });
  const findJobs: JobPool['findJobs'] = (keys, projection, signal) =>
    lookup.find(keys, projection, signal);
  const here = settings.prefix === undefined && settings.pool === undefined;
  const logs = new PoolLogs(pool, schedds, (...asked) => followed.find(...asked), here, settings);
  const actions = actionsOf(settings, {
    pool,
    prefix: settings.prefix,
    findJobs,
    named,
    schedds: (signal) => schedds.list(signal),
  });
  const { replicas } = settings;
  const streaming = replicas === undefined ? [logs] : [logs, replicas];
  let lastOkAt: number | null = null;

  const jobs = async (listing: JobListing, signal: AbortSignal) => {
    const policy = await pool.policy(signal);
    const list = await schedds.list(signal);
    return list.map((schedd) =>
      jobSource(pool, schedd, listing, policy, { depth, ahead, counters }),
    );
  };

  return {
    name: settings.name,
    kind: 'HTCONDOR',
    embedded: false,
    capabilities: () => (actions ? [...actionCapabilities, ...capabilities] : capabilities),
    ...(actions && { actions }),
    async health(signal): Promise<GridHealth> {
      const health = await poolHealth(pool, schedds, streaming, lastOkAt, signal);
      lastOkAt = health.lastOkAt;
      return health;
    },
    work: (signal) => jobs(workListing, signal),
    async stop() {
      await logs.stop();
      lookup.stop();
      ahead.stop();
      followed.stop();
      await actions?.stop();
      await runner.stop();
    },
    jobs,
    schedds: async (signal) => (await schedds.list(signal)).map(({ name }) => name),
    findJobs,
    logs,
    progress: (clusters, signal) =>
      clusterProgress(pool, (name) => named(name, signal), clusters, signal),
    slots: () => slotSource(pool),
    machines: () => machineSource(pool),
    ads: (type) => adSource(pool, type),
    findSlots: (names, projection, signal) => findSlots(pool, names, projection, signal),
    findMachines: (names, signal) => findMachines(pool, names, signal),
    findAds: (keys, signal) => findAds(pool, keys, signal),
    config: (query, signal) => readConfig(pool, query, signal),
  };
}

/** Undefined where nobody may act. */
function actionsOf(
  { allowActions, actAs, ...settings }: PoolSettings,
  pool: Parameters<typeof openActions>[1],
): ReturnType<typeof openActions> | undefined {
  if (allowActions !== true) return undefined;
  if (actAs === undefined) throw new Error('allowActions needs actAs: whose account acts.');
  return openActions({ ...settings, actAs }, pool);
}
