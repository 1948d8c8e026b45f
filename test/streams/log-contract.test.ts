/** One contract of completion logs: in memory, with entries in columns, and shared by replicas over a real Redis. */
import { getEventListeners } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AppendLog } from '../../src/streams/append-log.js';
import type { CompletionLog } from '../../src/streams/log.js';
import { describeReal } from '../real/index.js';
import { SharedWorld } from './shared-world.js';

interface Writable {
  readonly log: CompletionLog<number>;
  /** Resolves once it can be read. */
  readonly append: (...entries: readonly number[]) => Promise<void>;
  readonly finish: () => Promise<void>;
  readonly fail: () => Promise<void>;
}
type Open = (limit?: number) => Promise<Writable>;

const never = new AbortController().signal;
const soon = () => AbortSignal.timeout(60_000);

function contract(open: Open) {
  it('gives entries from a position, at most as many as asked for', async () => {
    const { log, append } = await open();
    expect([log.start, log.end, log.complete, log.lost]).toEqual([0, 0, false, undefined]);
    await append(1, 2);
    await append(3);
    expect([log.start, log.end]).toEqual([0, 3]);
    expect(log.read(0, 2)).toEqual([1, 2]);
    expect(log.read(2, 10)).toEqual([3]);
    expect(log.read(3, 10)).toEqual([]);
  });

  it('has an epoch of its own', async () => {
    expect((await open()).log.epoch).not.toBe((await open()).log.epoch);
  });

  it('with a limit keeps the newest entries and refuses expired positions', async () => {
    const { log, append } = await open(3);
    await append(0, 1);
    await append(2, 3, 4, 5, 6);
    expect([log.start, log.end]).toEqual([4, 7]);
    expect(log.read(4, 10)).toEqual([4, 5, 6]);
    expect(() => log.read(3, 1)).toThrow(/starts at 4; position 3 is expired/);
  });

  it('is complete once it is finished, and lost once its source is, whatever it has', async () => {
    const finished = await open();
    await finished.append(1);
    await finished.finish();
    expect([finished.log.complete, finished.log.lost]).toEqual([true, undefined]);
    const lost = await open();
    await lost.append(1);
    await lost.fail();
    expect([lost.log.complete, lost.log.lost?.message]).toEqual([false, 'gone']);
    expect(lost.log.read(0, 10)).toEqual([1]);
  });

  describe('waiting for a change', () => {
    it('ends at once where there is more to read, or nothing can follow', async () => {
      const { log, append, finish } = await open();
      await append(1);
      await log.changed(0, never);
      await finish();
      await log.changed(1, never);
    });

    it('wakes those whose position is passed, and all when nothing can follow', async () => {
      const { log, append, fail } = await open();
      const near = Array.from({ length: 100 }, () => log.changed(0, soon()));
      let isFar = true;
      const far = log.changed(1, soon()).then(() => (isFar = false));
      await append(1);
      await Promise.all(near);
      await new Promise(setImmediate);
      expect(isFar).toBe(true);
      await fail();
      await far;
    });

    it('rejects with the reason of the abort, and leaves nothing at a signal that outlives it', async () => {
      const { log, append } = await open();
      const stop = new AbortController();
      const aborted = log.changed(0, stop.signal);
      stop.abort(new Error('unsubscribed'));
      await expect(aborted).rejects.toThrow('unsubscribed');
      await expect(log.changed(0, stop.signal)).rejects.toThrow('unsubscribed');
      const { signal } = new AbortController();
      const waiting = log.changed(0, signal);
      await append(1);
      await waiting;
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    });
  });
}

describe('a log in memory', () => {
  contract(async (limit) => {
    const log = new AppendLog<number>('s', limit === undefined ? {} : { limit });
    return {
      log,
      append: async (...entries) => log.append(entries),
      finish: async () => log.finish(),
      fail: async () => log.fail(new Error('gone')),
    };
  });
});

describeReal('redis', 'a log that replicas share', (redis) => {
  let world: SharedWorld;
  beforeAll(async () => {
    world = await SharedWorld.start(redis);
  });
  afterEach(() => world.closeLogs());
  afterAll(() => world.stop());

  describe('in the replica that appends', () =>
    contract((limit) => world.writable(limit, 'LEADER')));
  describe('in another replica', () => contract((limit) => world.writable(limit, 'OTHER')));
});
