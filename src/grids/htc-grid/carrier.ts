/** How tasks that were registered get into a grid: written by this process, or through the grid's own submit. */
import type { SessionEntry } from './registry.js';

export interface Cargo {
  readonly entry: SessionEntry;
  /** The payloads; their places are the indexes of the tasks. */
  readonly payloads: readonly unknown[];
}

/** Tells how far a submission is; resolves when the entry will outlive the process, as far as it can. */
export type Report = (entry: SessionEntry) => Promise<void>;

/** What there is of a submission that broke off. */
export interface Remainder {
  readonly taskIds: readonly string[];
  /** False where none of them will run. */
  readonly mayRun: boolean;
  /** What a client has to know of them; empty where nothing is left to say. */
  readonly remark: string;
}

/** Two ways for a submission to end early. */
export interface Ends {
  /** Nothing more is to be sent; what is under way is waited for. */
  readonly halt: AbortSignal;
  /** The process ends; another one may go on. */
  readonly stop: AbortSignal;
}

export interface Carrier {
  /** Brings the tasks into the grid and reports the entry as SUBMITTED; rejects where it can not. */
  carry(cargo: Cargo, report: Report, ends: Ends): Promise<void>;
  /** Goes on with a submission that an earlier process left. */
  resume(entry: SessionEntry, report: Report, ends: Ends): Promise<void>;
  /** After either of them has rejected: settles what was begun. Never rejects. */
  settle(entry: SessionEntry): Promise<Remainder>;
}
