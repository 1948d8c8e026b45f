import { describe, expect, test } from 'vitest';
import { Places } from '../../src/grids/condor/places.js';

const anyone = () => new AbortController().signal;

/** One place, taken; who asks for it in which order it is given to. */
async function queued(asked: readonly string[]) {
  const places = new Places({ concurrency: 1, queueLimit: 10, waitMs: 60_000 });
  const turns = new Map(asked.map((name) => [name, new AbortController()]));
  const signalOf = (name: string) => turns.get(name)?.signal ?? anyone();
  const order: string[] = [];
  const release = await places.take(anyone());
  const all = asked.map(async (name) => {
    const done = await places.take(signalOf(name)).catch(() => undefined);
    if (done === undefined) return;
    order.push(name);
    done();
  });
  return {
    order,
    release,
    all: Promise.all(all),
    leave: (name: string) => turns.get(name)?.abort(),
  };
}

describe('places for commands', () => {
  test('are given to requests in turns: many commands of one do not hold back another', async () => {
    const { order, release, all } = await queued(['a', 'a', 'a', 'a', 'b', 'c', 'b']);
    release();
    await all;
    expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'a', 'a']);
  });

  test('a request that has gone takes no turn', async () => {
    const { order, release, all, leave } = await queued(['a', 'b', 'a', 'c']);
    leave('a');
    release();
    await all;
    expect(order).toEqual(['b', 'c']);
  });

  test('may be in a turn other than that of the signal', async () => {
    const places = new Places({ concurrency: 1, queueLimit: 10, waitMs: 60_000 });
    const order: string[] = [];
    const release = await places.take(anyone());
    const [one, two] = [{}, {}];
    const all = [one, one, two].map(async (turn) => {
      const done = await places.take(anyone(), turn);
      order.push(turn === one ? 'one' : 'two');
      done();
    });
    release();
    await Promise.all(all);
    expect(order).toEqual(['one', 'two', 'one']);
  });

  test('more than may wait are refused, and there is room again when one has gone', async () => {
    const places = new Places({ concurrency: 1, queueLimit: 1, waitMs: 60_000 });
    const release = await places.take(anyone());
    const first = new AbortController();
    const waiting = places.take(first.signal);
    await expect(places.take(anyone())).rejects.toMatchObject({ code: 'THROTTLED' });
    first.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    const next = places.take(anyone());
    release();
    (await next)();
  });
});
