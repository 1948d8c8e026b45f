/** What following costs the table, counted by the table itself: by the number of subscribers, and by the source. */
import { describe, expect, it } from 'vitest';
import { follow, resolveDelivery } from '../../src/streams/index.js';
import { settle } from '../streams/hand-clock.js';
import { DeployedWorld } from '../streams/model/world.js';
import type { Completion } from '../../src/grids/tasks.js';

const tasks = 12;

/** A session that is followed by so many while its tasks end over 100 s, and what was read meanwhile. */
async function followed(subscribers: number, stream: boolean) {
  const world = new DeployedWorld();
  world.enableStream(stream);
  if (!stream) world.hints.fail();
  const { grid, clock } = world;
  world.announce(tasks);
  const [session] = grid.sessions;
  const [server] = world.servers;
  if (session === undefined || server === undefined) throw new Error('There is no session.');
  world.submit(session, tasks);
  const delivery = resolveDelivery({ maxWaitMs: 0, heartbeatMs: 0 });
  const told = Array.from({ length: subscribers }, () => 0);
  const streams = Array.from({ length: subscribers }, async (_, n) => {
    const log = await server.logs.follow(session.id, new AbortController().signal);
    const frames = follow<Completion>([log], {
      clock,
      delivery,
      start: { kind: 'snapshot' },
    });
    for await (const { entries } of frames) told[n] = (told[n] ?? 0) + entries.length;
  });
  await clock.advance(5000);
  const before = grid.table.units;
  for (const taskId of grid.taskIds(session)) {
    grid.do('claim', taskId);
    grid.do('finish', taskId);
    await clock.advance(8000);
  }
  const units = grid.table.units - before;
  await clock.advance(10_000);
  await settle();
  await Promise.all(streams);
  await world.stop();
  return { units, told };
}

describe('the read units of a followed session', () => {
  it.each([true, false])(
    'are the same for one, 100 and 1,000 subscribers (stream: %s)',
    async (stream) => {
      const [one, hundred, thousand] = [
        await followed(1, stream),
        await followed(100, stream),
        await followed(1000, stream),
      ];
      for (const { told } of [one, hundred, thousand])
        expect(told.every((count) => count === tasks)).toBe(true);
      expect(one.units).toBeGreaterThan(0);
      expect(hundred.units).toBe(one.units);
      expect(thousand.units).toBe(one.units);
    },
  );

  it('are none for a completion with a stream: those of one check a minute, however much ends', async () => {
    const { units } = await followed(1, true);
    // 100 s: one or two checks of one or two queries, which cost one unit each with so few entries.
    expect(units).toBeLessThanOrEqual(4);
  });
});
