import { describe, expect, it } from 'vitest';
import { AppendLog } from '../../src/streams/index.js';
import { HandClock } from './hand-clock.js';
import { entriesOf, kindsOf, numbers, subscribe } from './subscriber.js';

/** A log that counts how often it is read. */
class CountingLog extends AppendLog<number> {
  reads = 0;
  override read(position: number, limit: number): readonly number[] {
    this.reads += 1;
    return super.read(position, limit);
  }
}

describe('a reader that stops', () => {
  it('holds no queue, no waiter and no timer: nothing is read until it pulls', async () => {
    const clock = new HandClock();
    const log = new CountingLog('s');
    const stopped = subscribe(log, { clock });
    await stopped.next();
    for (const n of numbers(0, 10_000)) log.append([n]);
    expect(log.reads).toBe(0);
    expect(log.waiting).toBe(0);
    expect(clock.timers).toBe(0);
    expect((await stopped.next()).entries).toEqual(numbers(0, 100));
    expect(log.reads).toBe(1);
  });

  it('does not hold up the others', async () => {
    const log = new AppendLog<number>('s');
    const stopped = subscribe(log, { delivery: { maxWaitMs: 0 } });
    const lively = subscribe(log, { delivery: { maxWaitMs: 0 } });
    await stopped.next();
    await lively.next();
    for (const n of numbers(0, 50)) {
      log.append([n]);
      expect((await lively.next()).entries).toEqual([n]);
    }
    expect((await stopped.next()).entries).toEqual(numbers(0, 50));
  });

  it('lets a ring release what it has not read', async () => {
    const log = new AppendLog<number>('s', { limit: 10 });
    const stopped = subscribe(log);
    await stopped.next();
    log.append(numbers(0, 1_000));
    expect(log.read(log.start, 1_000)).toEqual(numbers(990, 10));
  });
});

describe('a reader that a ring has left behind', () => {
  it('is told in a GAP, gets what is still there, and goes live', async () => {
    const log = new AppendLog<number>('s', { limit: 10 });
    const slow = subscribe(log);
    await slow.next();
    log.append(numbers(0, 25));
    const frames = await slow.until('SYNCED');
    expect(kindsOf(frames)).toBe('GAP SNAPSHOT SYNCED');
    expect(frames[0]?.gap).toEqual({
      reason: 'SLOW_CONSUMER',
      detail: 's keeps entries from 15 on; the stream stood at 0.',
    });
    expect(entriesOf(frames)).toEqual(numbers(15, 10));
    log.append([25]);
    expect((await slow.next()).entries).toEqual([25]);
  });

  it('can leave at the GAP and come back with its cursor for the same', async () => {
    const log = new AppendLog<number>('s', { limit: 10 });
    const slow = subscribe(log);
    await slow.next();
    log.append(numbers(0, 25));
    const { kind, cursor } = await slow.next();
    expect(kind).toBe('GAP');
    const frames = await subscribe(log, { start: { kind: 'after', cursor } }).until('SYNCED');
    expect(kindsOf(frames)).toBe('CHANGES SYNCED');
    expect(entriesOf(frames)).toEqual(numbers(15, 10));
  });

  it('gets on even where the ring turns between any two pulls', async () => {
    const log = new AppendLog<number>('s', { limit: 10 });
    const slow = subscribe(log, { delivery: { maxBatch: 4 } });
    await slow.next();
    const seen: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      log.append(numbers(round * 11, 11));
      seen.push(...(await slow.next()).entries);
    }
    expect(seen.length).toBeGreaterThanOrEqual(36);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('is not told of a GAP while it keeps up, however often the ring turns', async () => {
    const log = new AppendLog<number>('s', { limit: 10 });
    const quick = subscribe(log, { delivery: { maxWaitMs: 0 } });
    await quick.next();
    for (let round = 0; round < 30; round += 1) {
      log.append(numbers(round * 7, 7));
      expect(await quick.next()).toMatchObject({ kind: 'CHANGES', entries: numbers(round * 7, 7) });
    }
  });
});

describe('many subscribers', () => {
  it('that come and go leave nothing behind', async () => {
    const clock = new HandClock();
    const log = new AppendLog<number>('s');
    const ends = new AbortController();
    const warnings: Error[] = [];
    const warned = (warning: Error) => void warnings.push(warning);
    process.on('warning', warned);
    for (let round = 0; round < 20; round += 1) {
      const subscribers = numbers(0, 50).map(() => subscribe(log, { clock, ends: ends.signal }));
      for (const subscriber of subscribers) await subscriber.next();
      await Promise.all(subscribers.map((subscriber) => subscriber.quiet()));
      expect([log.waiting, clock.timers]).toEqual([50, 50]);
      await Promise.all(subscribers.map((subscriber) => subscriber.source.return()));
      expect([log.waiting, clock.timers]).toEqual([0, 0]);
    }
    process.off('warning', warned);
    // Node warns of what looks like a leak of listeners.
    expect(warnings).toEqual([]);
  });
});
