/** Reads of a throttled table slow down together and come back evenly; each ends in time, with an answer or a code. */
import { describe, expect, it } from 'vitest';
import { throttledError } from '../../src/grids/htc-grid/calls.js';
import type { Connection } from '../../src/grids/htc-grid/connection.js';
import { paced } from '../../src/grids/htc-grid/paced.js';
import { ReadPace } from '../../src/grids/htc-grid/read-pace.js';
import { HandClock } from '../streams/hand-clock.js';
import { live } from './support.js';

const query = { TableName: 't' };

describe('the pace of reads', () => {
  it('is free until the table throttles, then half of what was used, and back evenly', () => {
    const clock = new HandClock();
    const pace = new ReadPace({ clock, recoverMs: 20_000 });
    for (let n = 0; n < 100; n++) pace.charge(2);
    expect(pace.unitsPerSecond).toBe(Infinity);
    expect(pace.enter()).toBe(0);
    pace.throttled(clock.uptime());
    expect(pace.unitsPerSecond).toBe(100);
    expect(pace.slowedSince).toBe(clock.now());
  });

  it('gives back what it took after 20 s, and is free after 40 s', async () => {
    const clock = new HandClock();
    const pace = new ReadPace({ clock, recoverMs: 20_000 });
    pace.charge(200);
    pace.throttled(clock.uptime());
    const seen: number[] = [];
    for (let n = 0; n < 4; n++) {
      await clock.advance(10_000);
      seen.push(pace.unitsPerSecond);
    }
    expect(seen).toEqual([150, 200, 250, Infinity]);
    expect(pace.slowedSince).toBeNull();
  });

  it('takes throttles of one moment for one, and goes down to the least and no further', async () => {
    const clock = new HandClock();
    const pace = new ReadPace({ clock, leastUnits: 2 });
    pace.charge(64);
    const started = clock.uptime();
    await clock.advance(1);
    for (let n = 0; n < 8; n++) pace.throttled(started);
    expect(pace.unitsPerSecond).toBeCloseTo(32, 0);
    for (let n = 0; n < 10; n++) {
      await clock.advance(1);
      pace.throttled(clock.uptime());
    }
    expect(pace.unitsPerSecond).toBe(2);
  });

  it('gives the places of reads that are given up to those that come after', () => {
    const pace = new ReadPace({ clock: new HandClock(), leastUnits: 2 });
    pace.throttled(0);
    const waits = Array.from({ length: 4 }, () => pace.enter());
    expect(waits).toEqual([250, 500, 750, 1000]);
    waits.forEach(() => pace.leave());
    expect(pace.waitMs).toBe(250);
    for (let n = 0; n < 10; n++) pace.leave();
    expect(pace.waitMs).toBe(0);
  });

  it('lets one large read keep the others waiting for 5 s at most', () => {
    const pace = new ReadPace({ clock: new HandClock(), mostWaitMs: 5000 });
    pace.throttled(0);
    pace.charge(128);
    expect(pace.waitMs).toBe(5000);
  });
});

/** A table that throttles while it is told to, and notes when it is read. */
function table(clock: HandClock) {
  const reads: number[] = [];
  const state = { throttled: 0 };
  const connection: Connection = {
    table: 't',
    label: 'The table',
    close: () => undefined,
    send: async () => {
      reads.push(clock.uptime());
      if (state.throttled-- > 0) throw throttledError('The table');
      return { Items: [], ConsumedCapacity: { CapacityUnits: 1 } };
    },
  };
  return { reads, state, connection };
}

describe('a table that throttles', () => {
  it('is read again by the one that was throttled, and later by all others too', async () => {
    const clock = new HandClock();
    const { reads, state, connection } = table(clock);
    const reader = paced(connection, new ReadPace({ clock }), { clock });
    state.throttled = 1;
    const first = reader.send('Query', query, live());
    await clock.advance(0);
    expect(reads).toHaveLength(1);
    const others = [1, 2, 3].map(() => reader.send('Query', query, live()));
    await clock.advance(0);
    // Nobody else reads now, though nobody else was throttled.
    expect(reads).toHaveLength(1);
    await clock.advance(8000);
    await Promise.all([first, ...others]);
    expect(reads).toHaveLength(5);
    const gaps = reads.slice(1).map((at, index) => at - (reads[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThan(50);
    reader.close();
  });

  it('is not read by those who would wait too long: THROTTLED, with the time to come back', async () => {
    const clock = new HandClock();
    const { reads, state, connection } = table(clock);
    const reader = paced(connection, new ReadPace({ clock }), { clock, patienceMs: 8000 });
    state.throttled = Infinity;
    const failed: unknown[] = [];
    const hurried = Array.from({ length: 40 }, () =>
      reader.send('Query', query, live()).catch((error: unknown) => failed.push(error)),
    );
    await clock.advance(8000);
    await Promise.all(hurried);
    expect(failed).toHaveLength(40);
    for (const error of failed)
      expect(error).toMatchObject({
        code: 'THROTTLED',
        retryable: true,
        retryAfterMs: expect.any(Number) as number,
        message: expect.stringContaining('short of read capacity') as string,
      });
    // All 40 at once, then two units a second together, and not one after another as often as they like.
    expect(reads.length).toBeLessThan(80);
    expect(clock.timers).toBe(0);
    reader.close();
  });

  it('also slows down where it leaves keys of a batch out, and the answer is what it gave', async () => {
    const clock = new HandClock();
    const pace = new ReadPace({ clock });
    const keys = { t: { Keys: [{ task_id: { S: 's_1' } }] } };
    const { connection } = table(clock);
    const batch = { Responses: { t: [] }, UnprocessedKeys: keys };
    const reader = paced({ ...connection, send: async () => batch }, pace, { clock });
    expect(await reader.send('BatchGetItem', { RequestItems: keys }, live())).toBe(batch);
    expect(pace.unitsPerSecond).toBe(2);
    reader.close();
  });

  it('takes writes without a wait', async () => {
    const clock = new HandClock();
    const { state, connection } = table(clock);
    const pace = new ReadPace({ clock });
    const reader = paced(connection, pace, { clock });
    state.throttled = 1;
    const read = reader.send('Query', query, live());
    await clock.advance(0);
    expect(pace.waitMs).toBeGreaterThan(0);
    await reader.send('UpdateItem', { TableName: 't', Key: {} }, live());
    await clock.advance(8000);
    await read;
    reader.close();
  });

  it('is left by those who wait when they go, and when it is closed', async () => {
    const clock = new HandClock();
    const { state, connection } = table(clock);
    const reader = paced(connection, new ReadPace({ clock }), { clock });
    state.throttled = Infinity;
    const leaving = new AbortController();
    const gone = reader.send('Query', query, leaving.signal);
    const closed = reader.send('Query', query, live());
    await clock.advance(0);
    leaving.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    reader.close();
    await expect(closed).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(clock.timers).toBe(0);
  });
});
