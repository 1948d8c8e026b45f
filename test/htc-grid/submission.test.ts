/** Submitting: what is refused, what is repeated, and what happens when it fails half-way. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GridError } from '../../src/errors.js';
import type { Call } from '../../src/grids/htc-grid/calls.js';
import { MemoryDataPlane } from '../../src/grids/htc-grid/data-plane-memory.js';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import { collect, live, plain } from './support.js';

describe('a submission', () => {
  let grid: HtcGrid;
  const calls: Call[] = [];
  beforeAll(async () => {
    grid = await openEmbedded({
      name: 'g',
      limits: { maxPayloads: 50, maxPayloadBytes: 100, maxPriority: 2, maxQueued: 60 },
      // The look for expired claims would be counted among the calls.
      workers: { expiryCheckMs: 3_600_000 },
      onCall: (call) => calls.push(call),
    });
  });
  afterAll(async () => {
    await grid.stop();
  });

  it.each([
    ['no payload', plain([]), /at least one payload/],
    ['too many payloads', plain(Array(51).fill(1)), /at most 50 payloads; got 51/],
    ['a payload that is too large', plain([1, 'x'.repeat(99)]), /Payload 1 has 101 bytes/],
    ['a payload that is not JSON', plain([undefined]), /Payload 0 is not a JSON value/],
    ['a priority that the grid has not', plain([1], { priority: 3 }), /0 to 2; got 3/],
    ['a priority that is no integer', plain([1], { priority: 0.5 }), /got 0.5/],
    ['an empty key', plain([1], { idempotencyKey: '' }), /1 to 200 characters/],
  ])('with %s is refused before anything is written', async (_what, request, message) => {
    calls.length = 0;
    const failing = grid.submit(request, live());
    await expect(failing).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(failing).rejects.toThrow(message);
    expect(calls).toEqual([]);
  });

  it('that is only tried is checked in full and writes nothing', async () => {
    calls.length = 0;
    expect(await grid.submit(plain([1, 2], { dryRun: true }), live())).toEqual({
      session: null,
      taskIds: [],
      replayed: false,
      error: null,
    });
    await expect(grid.submit(plain([], { dryRun: true }), live())).rejects.toThrow();
    expect(calls).toEqual([]);
  });

  it('sent twice with one key runs once, also when both come at once', async () => {
    const request = plain([1, 2], { idempotencyKey: 'k1' });
    const [a, b] = await Promise.all([grid.submit(request, live()), grid.submit(request, live())]);
    const c = await grid.submit(request, live());
    expect([a, b, c].map(({ replayed }) => replayed)).toEqual([false, true, true]);
    expect(new Set([a, b, c].map(({ session }) => session?.nativeId)).size).toBe(1);
    expect(b.session?.submission).toMatchObject({ state: 'SUBMITTED', accepted: 2 });
    expect(c.taskIds).toEqual(a.taskIds);
  });

  it('with a used key and other input is refused; with the key of another owner it is its own', async () => {
    const first = await grid.submit(plain([1], { idempotencyKey: 'k2' }), live());
    await expect(grid.submit(plain([2], { idempotencyKey: 'k2' }), live())).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    await expect(
      grid.submit(plain([1], { idempotencyKey: 'k2', priority: 1 }), live()),
    ).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    const other = await grid.submit(plain([1], { idempotencyKey: 'k2', owner: 'bob' }), live());
    expect(other.replayed).toBe(false);
    expect(other.session?.nativeId).not.toBe(first.session?.nativeId);
  });

  it('is told to come later when the queue is full', async () => {
    const busy = await grid.submit(plain(Array(50).fill({ sleepMs: 60_000 })), live());
    await expect(grid.submit(plain(Array(50).fill(1)), live())).rejects.toMatchObject({
      code: 'TOO_MANY_REQUESTS',
      retryable: true,
    });
    const [cancelled] = await grid.cancel([busy.session?.nativeId ?? ''], false, live());
    expect(cancelled).toMatchObject({ status: 'DONE', totalCancelledTasks: 50 });
  });
});

describe('a submission that fails half-way', () => {
  /** A data plane that is full for some inputs. */
  class Failing extends MemoryDataPlane {
    override async put(entries: Iterable<readonly [string, string]>): Promise<void> {
      const all = [...entries];
      if (all.some(([, text]) => Buffer.from(text, 'base64').toString() === '"full"'))
        throw new GridError('LIMIT_EXCEEDED', 'The data plane is full.');
      await super.put(all);
    }
  }

  it('is FAILED in the registry with the reason, ends its log, and may be tried again', async () => {
    const grid = await openEmbedded({ name: 'g', data: new Failing() });
    try {
      const request = plain(['full'], { idempotencyKey: 'k' });
      await expect(grid.submit(request, live())).rejects.toMatchObject({
        code: 'LIMIT_EXCEEDED',
        message: expect.stringMatching(
          /^Session [0-9a-f-]+ was not submitted: .* full\.$/,
        ) as string,
      });
      const { rows } = await grid.sessions({ active: undefined }, live());
      expect(rows[0]?.submission).toMatchObject({
        state: 'FAILED',
        expected: 1,
        accepted: 0,
        error: { code: 'LIMIT_EXCEEDED' },
      });
      expect(await collect(await grid.follow(rows[0]?.nativeId ?? '', live()))).toEqual([]);
      const again = grid.submit({ ...request, payloads: ['fits'] }, live());
      expect((await again).replayed).toBe(false);
    } finally {
      await grid.stop();
    }
  });
});
