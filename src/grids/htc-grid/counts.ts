/** Counts by state of one session: from memory where it is followed, else counted by the table. */
import type { WorkState } from '../state.js';
import type { SessionLogs } from './session-logs.js';
import type { NativeState } from './status.js';
import { nativeStates, workState } from './status.js';
import type { TableReader } from './table.js';

export interface Counted {
  readonly counts: ReadonlyMap<WorkState, number>;
  readonly byNative: ReadonlyMap<NativeState, number>;
  /** Index entries that were counted for it; 0 from memory. */
  readonly scanned: number;
}

/** @param states the states that matter; the others are not counted */
export async function countsOf(
  session: string,
  states: readonly NativeState[],
  from: { readonly logs: SessionLogs; readonly reader: TableReader },
  signal: AbortSignal,
): Promise<Counted> {
  const followed = from.logs.peek(session);
  const numbers =
    followed === undefined
      ? await Promise.all(states.map((state) => from.reader.count(session, state, signal)))
      : states.map((state) => followed.count(state));
  const byNative = new Map(states.map((state, index) => [state, numbers[index] ?? 0]));
  return {
    counts: new Map([...byNative].map(([state, count]) => [workState(state), count])),
    byNative,
    scanned: followed === undefined ? numbers.reduce((sum, n) => sum + n, 0) : 0,
  };
}

export const everyState = nativeStates;
