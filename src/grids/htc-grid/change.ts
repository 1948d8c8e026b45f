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
  /** Undefined where only the state was seen, in an index. */
  readonly retries: number | undefined;
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
    completedAt: item.completedAt ?? 0,
  };
}

/**
 * How far a task is, as one number: a task that is given back counts one retry more, and within one
 * attempt states follow each other in the order of `nativeStates`. The larger one is the later one.
 * @param before how far it was; a state without a number of retries belongs to the same attempt, or to
 * the next one where it can't follow: once a task has ended, only another end can
 */
export function rankOf(
  { state, retries }: Pick<TaskChange, 'state' | 'retries'>,
  before: number | undefined,
): number {
  const place = nativeStates.indexOf(state);
  if (retries !== undefined) return retries * nativeStates.length + place;
  if (before === undefined) return place;
  const rank = before - (before % nativeStates.length) + place;
  return rank < before && !isLast(stateOfRank(before)) ? rank + nativeStates.length : rank;
}

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
