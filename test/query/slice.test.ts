/** Filtering many rows holds nobody up. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { filtered } from '../../src/query/slice.js';

const { signal } = new AbortController();
/** Takes longer than a slice. */
const slow = () => {
  const until = performance.now() + 15;
  while (performance.now() < until);
};

it('others have their turn between rows that are slow, and the rows stay in their order', async () => {
  let turns = 0;
  let isDone = false;
  const other = (async () => {
    while (!isDone) {
      await turn();
      turns += 1;
    }
  })();
  const seenAt: number[] = [];
  const isOdd = (n: number): boolean => {
    slow();
    seenAt.push(turns);
    return n % 2 === 1;
  };
  expect(await filtered([1, 2, 3, 4, 5], isOdd, signal)).toEqual([1, 3, 5]);
  isDone = true;
  await other;
  expect(new Set(seenAt).size).toBe(5);
});

it('who has left stops it', async () => {
  const left = new AbortController();
  let seen = 0;
  const filtering = filtered(
    [1, 2, 3],
    () => {
      slow();
      seen += 1;
      left.abort(new Error('They have left.'));
      return true;
    },
    left.signal,
  );
  await expect(filtering).rejects.toThrow('They have left.');
  expect(seen).toBe(1);
});
