import { describe, expect, it } from 'vitest';
import { AppendLog, type EndReason } from '../../src/streams/index.js';
import { HandClock } from './hand-clock.js';
import { entriesOf, kindsOf, numbers, subscribe } from './subscriber.js';

const logOf = (entries: readonly number[], name = 's') => {
  const log = new AppendLog<number>(name);
  log.append(entries);
  return log;
};

describe('a stream that starts now', () => {
  it('says SYNCED at once, then gives only what is new', async () => {
    const log = logOf([1, 2]);
    const subscriber = subscribe(log);
    expect(await subscriber.next()).toMatchObject({ kind: 'SYNCED', entries: [], lagMs: null });
    await subscriber.quiet();
    log.append([3]);
    expect(await subscriber.next()).toMatchObject({ kind: 'CHANGES', entries: [3] });
  });

  it('counts from the subscription, not from the first pull', async () => {
    const log = logOf([1]);
    const subscriber = subscribe(log);
    log.append([2]);
    expect(await subscriber.next()).toMatchObject({ kind: 'SYNCED' });
    expect(await subscriber.next()).toMatchObject({ kind: 'CHANGES', entries: [2] });
  });
});

describe('a stream that starts with a snapshot', () => {
  it('gives everything in batches, then SYNCED, then goes live', async () => {
    const log = logOf(numbers(0, 25));
    const subscriber = subscribe(log, { start: { kind: 'snapshot' }, delivery: { maxBatch: 10 } });
    const frames = await subscriber.until('SYNCED');
    expect(frames.map((frame) => frame.entries.length)).toEqual([10, 10, 5, 0]);
    expect(kindsOf(frames)).toBe('SNAPSHOT SNAPSHOT SNAPSHOT SYNCED');
    expect(entriesOf(frames)).toEqual(numbers(0, 25));
    log.append([25]);
    expect(await subscriber.next()).toMatchObject({ kind: 'CHANGES', entries: [25] });
  });

  it('of an empty log is SYNCED at once', async () => {
    const subscriber = subscribe(new AppendLog<number>('s'), { start: { kind: 'snapshot' } });
    expect(await subscriber.next()).toMatchObject({ kind: 'SYNCED' });
  });

  it('is not held back by the interval of live frames', async () => {
    const subscriber = subscribe(logOf(numbers(0, 30)), {
      start: { kind: 'snapshot' },
      delivery: { maxBatch: 10, minIntervalMs: 5_000 },
    });
    expect(entriesOf(await subscriber.until('SYNCED'))).toEqual(numbers(0, 30));
  });
});

