/** The port of a grid of sessions and tasks (HTC-Grid). */
import type { Projection } from '../query/plan.js';
import type { Source } from '../query/source.js';
import type { CompletionLog } from '../streams/log.js';
import type { ActionStatus } from './action.js';
import type { Grid } from './grid.js';
import type { ConfigQuery, ConfigRow } from './jobs.js';
import type { Row, WorkFields, WorkRow } from './row.js';
import type { Progress, WorkState } from './state.js';

export interface TaskFields extends WorkFields {
  readonly sessionId: string;
  /** Changes whenever the stored row changes meaning: (id, revision) tells a repeat from news. */
  readonly revision: string;
  readonly index: number | null;
  readonly priority: number | null;
  readonly worker: string | null;
  /** Epoch milliseconds. */
  readonly heartbeatExpiresAt: number | null;
}

export interface TaskRow extends WorkRow, Partial<TaskFields> {
  readonly __typename: 'Task';
  readonly nativeId: string;
  readonly sessionId: string;
}

export type SubmissionState = 'SUBMITTING' | 'SUBMITTED' | 'FAILED';

export interface Submission {
  readonly state: SubmissionState;
  readonly expected: number;
  readonly accepted: number;
  readonly error: UserError | null;
}

export interface UserError {
  readonly code: string;
  readonly message: string;
  readonly path: readonly string[] | null;
}

export interface SessionRow extends Row {
  readonly __typename: 'Session';
  readonly nativeId: string;
  /** The identity recorded at submission; null for sessions that this server did not submit. */
  readonly owner: string | null;
  readonly submittedAt: number | null;
  readonly submission: Submission | null;
}

/** Bytes of the data plane, decoded; `bytes` is the size of the whole decoded value. */
export interface Payload {
  readonly json: unknown;
  readonly text: string | null;
  readonly bytes: number;
  readonly truncated: boolean;
  readonly href: string | null;
  /** True for what has been there and is gone. */
  readonly missing: boolean;
}
export const missingPayload: Payload = {
  json: null,
  text: null,
  bytes: 0,
  truncated: false,
  href: null,
  missing: true,
};
export type PayloadKind = 'input' | 'output' | 'error';

export interface SubmitTasks {
  readonly payloads: readonly unknown[];
  readonly priority: number | undefined;
  readonly owner: string;
  readonly idempotencyKey: string | undefined;
  readonly dryRun: boolean;
}
export interface SubmittedTasks {
  /** Null for a dry run. */
  readonly session: SessionRow | null;
  /** Those of the tasks that are, or will be, in the grid. */
  readonly taskIds: readonly string[];
  readonly replayed: boolean;
  /** Why not all of the tasks are in the grid, where some are; without any the submission rejects. */
  readonly error: UserError | null;
}

export interface CancelledSession {
  readonly session: SessionRow | null;
  readonly nativeId: string;
  readonly status: ActionStatus;
  readonly cancelledPending: number;
  readonly cancelledRetrying: number;
  readonly cancelledProcessing: number;
  readonly totalCancelledTasks: number;
  readonly alreadyTerminal: number;
}

/** One completion in a session's log: `state` is terminal; a changed mind is a new revision. */
export interface Completion {
  readonly taskId: string;
  readonly revision: string;
  readonly state: WorkState;
  /** Epoch milliseconds at which this server learned of it. */
  readonly seenAt: number;
}

export interface TaskGrid extends Grid {
  readonly kind: 'HTC_GRID';
  /** Sources of tasks: of the sessions named, or of what is active and what the registry knows. */
  tasks(
    sessions: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<readonly Source<TaskRow>[]>;
  /** Sessions that the registry knows or that have pending or processing rows, newest first: not those of others that have ended. */
  sessions(
    query: { readonly active: boolean | undefined },
    signal: AbortSignal,
  ): Promise<SessionList>;
  findSessions(
    ids: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly (SessionRow | undefined)[]>;
  /**
   * Tasks by task id, in batches of the table's own batch read; every field but `failure` unless the
   * projection says otherwise: a finished task's failure is in its output.
   */
  findTasks(
    ids: readonly string[],
    signal: AbortSignal,
    projection?: Projection,
  ): Promise<readonly (TaskRow | Error | undefined)[]>;
  /** Free of reads for sessions that are being followed. A throttled one is an Error in its place. */
  progress(
    sessions: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly (Progress | Error)[]>;
  payload(
    taskId: string,
    kind: PayloadKind,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Payload | undefined>;
  submit(request: SubmitTasks, signal: AbortSignal): Promise<SubmittedTasks>;
  cancel(
    sessions: readonly string[],
    dryRun: boolean,
    signal: AbortSignal,
  ): Promise<readonly CancelledSession[]>;
  /** The settings of the grid; values of secrets are withheld. */
  config(query: ConfigQuery, signal: AbortSignal): Promise<readonly ConfigRow[]>;
  /** The rows of completions, as far as they are known without a read of the table; undefined where the fields need one. */
  rowsOf(
    completions: readonly Completion[],
    fields: ReadonlySet<string>,
  ): Promise<readonly (TaskRow | undefined)[]>;
  /** The log of a session's completions, followed as long as somebody holds it (or until complete). */
  follow(session: string, signal: AbortSignal): Promise<CompletionLog<Completion>>;
  /** A cursor position for "now" without starting to follow; position 0 where no log exists yet. */
  position(session: string): {
    readonly log: string;
    readonly epoch: string;
    readonly position: number;
  };
  /**
   * Every completion the grid sees, of all sessions, bounded: for streams that name no session. Fed until
   * `signal` is aborted, and for a while after it; resolves once what feeds it is known.
   */
  followAll(signal: AbortSignal): Promise<CompletionLog<Completion>>;
  /** Whether the log of everything has all of the grid, or the sessions that somebody follows. */
  coverage(): 'GRID' | 'FOLLOWED';
}

export interface SessionList {
  readonly rows: readonly SessionRow[];
  readonly truncated: boolean;
  readonly scanned: number;
  /** What was looked at, for the report. */
  readonly lookedAt: string;
}
