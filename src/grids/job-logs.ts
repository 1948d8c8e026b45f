/** The port of following a pool: its events and its completions, as logs that many read at their own positions. */
import type { LogPosition } from '../streams/cursor.js';
import type { CompletionLog } from '../streams/log.js';
import type { Projection } from '../query/plan.js';
import type { JobKey, JobRow } from './jobs.js';
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

/** How far a source of events had been read that can be read again. */
export interface EventPlace {
  /** The file, by what it says: the same to every server. */
  readonly file: string;
  /** The bytes of it up to here. */
  readonly offset: number;
}

export interface JobEventEntry {
  readonly gridName: string;
  readonly type: JobEventType;
  /** Epoch milliseconds, by the clock of the grid. */
  readonly at: number;
  readonly key: JobKey;
  /** Null until it is known: withheld from everybody but admins, unless the job itself tells. */
  readonly owner: string | null;
  /** The state that follows from it; null where it says nothing of the state. */
  readonly state: WorkState | null;
  /** What else the event tells, by the names of the grid. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** The job's attributes as far as the event carries them. */
  readonly record: NativeRecord;
  /** Epoch milliseconds at which this server learned of it. */
  readonly seenAt: number;
  /** Where it ends in a source that can be read again. */
  readonly place?: EventPlace | undefined;
  /** Whether nothing that comes later can stand before its place. */
  readonly inOrder?: boolean | undefined;
}

/** A job that has ended; told once the history (or the queue, of a job that stays there) says how. */
export interface JobCompletion {
  readonly gridName: string;
  readonly key: JobKey;
  /** Another one for another end of the same job. */
  readonly revision: string;
  /** UNKNOWN where the job has left the queue and no history tells how. */
  readonly state: WorkState;
  /** Whose it is, for the rules of access. */
  readonly owner: string | null;
  /** Whether the pool hides that from clients; said of a job of which no ad tells. */
  readonly ownerHidden?: boolean;
  readonly seenAt: number;
}

/** Of an end of which no history tells. */
export const lostRevision = 'lost';

/** Each end once: the job, and which of its ends it is. */
export const nameOf = ({ key, revision }: Pick<JobCompletion, 'key' | 'revision'>): string =>
  `${key.schedd} ${key.clusterId}.${key.procId} ${revision}`;

export interface JobLogs {
  /**
   * Followed as long as somebody holds it: until `signal` is aborted. What came behind the positions from
   * which it is to be followed is read again where it can be.
   */
  events(
    signal: AbortSignal,
    after?: readonly LogPosition[],
  ): Promise<CompletionLog<JobEventEntry>>;
  /** The same for ends; with what their rows will be asked for, so that it is read at once. */
  completions(signal: AbortSignal, projection?: Projection): Promise<CompletionLog<JobCompletion>>;
  /** The rows of ends or events, read once for all who ask the same of them. */
  rows(
    of: readonly { readonly key: JobKey; readonly revision: string }[],
    projection: Projection,
  ): Promise<readonly (JobRow | Error | undefined)[]>;
  /**
   * The end of the log of completions now: what a query reads afterwards, followed from there, has no
   * gap in between. Following starts with it, where nobody does, and goes on for a while.
   */
  position(signal: AbortSignal): Promise<LogPosition>;
  /** Resolves when every end of a schedd's jobs that could be told of at the time of the call is in the log. */
  settled(schedd: string, signal: AbortSignal): Promise<void>;
}
