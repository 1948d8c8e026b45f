/** A session in a world, with the logs that follow it: what the tests of completion sources begin with. */
import { Everything } from '../../src/grids/htc-grid/everything.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { SessionLogs } from '../../src/grids/htc-grid/session-logs.js';
import { live, tasksOf } from './support.js';
import type { World } from './worlds.js';

/** For what comes over sockets and looks at a table. */
export const patient = { timeout: 20_000 };

export interface SessionOptions {
  /** How many tasks the logs expect to end. */
  readonly expected?: number | undefined;
  readonly everything?: Everything | undefined;
}

export async function sessionIn(
  world: World,
  tasks: number,
  {
    expected,
    everything = new Everything({ grid: 'g', hasSource: () => false }),
  }: SessionOptions = {},
) {
  const session = newSessionId();
  const rows = tasksOf(session, tasks);
  await world.writer.insert(rows, live());
  const logs = new SessionLogs({
    grid: 'g',
    reader: world.reader,
    source: world.source,
    everything,
    expected: async () => expected,
  });
  return { session, logs, rows, taskIds: rows.map(({ taskId }) => taskId) };
}
