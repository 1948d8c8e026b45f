/** What following by polling costs, beside the Python connector's way, in simulated time. */
import { describe, expect, it } from 'vitest';
import { PollSource } from '../../src/grids/htc-grid/poll-source.js';
import type { TaskChange } from '../../src/grids/htc-grid/change.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { TaskRanks } from '../../src/grids/htc-grid/task-ranks.js';
import { HandClock } from '../streams/hand-clock.js';
import { session, SimulatedSession } from './simulated-session.js';

const tasks = 10_000;

async function followed(spanMs: number, taskMs: number) {
  const clock = new HandClock();
  const simulated = new SimulatedSession(tasks, spanMs, taskMs, clock.now, clock.now());
  const source = new PollSource({ reader: new TableReader(simulated.connection), clock });
  const end = new AbortController();
  const seenAt = new Map<string, number>();
  const known = new TaskRanks();
  const follower = {
    known,
    changes: (changes: readonly TaskChange[]) => {
      for (const change of changes)
        if (known.advance(change) && change.state === 'finished')
          seenAt.set(change.taskId, clock.uptime());
    },
    lost: (error: Error) => {
      throw error;
    },
  };
  await source.watch(session, follower, end.signal);
  let connector = 0;
  while (clock.uptime() < spanMs) {
    await clock.advance(1000);
    connector += simulated.connectorPoll();
  }
  await clock.advance(1000);
  end.abort();
  // Tasks finish evenly: how long after its end each one was seen.
  const lags = [...seenAt.values()].map((at, order) => at - ((order + 1) * spanMs) / tasks);
  return {
    ratio: simulated.units / connector,
    connector,
    seen: seenAt.size,
    latestMs: Math.max(...lags),
  };
}

describe('following 10,000 tasks by polling each second', () => {
  it.each([
    [300, 3000, 1 / 8],
    [300, 200, 1 / 8],
    [300, 12_000, 1 / 8],
    [30, 200, 0.7],
    [30, 3000, 0.7],
  ])(
    'over %i s, tasks of %i ms: at most %f of the read units of the connector',
    async (seconds, taskMs, most) => {
      const { ratio, seen, latestMs } = await followed(seconds * 1000, taskMs);
      expect(seen).toBe(tasks);
      expect(latestMs).toBeLessThanOrEqual(1001);
      expect(ratio).toBeLessThanOrEqual(most);
    },
  );
});
