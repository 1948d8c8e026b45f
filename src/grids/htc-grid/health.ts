/** How the parts of a grid are: each is asked, none may keep the others waiting. */
import { asGridError } from '../../errors.js';
import type { ComponentHealth, GridHealth, HealthStatus } from '../grid.js';

export interface Component {
  readonly name: string;
  /** Rejects where the part is down; OK unless it says otherwise. */
  readonly check: (signal: AbortSignal) => Promise<{
    readonly status?: HealthStatus;
    readonly detail: string | null;
    readonly count: number | null;
    readonly since?: number | null;
  }>;
}

/** How long one part may take to answer. */
const checkMs = 3000;

export async function healthOf(
  components: readonly Component[],
  lastOkAt: number | null,
  signal: AbortSignal,
): Promise<GridHealth> {
  const start = performance.now();
  const checked = await Promise.all(components.map((component) => check(component, signal)));
  const down = checked.filter(({ status }) => status === 'DOWN').length;
  const well = checked.every(({ status }) => status === 'OK' || status === 'UNKNOWN');
  const status = well ? 'OK' : down === checked.length ? 'DOWN' : 'DEGRADED';
  const checkedAt = Date.now();
  return {
    // Without the first part, the state table, nothing can be answered.
    status: checked[0]?.status === 'DOWN' ? 'DOWN' : status,
    checkedAt,
    lastOkAt: status === 'OK' ? checkedAt : lastOkAt,
    latencyMs: Math.round(performance.now() - start),
    components: checked,
  };
}

async function check(component: Component, signal: AbortSignal): Promise<ComponentHealth> {
  const { name } = component;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(checkMs)]);
  try {
    return { name, status: 'OK', ...(await component.check(limit)) };
  } catch (error) {
    const detail = limit.aborted
      ? `no answer within ${String(checkMs)} ms`
      : asGridError(error).message;
    return { name, status: 'DOWN', detail, count: null };
  }
}
