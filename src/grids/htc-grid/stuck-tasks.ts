/**
 * How many tasks wait for a message that is gone: they were claimed, given back, and nobody has claimed
 * them since (docs/grids/htc-grid.md, "How tasks fail"). Counted by the heartbeat index, rarely and up to a limit.
 */
import { pause, systemClock, type Clock } from '../../streams/clock.js';
import type { Component } from './health.js';
import type { TableReader } from './table.js';

export interface StuckTasksSettings {
  readonly reader: Pick<TableReader, 'countByHeartbeat'>;
  /** How long a claim must have been over: by then a message is visible again. @default 3_600_000 */
  readonly stuckAfterMs?: number;
  /** True while the table is to be spared. */
  readonly spared?: () => boolean;
  readonly clock?: Clock;
}

/** Entries counted for each of the 32 partitions at most: two read units. */
const perPartition = 100;
/** A count stands for this time. */
const freshMs = 60_000;
/** Health does not wait longer for a count. */
const patienceMs = 1000;

interface Counted {
  readonly at: number;
  readonly count: number;
  readonly truncated: boolean;
}

export function stuckTasks({
  reader,
  stuckAfterMs = 3_600_000,
  spared = () => false,
  clock = systemClock,
}: StuckTasksSettings): Component {
  const minutes = String(Math.round(stuckAfterMs / 60_000));
  let last: Counted | undefined;
  let asked: Promise<void> | undefined;
  let askedAt = -Infinity;

  const count = async (): Promise<void> => {
    const range = {
      // A row that was never claimed has 0.
      fromSec: 1,
      beforeSec: Math.floor((clock.now() - stuckAfterMs) / 1000),
      limit: perPartition,
    };
    const counted = await reader.countByHeartbeat('pending', range, undefined);
    last = { at: clock.now(), ...counted };
  };

  return {
    name: 'stuck tasks',
    check: async (signal) => {
      if (asked === undefined && clock.uptime() - askedAt >= freshMs && !spared()) {
        askedAt = clock.uptime();
        // What is wrong with the table is told by its own line.
        asked = count()
          .catch(() => undefined)
          .finally(() => {
            asked = undefined;
          });
      }
      if (asked !== undefined) await sooner(asked, clock, signal);
      if (last === undefined) return { status: 'UNKNOWN', detail: 'not counted yet', count: null };
      const ago = String(Math.round((clock.now() - last.at) / 1000));
      const least = last.truncated ? 'at least; ' : '';
      return {
        status: 'OK',
        detail: `${least}pending tasks whose last claim ran out over ${minutes} minutes ago, counted ${ago} s ago`,
        count: last.count,
      };
    },
  };
}

/** Until it is done or takes too long. */
async function sooner(asked: Promise<void>, clock: Clock, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const late = pause(clock, patienceMs, AbortSignal.any([signal, done.signal]));
  await Promise.race([asked, late.catch(() => undefined)]);
  done.abort();
}
