/** The state model that both grids share, and why work failed. */

export const workStates = [
  'QUEUED',
  'RUNNING',
  'SUSPENDED',
  'HELD',
  'SUCCEEDED',
  'FAILED',
  'CANCELLED',
  'UNKNOWN',
] as const;
export type WorkState = (typeof workStates)[number];

export const terminalStates: ReadonlySet<WorkState> = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED']);
export const isTerminal = (state: WorkState): boolean => terminalStates.has(state);

export const failureKinds = [
  'EXIT_CODE',
  'SIGNAL',
  'HELD',
  'FUNCTION_ERROR',
  'TIMEOUT',
  'RETRIES_EXHAUSTED',
  'CANCELLED',
  'LOST',
  'OUTPUT_LOST',
  'UNKNOWN',
] as const;
export type FailureKind = (typeof failureKinds)[number];

export interface Failure {
  readonly kind: FailureKind;
  readonly message: string | null;
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly holdCode: number | null;
  readonly holdSubcode: number | null;
}

export interface StateCount {
  readonly state: WorkState;
  readonly count: number;
}

/** How far a session or cluster is. Rates and estimates are null until they can be known. */
export interface Progress {
  readonly total: number;
  readonly terminal: number;
  /** terminal / total, 1 for an empty batch. */
  readonly fraction: number;
  readonly byState: readonly StateCount[];
  readonly ratePerMinute: number | null;
  readonly etaAt: number | null;
}

/** The progress that follows from counts; states without work are left out. */
export function progressOf(
  counts: ReadonlyMap<WorkState, number>,
  pace: Pick<Progress, 'ratePerMinute' | 'etaAt'> = { ratePerMinute: null, etaAt: null },
): Progress {
  const byState = workStates
    .map((state) => ({ state, count: counts.get(state) ?? 0 }))
    .filter(({ count }) => count > 0);
  const sum = (part: readonly StateCount[]) => part.reduce((n, { count }) => n + count, 0);
  const total = sum(byState);
  const terminal = sum(byState.filter(({ state }) => isTerminal(state)));
  return { total, terminal, fraction: total === 0 ? 1 : terminal / total, byState, ...pace };
}
