import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { AppendLog } from '../../src/streams/append-log.js';

const never = new AbortController().signal;

/** Whether the promise has settled once everything that is due has run. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(
    () => (done = true),
    () => (done = true),
  );
  await new Promise(setImmediate);
  return done;
}

describe('a log', () => {
  it('gives entries from a position, at most as many as asked for', () => {
    const log = new AppendLog<string>('s');
    log.append(['a', 'b']);
    log.append(['c']);
    expect([log.start, log.end]).toEqual([0, 3]);
    expect(log.read(0, 2)).toEqual(['a', 'b']);
    expect(log.read(2, 10)).toEqual(['c']);
    expect(log.read(3, 10)).toEqual([]);
  });

  it('has an epoch of its own unless one is given', () => {
    expect(new AppendLog('s').epoch).not.toBe(new AppendLog('s').epoch);
    expect(new AppendLog('s', { epoch: 'kept' }).epoch).toBe('kept');
  });

  it('with a limit keeps the newest entries and refuses expired positions', () => {
    const log = new AppendLog<number>('s', { limit: 3 });
    log.append([0, 1, 2, 3, 4, 5, 6]);
    expect([log.start, log.end]).toEqual([4, 7]);
    expect(log.read(4, 10)).toEqual([4, 5, 6]);
    expect(() => log.read(3, 1)).toThrow(/starts at 4; position 3 is expired/);
  });

  it('refuses a limit that is none', () => {
    for (const limit of [0, -1, 1.5, Number.NaN]) {
      expect(() => new AppendLog('s', { limit })).toThrow(RangeError);
    }
  });

  it('takes nothing after it is finished or lost, and stays what it became first', () => {
    const finished = new AppendLog<number>('s');
    finished.finish();
    finished.fail(new Error('late'));
    expect([finished.complete, finished.lost]).toEqual([true, undefined]);
    expect(() => finished.append([1])).toThrow(/is over/);

    const lost = new AppendLog<number>('s');
    lost.fail(new Error('gone'));
    lost.finish();
    expect([lost.complete, lost.lost?.message]).toEqual([false, 'gone']);
    expect(() => lost.append([1])).toThrow(/is over/);
  });
});

describe('waiting for a change', () => {
  it('ends at once where there is more to read, or nothing can follow', async () => {
    const log = new AppendLog<number>('s');
    log.append([1]);
    await log.changed(0, never);
    log.finish();
    await log.changed(1, never);
  });

  it('wakes every waiter once, and only those whose position is passed', async () => {
    const log = new AppendLog<number>('s');
    const near = Array.from({ length: 100 }, () => log.changed(0, new AbortController().signal));
    const far = log.changed(1, never);
    expect(log.waiting).toBe(101);
    log.append([1]);
    await Promise.all(near);
    expect(await settled(far)).toBe(false);
    expect(log.waiting).toBe(1);
    log.fail(new Error('gone'));
    await far;
    expect(log.waiting).toBe(0);
  });

  it('leaves nothing at a signal that outlives the wait', async () => {
    const log = new AppendLog<number>('s');
    const { signal } = new AbortController();
    const waiting = log.changed(0, signal);
    log.append([1]);
    await waiting;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('rejects with the reason of the abort and leaves no waiter behind', async () => {
    const log = new AppendLog<number>('s');
    const stop = new AbortController();
    const waiting = log.changed(0, stop.signal);
    stop.abort(new Error('unsubscribed'));
    await expect(waiting).rejects.toThrow('unsubscribed');
    expect(log.waiting).toBe(0);
    await expect(log.changed(0, stop.signal)).rejects.toThrow('unsubscribed');
  });
});