describe('batching', () => {
  it('sends the first item after quiet at once', async () => {
    const clock = new HandClock();
    const log = logOf([]);
    const subscriber = subscribe(log, { clock, delivery: { maxWaitMs: 10_000 } });
    await subscriber.next();
    await subscriber.quiet();
    log.append([1]);
    expect((await subscriber.next()).entries).toEqual([1]);
  });

  it('gathers what comes behind a frame just sent for at most maxWaitMs', async () => {
    const clock = new HandClock();
    const log = logOf([]);
    const subscriber = subscribe(log, { clock, delivery: { maxWaitMs: 50 } });
    await subscriber.next();
    log.append([1]);
    await subscriber.next();
    log.append([2]);
    await subscriber.quiet();
    await clock.advance(49);
    log.append([3]);
    await subscriber.quiet();
    await clock.advance(1);
    expect((await subscriber.next()).entries).toEqual([2, 3]);
    await clock.advance(50);
    log.append([4]);
    expect((await subscriber.next()).entries).toEqual([4]);
  });

  it('does not wait for company once the batch is full, whatever log it comes from', async () => {
    const [a, b] = [logOf([], 'a'), logOf([], 'b')];
    const subscriber = subscribe([a, b], { delivery: { maxBatch: 3, maxWaitMs: 10_000 } });
    await subscriber.next();
    a.append([0]);
    await subscriber.next();
    a.append([1]);
    await subscriber.quiet();
    b.append([2, 3]);
    expect([...(await subscriber.next()).entries].sort()).toEqual([1, 2, 3]);
  });

  it('does not wait for company that cannot come', async () => {
    const log = logOf([]);
    const subscriber = subscribe(log, { delivery: { maxWaitMs: 10_000 } });
    await subscriber.next();
    log.append([1]);
    await subscriber.next();
    log.append([2]);
    await subscriber.quiet();
    log.finish();
    expect((await subscriber.next()).entries).toEqual([2]);
    expect(await subscriber.next()).toMatchObject({ kind: 'END', end: { reason: 'COMPLETE' } });
  });

  it('with minIntervalMs coalesces and drops nothing', async () => {
    const clock = new HandClock();
    const log = logOf([]);
    const subscriber = subscribe(log, { clock, delivery: { minIntervalMs: 1_000, maxBatch: 4 } });
    await subscriber.next();
    log.append([0]);
    await subscriber.next();
    for (const n of numbers(1, 6)) log.append([n]);
    await subscriber.quiet();
    await clock.advance(999);
    await subscriber.quiet();
    await clock.advance(1);
    expect((await subscriber.next()).entries).toEqual([1, 2, 3, 4]);
    await subscriber.quiet();
    await clock.advance(1_000);
    expect((await subscriber.next()).entries).toEqual([5, 6]);
  });

  it('gives each of several logs its turn', async () => {
    const busy = logOf([], 'busy');
    const rare = logOf([], 'rare');
    const subscriber = subscribe([busy, rare], { delivery: { maxBatch: 10 } });
    await subscriber.next();
    busy.append(numbers(0, 1_000));
    rare.append([-1]);
    const frames = [await subscriber.next(), await subscriber.next()];
    expect(entriesOf(frames)).toContain(-1);
  });
});

describe('a subscriber that sees only some entries', () => {
  const even = async (entries: readonly number[]) => entries.filter((n) => n % 2 === 0);

  it('gets no frame for a batch of others, and a cursor that stands for them', async () => {
    const log = logOf([]);
    const subscriber = subscribe(log, { keep: even });
    await subscriber.next();
    log.append([1, 3]);
    await subscriber.quiet();
    log.append([4, 5]);
    const { entries, cursor } = await subscriber.next();
    expect(entries).toEqual([4]);
    await subscriber.quiet();
    log.append([6]);
    const again = subscribe(log, { keep: even, start: { kind: 'after', cursor } });
    expect(entriesOf(await again.until('SYNCED'))).toEqual([6]);
  });

  it('gets heartbeats all the same, in a long snapshot too', async () => {
    const clock = new HandClock();
    const log = logOf(numbers(0, 10).map((n) => 2 * n + 1));
    const subscriber = subscribe(log, {
      clock,
      start: { kind: 'snapshot' },
      delivery: { maxBatch: 1, heartbeatMs: 3_000 },
      keep: async (entries) => {
        await clock.advance(1_000);
        return even(entries);
      },
    });
    const kinds = [];
    while (kinds.at(-1) !== 'SYNCED') {
      const frame = await subscriber.poll();
      if (frame) kinds.push(frame.kind);
    }
    expect(kinds.join(' ')).toBe('HEARTBEAT HEARTBEAT HEARTBEAT SYNCED');
  });

  it('gets the error of the choice, and its last cursor still stands before what was not sent', async () => {
    const log = logOf([]);
    const subscriber = subscribe(log, { keep: () => Promise.reject(new Error('throttled')) });
    const { cursor } = await subscriber.next();
    log.append([1]);
    await expect(subscriber.next()).rejects.toThrow('throttled');
    const again = subscribe(log, { start: { kind: 'after', cursor } });
    expect(entriesOf(await again.until('SYNCED'))).toEqual([1]);
  });
});

