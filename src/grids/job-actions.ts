/** The port of acting on jobs: submit, hold, release, remove, edit. A pool without it only reads. */
import type { ActionStatus } from './action.js';
import type { JobKey } from './jobs.js';
import type { NativeRecord } from './row.js';

export interface SubmitJobs {
  /** Full name of the schedd; undefined: the default one. */
  readonly schedd: string | undefined;
  /** In the language of submit files, without `queue`. Exactly one of description and attributes. */
  readonly description: string | undefined;
  /** Submit commands by name: text, numbers and booleans. */
  readonly attributes: Readonly<Record<string, unknown>> | undefined;
  /** One job each (times `count`): values of the variables that the description names as `$(name)`. */
  readonly items: readonly unknown[] | undefined;
  /** Jobs of each item, or in all without items. */
  readonly count: number;
  /** The caller of the graph. */
  readonly identity: string;
  /** The same key, identity and input give the first answer again; another input is IDEMPOTENCY_CONFLICT. */
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
  /** A ClassAd expression, parsed and printed again: literals too. */
  readonly expression: string;
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
  submit(request: SubmitJobs, signal: AbortSignal): Promise<SubmittedJobs>;
  /** One outcome a key, in their order. Whose jobs they are was checked before. */
  act(
    action: JobAction,
    keys: readonly JobKey[],
    identity: string,
    signal: AbortSignal,
  ): Promise<readonly ActedJob[]>;
}
