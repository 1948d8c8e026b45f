/** A change of one task as a source of changes saw it, ordered so that no order of arrival matters. */
import type { Completion } from '../tasks.js';
import { revisionOf } from './fields.js';
import type { TaskItem } from './item.js';
import type { NativeState } from './status.js';
import { nativeStates, parseStatus, statusOf, workState } from './status.js';

export interface TaskChange {
  readonly taskId: string;
  readonly sessionId: string;
  readonly state: NativeState;
  readonly retries: number;
  /** Epoch milliseconds; 0 where the row has none. */
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
    retries: item.retries ?? 0,
    completedAt: item.completedAt ?? 0,
  };
}

/**
 * How far a task is, as one number: a task that is given back counts one retry more, and within one
 * attempt states follow each other in the order of `nativeStates`. The larger one is the later one.
 */
export const rankOf = (change: Pick<TaskChange, 'state' | 'retries'>): number =>
  change.retries * nativeStates.length + nativeStates.indexOf(change.state);

export const stateOfRank = (rank: number): NativeState =>
  // The remainder is an index of the list.
  nativeStates[rank % nativeStates.length] as NativeState;

export const isLast = (state: NativeState): boolean =>
  state === 'finished' || state === 'failed' || state === 'cancelled';

export const completionOf = (change: TaskChange, seenAt: number): Completion => ({
  taskId: change.taskId,
  revision: revisionOf({ ...change, status: statusOf(change.state, change.sessionId) }),
  state: workState(change.state),
  seenAt,
});