describe('what a frame tells', () => {
  it('when it was emitted, and how old its oldest item is', async () => {
    const clock = new HandClock(1_000_000);
    const log = logOf([]);
    const subscriber = subscribe(log, { clock, seenAt: (entry) => entry });
    await subscriber.next();
    await clock.advance(500);
    log.append([1_000_200, 1_000_100, 1_000_400]);
    expect(await subscriber.next()).toMatchObject({ emittedAt: 1_000_500, lagMs: 400 });
  });

  it('a HEARTBEAT with the cursor after each heartbeatMs without a frame', async () => {
    const clock = new HandClock();
    const log = logOf([]);
    const subscriber = subscribe(log, { clock, delivery: { heartbeatMs: 2_000 } });
    const synced = await subscriber.next();
    await subscriber.quiet();
    await clock.advance(1_999);
    await subscriber.quiet();
    await clock.advance(1);
    const heartbeat = await subscriber.next();
    expect(heartbeat).toMatchObject({ kind: 'HEARTBEAT', entries: [], cursor: synced.cursor });
    await clock.advance(1_000);
    log.append([1]);
    await subscriber.next();
    await clock.advance(1_999);
    await subscriber.quiet();
    await clock.advance(1);
    expect((await subscriber.next()).kind).toBe('HEARTBEAT');
  });

  it('no heartbeat where it is switched off, and no timer either', async () => {
    const clock = new HandClock();
    const subscriber = subscribe(logOf([]), { clock, delivery: { heartbeatMs: 0 } });
    await subscriber.next();
    await subscriber.quiet();
    expect(clock.timers).toBe(0);
    await clock.advance(10_000_000);
    await subscriber.quiet();
  });
});

describe('the end', () => {
  it('is COMPLETE once every log is complete and read to its end', async () => {
    const [a, b] = [logOf([1], 'a'), logOf([2], 'b')];
    const subscriber = subscribe([a, b], { start: { kind: 'snapshot' } });
    await subscriber.until('SYNCED');
    a.append([3]);
    a.finish();
    expect((await subscriber.next()).entries).toEqual([3]);
    await subscriber.quiet();
    b.finish();
    expect(await subscriber.next()).toMatchObject({ kind: 'END', end: { reason: 'COMPLETE' } });
    await subscriber.over();
  });

  it('comes after SYNCED for a log that was complete before', async () => {
    const log = logOf([1]);
    log.finish();
    const subscriber = subscribe(log);
    expect(kindsOf(await subscriber.until('END'))).toBe('SYNCED END');
  });

  it.each<EndReason>(['SHUTDOWN', 'AUTH_EXPIRED'])(
    'is %s when the server says so, with a cursor to come back with',
    async (reason) => {
      const ends = new AbortController();
      const log = logOf([1]);
      const subscriber = subscribe(log, { ends: ends.signal, start: { kind: 'snapshot' } });
      await subscriber.until('SYNCED');
      await subscriber.quiet();
      log.append([2]);
      ends.abort(reason);
      const end = await subscriber.next();
      expect(end).toMatchObject({ kind: 'END', entries: [], end: { reason } });
      await subscriber.over();
      const again = subscribe(log, { start: { kind: 'after', cursor: end.cursor } });
      expect(entriesOf(await again.until('SYNCED'))).toEqual([2]);
    },
  );

  it('is SHUTDOWN for any other reason of the signal', async () => {
    const subscriber = subscribe(logOf([]), { ends: AbortSignal.abort(new Error('stop')) });
    expect(await subscriber.next()).toMatchObject({ kind: 'END', end: { reason: 'SHUTDOWN' } });
  });

  it('is AUTH_EXPIRED at the instant the token expires, also in the middle of a wait', async () => {
    const clock = new HandClock();
    const log = logOf([]);
    const subscriber = subscribe(log, { clock, expiresAt: clock.now() + 700 });
    await subscriber.next();
    await subscriber.quiet();
    await clock.advance(699);
    await subscriber.quiet();
    await clock.advance(1);
    expect(await subscriber.next()).toMatchObject({ end: { reason: 'AUTH_EXPIRED' } });
  });
});
