/** The port of following a pool: its events and its completions, as logs that many read at their own positions. */
import type { LogPosition } from '../streams/cursor.js';
import type { CompletionLog } from '../streams/log.js';
import type { JobKey } from './jobs.js';
import type { NativeRecord } from './row.js';
import type { WorkState } from './state.js';

export const jobEventTypes = [
  'SUBMITTED',
  'STARTED',
  'EVICTED',
  'SUSPENDED',
  'RESUMED',
  'HELD',
  'RELEASED',
  'TERMINATED',
  'REMOVED',
  'EDITED',
  'OTHER',
] as const;
export type JobEventType = (typeof jobEventTypes)[number];

export interface JobEventEntry {
  readonly type: JobEventType;
  /** Epoch milliseconds, by the clock of the grid. */
  readonly at: number;
  readonly key: JobKey;
  /** Null until it is known: withheld from everybody but admins. */
  readonly owner: string | null;
  /** What else the event tells, by the names of the grid. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** The job's attributes as far as the event carries them. */
  readonly record: NativeRecord;
  /** Epoch milliseconds at which this server learned of it. */
  readonly seenAt: number;
}

/** A job that has ended; told once the history (or the queue, of a job that stays there) says how. */
export interface JobCompletion {
  readonly key: JobKey;
  /** Another one for another end of the same job. */
  readonly revision: string;
  readonly state: WorkState;
  readonly owner: string | null;
  readonly seenAt: number;
}

export interface JobLogs {
  /** Followed as long as somebody holds it: until `signal` is aborted. */
  events(signal: AbortSignal): Promise<CompletionLog<JobEventEntry>>;
  completions(signal: AbortSignal): Promise<CompletionLog<JobCompletion>>;
  /** The end of the log of completions now, for a cursor that leaves no gap behind a query. */
  position(): LogPosition;
}
