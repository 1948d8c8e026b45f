/** The port of acting on jobs: submit, hold, release, remove, edit. A pool without it only reads. */
import type { ActionStatus } from './action.js';
import type { JobKey } from './jobs.js';
import type { NativeRecord } from './row.js';

/** Who acts. */
export interface Actor {
  /** The caller of the graph. */
  readonly identity: string;
  /** Whether the caller may act on everybody's jobs. */
  readonly admin: boolean;
}

export interface SubmitJobs {
  /** Full name of the schedd; undefined: the default one. */
  readonly schedd: string | undefined;
  /** In the language of submit files. Exactly one of description and attributes. */
  readonly description: string | undefined;
  /** Submit commands by name. */
  readonly attributes: Readonly<Record<string, unknown>> | undefined;
  /** One job each (times `count`): values of the variables that the description names as `$(name)`. */
  readonly items: readonly unknown[] | undefined;
  /** Jobs of each item, or in all without items; undefined: one, or what the description's `queue` says. */
  readonly count: number | undefined;
  readonly actor: Actor;
  /** The same key, identity and input give the first answer again; another input is refused. */
  readonly idempotencyKey: string | undefined;
  /** Nothing is queued; the ads that would be are shown. */
  readonly dryRun: boolean;
}

export interface SubmittedJobs {
  /** Null for a dry run. */
  readonly cluster: Omit<JobKey, 'procId'> | null;
  readonly jobs: readonly JobKey[];
  /** Of a dry run. */
  readonly ads: readonly NativeRecord[] | null;
  readonly replayed: boolean;
}

export interface JobEdit {
  readonly name: string;
  /** A JSON value, or a ClassAd expression. */
  readonly set: { readonly value: unknown } | { readonly expression: string };
}

export type JobAction =
  | { readonly kind: 'HOLD' | 'RELEASE' | 'REMOVE'; readonly reason: string | undefined }
  | { readonly kind: 'EDIT'; readonly set: readonly JobEdit[] };

export interface ActedJob {
  readonly key: JobKey;
  readonly status: ActionStatus;
  readonly message: string | null;
}

export interface JobActions {
  /**
   * Whose account jobs are submitted with. With `gateway` they all run as one account, which can read
   * what that account can: only admins may then submit.
   */
  readonly account: 'caller' | 'gateway';
  /** Once it has begun it goes on to its end, also when the signal is aborted; so does `act`. */
  submit(request: SubmitJobs, signal: AbortSignal): Promise<SubmittedJobs>;
  /** Rejects where the action itself can't be: a bad reason, an attribute that may not be edited. */
  check(action: JobAction, signal: AbortSignal): Promise<void>;
  /** One outcome a key, in their order. Whose jobs they are was checked before. */
  act(
    action: JobAction,
    keys: readonly JobKey[],
    actor: Actor,
    signal: AbortSignal,
  ): Promise<readonly ActedJob[]>;
}
