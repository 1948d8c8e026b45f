import { describe, expect, it } from 'vitest';
import {
  AppendLog,
  latest,
  resolveDelivery,
  type DeliveryInput,
  type StreamOptions,
} from '../../src/streams/index.js';
import { HandClock, settle } from './hand-clock.js';
import { Subscriber } from './subscriber.js';

type Setting = Omit<StreamOptions, 'delivery'> & { readonly delivery?: DeliveryInput };

/** A value that counts the entries of a log. */
function counting({ delivery, ...options }: Setting = {}) {
  const log = new AppendLog<number>('s');
  const clock = new HandClock();
  let reads = 0;
  const read = () => {
    reads += 1;
    return `${log.end}${log.complete ? ' of all' : ''}`;
  };
  const frames = latest(log, read, {
    clock,
    ...options,
    delivery: resolveDelivery({ maxWaitMs: 0, ...delivery }),
  });
  return { log, clock, subscriber: new Subscriber(frames), reads: () => reads };
}

describe('the latest value', () => {
  it('comes at once, then after each change', async () => {
    const { log, subscriber } = counting();
    expect(await subscriber.next()).toMatchObject({ kind: 'SNAPSHOT', value: '0' });
    await subscriber.quiet();
    log.append([1]);
    expect(await subscriber.next()).toMatchObject({ kind: 'CHANGES', value: '1' });
  });

  it('skips what lies between for a reader that is slow, and reads nothing meanwhile', async () => {
    const { log, subscriber, reads } = counting();
    await subscriber.next();
    for (let i = 0; i < 1_000; i += 1) log.append([i]);
    expect(reads()).toBe(1);
    expect((await subscriber.next()).value).toBe('1000');
    await subscriber.quiet();
    expect(reads()).toBe(2);
  });

  it('is coalesced by minIntervalMs and maxWaitMs, and never lost by them', async () => {
    const { log, clock, subscriber } = counting({ delivery: { minIntervalMs: 1_000 } });
    await subscriber.next();
    log.append([1]);
    await subscriber.quiet();
    log.append([2]);
    await clock.advance(999);
    await subscriber.quiet();
    await clock.advance(1);
    expect((await subscriber.next()).value).toBe('2');
  });

  it('is sent to the last, then END with the final value', async () => {
    const { log, subscriber } = counting({ delivery: { maxWaitMs: 10_000 } });
    await subscriber.next();
    log.append([1]);
    await subscriber.quiet();
    log.finish();
    expect(await subscriber.next()).toMatchObject({ kind: 'CHANGES', value: '1 of all' });
    expect(await subscriber.next()).toMatchObject({
      kind: 'END',
      end: { reason: 'COMPLETE' },
      value: '1 of all',
    });
    await subscriber.over();
  });

  it('in END is the final one also where the completion came without an entry', async () => {
    const { log, subscriber } = counting();
    await subscriber.next();
    await subscriber.quiet();
    log.finish();
    expect(await subscriber.next()).toMatchObject({ kind: 'END', value: '0 of all' });
  });

  it('that changes while it is read is read again', async () => {
    const log = new AppendLog<number>('s');
    const answers: ((value: number) => void)[] = [];
    const frames = latest(log, () => new Promise<number>((resolve) => answers.push(resolve)), {
      clock: new HandClock(),
      delivery: resolveDelivery({ maxWaitMs: 0 }),
    });
    const subscriber = new Subscriber(frames);
    await subscriber.quiet();
    log.append([1]);
    answers[0]?.(0);
    expect((await subscriber.next()).value).toBe(0);
    await subscriber.quiet();
    answers[1]?.(1);
    expect((await subscriber.next()).value).toBe(1);
    await subscriber.quiet();
    expect(answers).toHaveLength(2);
  });

  it('is repeated in a HEARTBEAT without being read again', async () => {
    const { clock, subscriber, reads } = counting();
    await subscriber.next();
    await subscriber.quiet();
    await clock.advance(15_000);
    expect(await subscriber.next()).toMatchObject({ kind: 'HEARTBEAT', value: '0' });
    expect(reads()).toBe(1);
  });

  it('is repeated, not read, where the stream ends because the token does', async () => {
    const clock = new HandClock();
    const { log, subscriber, reads } = counting({ clock, expiresAt: clock.now() + 500 });
    await subscriber.next();
    await clock.advance(500);
    log.append([1]);
    expect(await subscriber.next()).toMatchObject({
      kind: 'END',
      end: { reason: 'AUTH_EXPIRED' },
      value: '0',
    });
    expect(reads()).toBe(1);
  });

  it('ends in a GAP where the source is lost, after the last change', async () => {
    const { log, subscriber } = counting();
    await subscriber.next();
    log.append([1]);
    log.fail(new Error('gone'));
    expect((await subscriber.next()).value).toBe('1');
    expect(await subscriber.next()).toMatchObject({ kind: 'GAP', gap: { reason: 'SOURCE_LOST' } });
    await subscriber.over();
  });

  it('that cannot be read fails the stream', async () => {
    const frames = latest(new AppendLog<number>('s'), () => Promise.reject(new Error('throttled')));
    await expect(frames.next()).rejects.toThrow('throttled');
    expect(await frames.next()).toEqual({ done: true, value: undefined });
  });
});

describe('a subscriber that leaves', () => {
  it('releases waiter and timer at once', async () => {
    const { log, clock, subscriber } = counting();
    await subscriber.next();
    await subscriber.quiet();
    expect([log.waiting, clock.timers]).toEqual([1, 1]);
    await subscriber.source.return();
    expect([log.waiting, clock.timers]).toEqual([0, 0]);
  });

  it('ends a read under way without an error', async () => {
    const frames = latest(
      new AppendLog<number>('s'),
      (signal) =>
        new Promise<never>((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        ),
    );
    const pull = frames.next();
    await settle();
    await frames.return();
    expect(await pull).toEqual({ done: true, value: undefined });
  });
});
