/** What one HTC-Grid is made of, embedded or deployed. */
import type { NativeCancel } from './cancel.js';
import type { TaskChange } from './change.js';
import type { DataPlane } from './data-plane.js';
import type { AllEnds } from './everything.js';
import type { Component } from './health.js';
import type { SessionRegistry } from './registry.js';
import type { SessionLogs } from './session-logs.js';
import type { Submissions } from './submission.js';
import type { TableReader } from './table.js';
import type { TableWriter } from './table-writer.js';
import type { TaskRows } from './task-rows.js';

/** The parts of one grid; `parts.stop` ends all of them. */
export interface HtcGridParts {
  readonly name: string;
  readonly embedded: boolean;
  readonly reader: TableReader;
  readonly writer: TableWriter;
  readonly registry: SessionRegistry;
  readonly rows: TaskRows;
  readonly logs: SessionLogs;
  /** Undefined where no data plane is configured: then inputs and outputs can't be read. */
  readonly data: DataPlane | undefined;
  /** Undefined where this server can't submit; then `noSubmissions` says why. */
  readonly submissions: Submissions | undefined;
  readonly noSubmissions?: string;
  /** The grid's own cancel, where that is the way to cancel. */
  readonly nativeCancel?: NativeCancel;
  readonly everything: AllEnds;
  readonly cancelled: (session: string, changes: readonly TaskChange[]) => void;
  readonly components: readonly Component[];
  /** What the grid was configured with, for those who ask; secrets are withheld there. */
  readonly configuration?: Readonly<Record<string, unknown>> | undefined;
  /** How long a list may take. @default 20_000 */
  readonly deadlineMs?: number;
  readonly stop: () => Promise<void>;
}
