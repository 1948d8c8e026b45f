import { describe, expect, it, vi } from 'vitest';
import { AppendLog, type EndReason, type Snapshot, until } from '../../src/streams/index.js';
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

  it('a HEARTBEAT from before the entries while what is kept of them takes long', async () => {
    const clock = new HandClock();
    const log = logOf([]);
    let done: (kept: readonly number[]) => void = () => undefined;
    const subscriber = subscribe(log, {
      clock,
      delivery: { heartbeatMs: 2_000 },
      keep: () => new Promise((resolve) => (done = resolve)),
    });
    const synced = await subscriber.next();
    log.append([1]);
    await subscriber.quiet();
    await clock.advance(2_000);
    expect(await subscriber.next()).toMatchObject({ kind: 'HEARTBEAT', cursor: synced.cursor });
    await subscriber.quiet();
    done([1]);
    expect(await subscriber.next()).toMatchObject({ kind: 'CHANGES', entries: [1] });
    expect(clock.timers).toBeLessThanOrEqual(1);
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

describe('a snapshot from elsewhere', () => {
  const snapshotOf = (...batches: readonly (readonly number[])[]) =>
    async function* () {
      yield* batches;
    };

  it('comes in batches of the delivery, then the stream is live from where the log stood', async () => {
    const log = logOf([100]);
    const subscriber = subscribe(log, {
      start: { kind: 'snapshot' },
      delivery: { maxBatch: 2 },
      snapshot: snapshotOf([1, 2, 3], [], [4]),
    });
    log.append([5]);
    const frames = await subscriber.until('SYNCED');
    expect(frames.map(({ kind, entries }) => [kind, entries])).toEqual([
      ['SNAPSHOT', [1, 2]],
      ['SNAPSHOT', [3]],
      ['SNAPSHOT', [4]],
      ['SYNCED', []],
    ]);
    expect(await subscriber.next()).toMatchObject({ kind: 'CHANGES', entries: [5] });
  });

  it('that is cut says so once, in the SYNCED frame behind it; a whole one says nothing', async () => {
    const cut: Snapshot<number>[] = [];
    const snapshot = async function* (): Snapshot<number> {
      yield [cut.length];
      return cut.length === 1 ? 'The rest is left out.' : undefined;
    };
    const counted = () => {
      const one = snapshot();
      cut.push(one);
      return one;
    };
    const ring = new AppendLog<number>('s', { limit: 1 });
    const subscriber = subscribe(ring, { start: { kind: 'snapshot' }, snapshot: counted });
    const first = await subscriber.until('SYNCED');
    expect(first.map(({ partial }) => partial)).toEqual([null, 'The rest is left out.']);
    ring.append([1, 2, 3]);
    const again = await subscriber.until('SYNCED');
    expect(kindsOf(again)).toBe('GAP SNAPSHOT SYNCED');
    expect(again.map(({ partial }) => partial)).toEqual([null, null, null]);
  });

  it('can not be continued from within: that is a gap, and all of it again', async () => {
    const log = logOf([]);
    const setting = { delivery: { maxBatch: 1 }, snapshot: snapshotOf([1, 2]) };
    const first = await subscribe(log, { ...setting, start: { kind: 'snapshot' } }).next();
    const start = { kind: 'after', cursor: first.cursor } as const;
    const frames = await subscribe(log, { ...setting, start }).until('SYNCED');
    expect(kindsOf(frames)).toBe('GAP SNAPSHOT SNAPSHOT SYNCED');
    expect(frames[0]).toMatchObject({ gap: { reason: 'CURSOR_EXPIRED' } });
    // Behind it the log's own positions hold again.
    const behind = { kind: 'after', cursor: frames.at(-1)?.cursor ?? '' } as const;
    log.append([3]);
    const rest = await subscribe(log, { ...setting, start: behind }).until('SYNCED');
    expect(entriesOf(rest)).toEqual([3]);
  });

  it('fills the gap of a reader that was too slow', async () => {
    const log = new AppendLog<number>('s', { limit: 2 });
    const subscriber = subscribe(log, { snapshot: snapshotOf([1, 2, 3]) });
    await subscriber.until('SYNCED');
    log.append([1, 2, 3]);
    const frames = await subscriber.until('SYNCED');
    expect(kindsOf(frames)).toBe('GAP SNAPSHOT SYNCED');
    expect(entriesOf(frames)).toEqual([1, 2, 3]);
  });

  it('keeps the stream alive while it takes long, and ends with it', async () => {
    const clock = new HandClock();
    const ends = new AbortController();
    const subscriber = subscribe(logOf([]), {
      clock,
      ends: ends.signal,
      start: { kind: 'snapshot' },
      delivery: { heartbeatMs: 1_000 },
      // eslint-disable-next-line require-yield -- it never has anything to give
      snapshot: async function* (_log, signal) {
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('left')), { once: true });
        });
      },
    });
    await subscriber.quiet();
    await clock.advance(1_000);
    expect(await subscriber.next()).toMatchObject({ kind: 'HEARTBEAT' });
    ends.abort('SHUTDOWN');
    expect(await subscriber.next()).toMatchObject({ kind: 'END', end: { reason: 'SHUTDOWN' } });
    await subscriber.over();
  });

  it('is returned when nobody reads it to its end', async () => {
    let returned = false;
    const subscriber = subscribe(logOf([]), {
      start: { kind: 'snapshot' },
      snapshot: async function* () {
        try {
          yield [1];
          yield [2];
        } finally {
          returned = true;
        }
      },
    });
    expect(await subscriber.next()).toMatchObject({ kind: 'SNAPSHOT', entries: [1] });
    await subscriber.source.return();
    await vi.waitFor(() => expect(returned).toBe(true));
  });

  it('fails the stream when it fails', async () => {
    const subscriber = subscribe(logOf([]), {
      start: { kind: 'snapshot' },
      // eslint-disable-next-line require-yield -- its one step is to fail
      snapshot: async function* () {
        throw new Error('The history is not there.');
      },
    });
    await expect(subscriber.next()).rejects.toThrow('The history is not there.');
  });
});

describe('a log that is over for its reader alone', () => {
  it('ends with what it held when it was over; the log goes on', async () => {
    const log = logOf([1]);
    let over: () => void = () => undefined;
    const view = until(
      log,
      new Promise<void>((resolve) => {
        over = resolve;
      }),
    );
    const subscriber = subscribe(view, { start: { kind: 'snapshot' } });
    expect(entriesOf(await subscriber.until('SYNCED'))).toEqual([1]);
    log.append([2]);
    expect(await subscriber.next()).toMatchObject({ entries: [2] });
    await subscriber.quiet();
    over();
    expect(await subscriber.next()).toMatchObject({ kind: 'END', end: { reason: 'COMPLETE' } });
    log.append([3]);
    expect(log.complete).toBe(false);
    expect(view.read(0, 10)).toEqual([1, 2]);
  });

  it('stays as it is where it is never known', async () => {
    const log = logOf([]);
    const view = until(log, Promise.reject(new Error('not known')));
    const subscriber = subscribe(view);
    await subscriber.until('SYNCED');
    log.append([1]);
    expect(await subscriber.next()).toMatchObject({ kind: 'CHANGES', entries: [1] });
  });
});
