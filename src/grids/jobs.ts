/** The port of a pool of jobs and machines (HTCondor). */
import type { Projection } from '../query/plan.js';
import type { Source } from '../query/source.js';
import type { Grid } from './grid.js';
import type { JobActions } from './job-actions.js';
import type { JobLogs } from './job-logs.js';
import type { Row, WorkFields, WorkRow } from './row.js';
import type { Progress } from './state.js';

/** A job's own name: schedd, cluster, proc. */
export interface JobKey {
  readonly schedd: string;
  readonly clusterId: number;
  readonly procId: number;
}

export type JobOrigin = 'QUEUE' | 'HISTORY';

export interface JobFields extends WorkFields {
  /** Another one in each state that the job enters. */
  readonly revision: string;
  readonly origin: JobOrigin;
  readonly batchName: string | null;
  readonly command: string | null;
  readonly arguments: string | null;
  readonly universe: string | null;
  readonly priority: number | null;
  readonly accountingGroup: string | null;
  readonly requestCpus: number | null;
  readonly requestMemoryMb: number | null;
  readonly requestDiskKb: number | null;
  readonly requestGpus: number | null;
  readonly remoteHost: string | null;
  readonly holdReason: string | null;
  readonly holdCode: number | null;
  readonly exitCode: number | null;
  /** The host part of remoteHost (or of the last one): names a Machine. */
  readonly machineName: string | null;
}

/** Keys are always there, fields where they were asked for; `record` is the job ad as far as it was fetched. */
export interface JobRow extends WorkRow, JobKey, Partial<JobFields> {
  readonly __typename: 'Job';
  /** Whose it is, for the rules of access, where `owner` is hidden from clients; needs `owner` to be fetched. */
  readonly ownedBy?: string | null;
}

/** Whose a job is, also where the pool hides that from clients. */
export const ownerOf = ({ owner, ownedBy }: JobRow): string | null | undefined =>
  ownedBy === undefined ? owner : ownedBy;

export interface SlotRow extends Row {
  readonly __typename: 'Slot';
  readonly name: string;
  readonly machineName: string;
  readonly slotType?: string | null;
  readonly state?: string | null;
  readonly activity?: string | null;
  readonly cpus?: number | null;
  readonly memoryMb?: number | null;
  readonly diskKb?: number | null;
  readonly gpus?: number | null;
  readonly loadAverage?: number | null;
  /** The job that runs there, as far as the slot ad names it. */
  readonly jobKey?: JobKey | null;
}

export interface MachineRow extends Row {
  readonly __typename: 'Machine';
  readonly name: string;
  readonly arch: string | null;
  readonly os: string | null;
  readonly cpus: number;
  readonly memoryMb: number;
  readonly gpus: number;
  readonly busyCpus: number;
  readonly lastHeardFrom: number | null;
  readonly slots: readonly SlotRow[];
}

/** What the id of an ad says: its type, and a name that is its own within the type. */
export interface AdKey {
  readonly type: AdType;
  readonly name: string;
}

export interface PoolAdRow extends Row {
  readonly __typename: 'PoolAd';
  readonly name: string;
  readonly type: string;
  readonly lastHeardFrom: number | null;
}

export const adTypes = [
  'ANY',
  'COLLECTOR',
  'MASTER',
  'NEGOTIATOR',
  'SCHEDD',
  'STARTD',
  'SLOT',
  'SUBMITTER',
  'ACCOUNTING',
  'GRID_RESOURCE',
  'DEFRAG',
  'GENERIC',
  'LICENSE',
  'HAD',
  'CREDD',
] as const;
export type AdType = (typeof adTypes)[number];

export const configDaemons = ['COLLECTOR', 'MASTER', 'NEGOTIATOR', 'SCHEDD', 'STARTD'] as const;
export type ConfigDaemon = (typeof configDaemons)[number];

export interface ConfigRow extends Row {
  readonly __typename: 'ConfigEntry';
  readonly daemon: ConfigDaemon | null;
  readonly name: string;
  readonly value: string;
  readonly raw: string | null;
  readonly isDefault: boolean | null;
  readonly file: string | null;
  readonly line: number | null;
  readonly redacted: boolean;
}

export interface ConfigQuery {
  readonly daemon: ConfigDaemon | undefined;
  readonly daemonName: string | undefined;
  /** Exact names, case-insensitive; undefined means all. */
  readonly names: readonly string[] | undefined;
  /** Text that a name has to contain, case-insensitive. */
  readonly matching: string | undefined;
  readonly changedOnly: boolean;
}

export interface JobListing {
  readonly source: 'QUEUE' | 'HISTORY' | 'ALL';
  /** History records to look at, at most. */
  readonly scanLimit: number;
  /** Job id ("50.0" or "50") at which a history scan stops. */
  readonly since: string | undefined;
  /** True for what is no client's list (a look-up): the pool's limit on jobs does not count. */
  readonly uncapped?: boolean;
}

export interface JobPool extends Grid {
  readonly kind: 'HTCONDOR';
  /** Absent where actions are not allowed. */
  readonly actions?: JobActions;
  /** Absent where nothing is followed. */
  readonly logs?: JobLogs;
  /** One source for each schedd. Unknown `schedd` names are for the caller to refuse. */
  jobs(listing: JobListing, signal: AbortSignal): Promise<readonly Source<JobRow>[]>;
  /** The schedds the pool has now, the default one first. */
  schedds(signal: AbortSignal): Promise<readonly string[]>;
  /** Jobs by key: queue, then history, a miss asked once more; look-ups of several requests share commands. */
  findJobs(
    keys: readonly JobKey[],
    projection: Projection,
    signal: AbortSignal,
  ): Promise<readonly (JobRow | Error | undefined)[]>;
  /** Counts of clusters' jobs still in the queue and of those in history. */
  progress(
    clusters: readonly Omit<JobKey, 'procId'>[],
    signal: AbortSignal,
  ): Promise<readonly (Progress | Error)[]>;
  slots(): Source<SlotRow>;
  machines(): Source<MachineRow>;
  ads(type: AdType): Source<PoolAdRow>;
  findSlots(
    names: readonly string[],
    projection: Projection,
    signal: AbortSignal,
  ): Promise<readonly (SlotRow | undefined)[]>;
  findMachines(
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly (MachineRow | undefined)[]>;
  /** Ads by what their ids say, in the order of the keys. */
  findAds(keys: readonly AdKey[], signal: AbortSignal): Promise<readonly (PoolAdRow | undefined)[]>;
  config(query: ConfigQuery, signal: AbortSignal): Promise<readonly ConfigRow[]>;
}
