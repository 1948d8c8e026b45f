/** The port: what any grid can be asked, whatever runs behind it. */
import type { Source } from '../query/source.js';
import type { WorkRow } from './row.js';
import type { JobPool } from './jobs.js';
import type { TaskGrid } from './tasks.js';

export type GridKind = 'HTC_GRID' | 'HTCONDOR';
export type HealthStatus = 'OK' | 'DEGRADED' | 'DOWN' | 'UNKNOWN';

export const capabilities = [
  'SUBMIT',
  'CANCEL',
  'HOLD',
  'RELEASE',
  'REMOVE',
  'EDIT',
  'HISTORY',
  'STREAM',
  'RESUME',
  'RAW_CONSTRAINT',
  'OUTPUT',
] as const;
export type Capability = (typeof capabilities)[number];

export interface ComponentHealth {
  readonly name: string;
  readonly status: HealthStatus;
  readonly detail: string | null;
  readonly count: number | null;
  /** Epoch milliseconds since when it is not well; null or absent where it is, and where nobody knows. */
  readonly since?: number | null;
}

export interface GridHealth {
  readonly status: HealthStatus;
  /** Epoch milliseconds. */
  readonly checkedAt: number;
  readonly lastOkAt: number | null;
  readonly latencyMs: number | null;
  readonly components: readonly ComponentHealth[];
}

export interface Grid {
  readonly name: string;
  readonly kind: GridKind;
  /** True where the grid runs inside this process and ends with it. */
  readonly embedded: boolean;
  capabilities(): readonly Capability[];
  /** Never throws: a grid that does not answer is DOWN, with the reason in a component. */
  health(signal: AbortSignal): Promise<GridHealth>;
  /** The sources of all its work, for lists over several grids. */
  work(signal: AbortSignal): Promise<readonly Source<WorkRow>[]>;
  /** Ends everything the grid started: children, sockets, timers, workers. */
  stop(): Promise<void>;
}

export type AnyGrid = TaskGrid | JobPool;
