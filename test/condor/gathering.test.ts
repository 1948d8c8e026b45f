import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Gathering } from '../../src/grids/condor/gathering.js';

beforeEach(() => {
  vi.useFakeTimers({
    toFake: [
      'setTimeout',
      'clearTimeout',
      'setImmediate',
      'clearImmediate',
      'queueMicrotask',
      'performance',
    ],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

const after = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** Batches as they are asked, each answered by hand. */
function gathering() {
  const asked: string[] = [];
  const ends: (() => void)[] = [];
  const answered = (count: number) => Array.from({ length: count }, () => all.answered());
  const all = new Gathering<string>(3, (batch) => {
    asked.push(batch.join(''));
    return new Promise((resolve) => ends.push(resolve));
  });
  const add = (items: string) => [...items].forEach((item) => all.add(item));
  /** The last ones of a batch are answered with its end. */
  const end = async (batch: number, last = asked[batch]?.length ?? 0) => {
    answered(last);
    ends[batch]?.();
    await after(0);
  };
  return { all, add, asked, answered, end };
}

describe('items that come one by one', () => {
  test('are one batch when they come within a few milliseconds', async () => {
    const { add, asked } = gathering();
    add('a');
    await after(2);
    add('b');
    await after(2);
    expect(asked).toEqual([]);
    await after(5);
    expect(asked).toEqual(['ab']);
  });

  test('do not wait for ever for others that keep coming', async () => {
    const { add, asked } = gathering();
    for (let i = 0; i < 20; i += 1) {
      add('x');
      await after(1);
    }
    expect(asked.length).toBeGreaterThan(0);
    expect(asked[0]?.length).toBeLessThan(20);
  });

  test('wait for the end of the batch under way, and for who has been answered by it', async () => {
    const { add, asked, end } = gathering();
    add('ab');
    await after(10);
    add('cd');
    await after(50);
    expect(asked).toEqual(['ab']);
    await end(0);
    await after(4);
    add('ab');
    await after(1);
    expect(asked).toEqual(['ab', 'cdab']);
  });

  test('go with the end of the batch under way when all that it answered before have asked on', async () => {
    const { add, asked, answered, end } = gathering();
    add('abcd');
    await after(10);
    answered(3);
    add('abc');
    await after(50);
    expect(asked).toEqual(['abcd']);
    await end(0, 1);
    await after(2);
    expect(asked).toEqual(['abcd']);
    add('d');
    await after(0);
    expect(asked).toEqual(['abcd', 'abcd']);
  });

  test('do not wait for who asked on when he has gone instead', async () => {
    const { add, asked, answered, end } = gathering();
    add('abc');
    await after(10);
    answered(2);
    add('ab');
    await end(0, 1);
    await after(8);
    expect(asked).toEqual(['abc', 'ab']);
    answered(2);
    add('ab');
    await end(1, 0);
    expect(asked).toEqual(['abc', 'ab', 'ab']);
  });

  test('do not wait long for who does not come again', async () => {
    const { add, asked, end } = gathering();
    add('ab');
    await after(10);
    add('c');
    await end(0);
    await after(24);
    expect(asked).toEqual(['ab', 'c']);
  });

  test('go beside the batch under way when they are many more, or have waited long', async () => {
    const { add, asked } = gathering();
    add('ab');
    await after(10);
    add('cdefghij');
    await after(10);
    expect(asked).toEqual(['ab', 'cdefghij']);

    const slow = gathering();
    slow.add('ab');
    await after(10);
    slow.add('c');
    await after(99);
    expect(slow.asked).toEqual(['ab']);
    await after(5);
    expect(slow.asked).toEqual(['ab', 'c']);
  });

  test('are never more than two batches at a time', async () => {
    const { add, asked, end } = gathering();
    for (const item of 'abc') {
      add(item);
      await after(1_000);
    }
    expect(asked).toEqual(['a', 'b']);
    await end(0);
    await after(1_000);
    expect(asked).toEqual(['a', 'b', 'c']);
  });

  test('are not asked once they are taken away', async () => {
    const { all, add, asked } = gathering();
    add('abc');
    expect(all.remove('b')).toBe(true);
    expect(all.remove('z')).toBe(false);
    await after(20);
    expect(asked).toEqual(['ac']);
    add('d');
    expect(all.takeAll()).toEqual(['d']);
    await after(1_000);
    expect(asked).toEqual(['ac']);
  });
});
