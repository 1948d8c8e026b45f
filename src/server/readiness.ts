/** Whether the server can do its work: each grid's health, asked for rarely however often it is read. */
import type { GridKind, HealthStatus } from '../grids/grid.js';

interface GridReadiness {
  readonly name: string;
  readonly kind: GridKind;
  readonly status: HealthStatus;
}

export type AskReadiness = (signal: AbortSignal) => Promise<readonly GridReadiness[]>;

export interface Readiness {
  readonly ready: boolean;
  readonly status: 'OK' | 'DEGRADED' | 'DOWN' | 'DRAINING';
  readonly grids: readonly GridReadiness[];
}

/** How long an answer stands: nobody drives commands by asking. */
const freshMs = 2_000;
const deadlineMs = 5_000;

export function createReadiness(
  ask: AskReadiness,
  draining: AbortSignal,
): () => Promise<Readiness> {
  let asked:
    { readonly at: number; readonly answer: Promise<readonly GridReadiness[]> } | undefined;
  return async () => {
    if (draining.aborted) return { ready: false, status: 'DRAINING', grids: [] };
    if (!asked || Date.now() - asked.at > freshMs) {
      const signal = AbortSignal.any([draining, AbortSignal.timeout(deadlineMs)]);
      asked = { at: Date.now(), answer: ask(signal) };
    }
    return judge(await asked.answer);
  };
}

/** Not ready only where every grid is down: with one left, the graph answers in part. */
function judge(grids: readonly GridReadiness[]): Readiness {
  if (grids.length > 0 && grids.every(({ status }) => status === 'DOWN')) {
    return { ready: false, status: 'DOWN', grids };
  }
  const well = grids.every(({ status }) => status === 'OK');
  return { ready: true, status: well ? 'OK' : 'DEGRADED', grids };
}
