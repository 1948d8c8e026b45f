/** A change of one task as a source of changes saw it. */
import type { Completion } from '../tasks.js';
import { revisionOf } from './fields.js';
import type { TaskItem } from './item.js';
import type { NativeState } from './status.js';
import { parseStatus, statusOf, workState } from './status.js';

export interface TaskChange {
  readonly taskId: string;
  readonly sessionId: string;
  readonly state: NativeState;
  /** Undefined where only the state was seen, in an index. */
  readonly retries: number | undefined;
  /** Epoch milliseconds at which the row was written; a later one is another life of the task. */
  readonly submittedAt?: number | undefined;
  /** Epoch milliseconds; 0 where the row has none, or was not read. */
  readonly completedAt: number;
}

export type ChangeSink = (changes: readonly TaskChange[]) => void;

/** Undefined for rows in a state this program does not know. */
export function changeOf(item: TaskItem): TaskChange | undefined {
  const { known } = parseStatus(item.status);
  if (known === undefined) return undefined;
  return {
    taskId: item.taskId,
    sessionId: item.sessionId,
    state: known,
    retries: item.retries,
    submittedAt: item.submittedAt,
    completedAt: item.completedAt ?? 0,
  };
}

export const isLast = (state: NativeState): boolean =>
  state === 'finished' || state === 'failed' || state === 'cancelled';

/** Where only an index told of an end, its revision has the state alone. */
export const isBare = (revision: string): boolean =>
  revision.endsWith('0.0') && revision.length === 5;

/** Whether two ends of one task in one state may be the same one. */
export const isSameRevision = (a: string, b: string): boolean => a === b || isBare(a) || isBare(b);

export const completionOf = (change: TaskChange, seenAt: number): Completion => ({
  taskId: change.taskId,
  revision: revisionOf({ ...change, status: statusOf(change.state, change.sessionId) }),
  state: workState(change.state),
  seenAt,
});
