/** What a server that takes a session over finds in the table, beside what its log has from before. */
import { expect, it, vi } from 'vitest';
import { buildSession } from '../../src/grids/htc-grid/session-build.js';
import { SessionLog } from '../../src/grids/htc-grid/session-log.js';
import { statusOf, taskIdOf } from '../../src/grids/htc-grid/status.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { HandClock } from '../streams/hand-clock.js';
import { live } from './support.js';

const taskId = taskIdOf('s', 0);

/** Revisions that are told behind an end that only an index had told, `lateMs` before the row was stamped. */
async function toldBehind(lateMs: number): Promise<readonly string[]> {
  const clock = new HandClock();
  const seenAt = clock.now();
  const row = {
    ...{ taskId, sessionId: 's', status: statusOf('finished', 's'), retries: 0, priority: 0 },
    ...{ owner: undefined, submittedAt: seenAt, completedAt: seenAt + lateMs, heartbeatSec: 0 },
  };
  const reader = new TableReader({} as never);
  vi.spyOn(reader, 'sessionPages').mockImplementation(async function* () {
    yield [row];
  });
  vi.spyOn(reader, 'items').mockResolvedValue(new Map([[taskId, row]]));
  const state = new SessionLog('s', undefined, clock);
  const told = new Map([
    [taskId, { taskId, revision: 'fi0.0', state: 'SUCCEEDED' as const, seenAt }],
  ]);
  const source = { watch: () => Promise.resolve() };
  const parts = { reader, source, expected: () => Promise.resolve(undefined) };
  const building = { lost: () => undefined, rebuild: true, clock, told };
  await buildSession('s', state, parts, building, live());
  return state.log.read(0, 10).map(({ revision }) => revision);
}

it('an end that an index told is not told again once its row is read, whatever the clocks', async () => {
  for (const lateMs of [-3_600_000, 0, 50_000]) expect(await toldBehind(lateMs)).toEqual([]);
});

it('an end that was stamped long after that is another one: the task was submitted again', async () => {
  expect(await toldBehind(120_000)).toEqual([expect.stringMatching(/^fi0\./) as string]);
});
