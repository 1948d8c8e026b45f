import { describe, expect, it } from 'vitest';
import { RecentRows, type RowKey } from '../../src/streams/index.js';

const key = (id: string, revision = '1'): RowKey => ({ id, revision });
const nameOf = ({ id, revision }: RowKey) => `${id}@${revision}`;

function cache(limit?: number) {
  const calls: string[][] = [];
  const rows = new RecentRows<string>({
    ...(limit === undefined ? {} : { limit }),
    fetch: async (keys) => {
      calls.push(keys.map(nameOf));
      await Promise.resolve();
      return keys.map(nameOf);
    },
  });
  return { rows, calls };
}

describe('recent rows', () => {
  it('come in the order of the keys, each fetched once', async () => {
    const { rows, calls } = cache();
    expect(await rows.load([key('a'), key('b'), key('a')])).toEqual(['a@1', 'b@1', 'a@1']);
    expect(await rows.load([key('b'), key('c')])).toEqual(['b@1', 'c@1']);
    expect(calls).toEqual([['a@1', 'b@1'], ['c@1']]);
  });

  it('are fetched once for a thousand subscribers that wake together', async () => {
    const { rows, calls } = cache();
    await Promise.all(Array.from({ length: 1_000 }, () => rows.load([key('a'), key('b')])));
    expect(calls).toHaveLength(1);
  });

  it('tell revisions apart, and keys whose parts read alike', async () => {
    const { rows, calls } = cache();
    await rows.load([key('a', '1'), key('a', '2'), key('ab', 'c'), key('a', 'bc')]);
    expect(calls[0]).toHaveLength(4);
  });

  it('stay within the limit, the least recently used go first', async () => {
    const { rows, calls } = cache(2);
    await rows.load([key('a'), key('b')]);
    await rows.load([key('a')]);
    await rows.load([key('c')]);
    expect(rows.size).toBe(2);
    await rows.load([key('a')]);
    await rows.load([key('b')]);
    expect(calls).toEqual([['a@1', 'b@1'], ['c@1'], ['b@1']]);
  });

  it('of one call may be more than the limit', async () => {
    const { rows } = cache(2);
    const keys = ['a', 'b', 'c', 'd'].map((id) => key(id));
    expect(await rows.load(keys)).toEqual(['a@1', 'b@1', 'c@1', 'd@1']);
    expect(rows.size).toBe(2);
  });

  it('that are at hand need no fetch', async () => {
    const { rows, calls } = cache();
    rows.remember(key('a'), 'at hand');
    expect(await rows.load([key('a')])).toEqual(['at hand']);
    expect(calls).toEqual([]);
  });

  it('do not keep what was absent or failed', async () => {
    const answers: (string | Error | undefined)[] = [undefined, new Error('throttled'), 'there'];
    const rows = new RecentRows<string>({ fetch: async () => [answers.shift()] });
    expect(await rows.load([key('a')])).toEqual([undefined]);
    expect(await rows.load([key('a')])).toEqual([new Error('throttled')]);
    expect(await rows.load([key('a')])).toEqual(['there']);
    expect(await rows.load([key('a')])).toEqual(['there']);
  });

  it('turn a failed call into the failure of each row', async () => {
    const rows = new RecentRows<string>({ fetch: () => Promise.reject(new Error('down')) });
    expect(await rows.load([key('a'), key('b')])).toEqual([new Error('down'), new Error('down')]);
    expect(rows.size).toBe(0);
  });

  it('end the reads under way when closed', async () => {
    const rows = new RecentRows<string>({
      fetch: (_, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('closed'))),
        ),
    });
    const loading = rows.load([key('a')]);
    rows.close();
    expect(await loading).toEqual([new Error('closed')]);
    expect(rows.size).toBe(0);
  });
});
