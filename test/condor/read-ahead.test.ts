import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Ad } from '../../src/classad/ad.js';
import type { ProcKey } from '../../src/grids/condor/queue.js';
import { ReadAhead, type FetchJobs } from '../../src/grids/condor/read-ahead.js';
import { describeReal } from '../real/index.js';
import type { PageKey } from '../../src/query/plan.js';
import { field, opened, selecting, signal, sourceOf } from './pool.js';

const here = new AbortController().signal;

/** A cluster 7 of jobs without gaps, but where some are taken out; what was asked of it is written down. */
function cluster(jobs: number, missing: readonly number[] = []) {
  const asked: string[] = [];
  const signals: AbortSignal[] = [];
  const fetch: FetchJobs = async function* ([, first], count, fetchSignal) {
    asked.push(`${first}+${count}`);
    signals.push(fetchSignal);
    const procs = Array.from({ length: count }, (_, i) => first + i);
    for (const proc of procs.filter((one) => one < jobs && !missing.includes(one))) {
      yield [new Ad({ ClusterId: 7, ProcId: proc })];
    }
  };
  return { asked, signals, fetch };
}

const ahead = (): ReadAhead => {
  const made = new ReadAhead();
  onTestFinished(() => made.stop());
  return made;
};

const pageOf = async (
  reader: ReadAhead,
  fetch: FetchJobs,
  proc: number,
  { limit = 10, question = 'all', pageSignal = here } = {},
): Promise<readonly (number | null)[] | undefined> => {
  const cursor: ProcKey = [7, proc];
  const found = await reader.page({ question, cursor, limit, fetch, signal: pageSignal });
  return found?.ads.map((ad) => ad.number('ProcId'));
};

const procs = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('pages one after the other', () => {
  test('are those that were asked for one by one, by a quarter of the commands', async () => {
    const reader = ahead();
    const { asked, fetch } = cluster(1_000);
    for (let proc = 9; proc < 400; proc += 10) {
      expect(await pageOf(reader, fetch, proc)).toEqual(procs(proc + 1, 10));
    }
    expect(asked.slice(0, 5)).toEqual(['9+12', '19+22', '39+42', '79+42', '119+42']);
    expect(asked.length).toBeLessThanOrEqual(14);
  });

  test('a second page alone is not read beyond', async () => {
    const { asked, fetch } = cluster(100);
    await pageOf(ahead(), fetch, 9);
    expect(asked).toEqual(['9+12']);
  });

  test('of another question, another length or from elsewhere start anew', async () => {
    const reader = ahead();
    const { asked, fetch } = cluster(1_000);
    for (const proc of [9, 19]) await pageOf(reader, fetch, proc);
    asked.length = 0;
    expect(await pageOf(reader, fetch, 29, { question: 'other' })).toEqual(procs(30, 10));
    expect(await pageOf(reader, fetch, 29, { limit: 5 })).toEqual(procs(30, 5));
    expect(await pageOf(reader, fetch, 500)).toEqual(procs(501, 10));
    expect(asked).toEqual(['29+12', '29+7', '500+12']);
  });

  test('of two clients at the same place are both whole', async () => {
    const reader = ahead();
    const { fetch } = cluster(1_000);
    for (let proc = 9; proc < 200; proc += 10) {
      const both = await Promise.all([pageOf(reader, fetch, proc), pageOf(reader, fetch, proc)]);
      expect(both).toEqual([procs(proc + 1, 10), procs(proc + 1, 10)]);
    }
  });

  test('of more than 2,000 jobs are not read ahead together', async () => {
    const reader = ahead();
    const { asked, fetch } = cluster(10_000);
    for (const proc of [0, 1_500, 3_000]) await pageOf(reader, fetch, proc, { limit: 1_500 });
    expect(asked).toEqual(['0+1502', '1500+1502', '3000+1502', '4500+1502']);
  });
});

describe('a page is left to others', () => {
  test('where a job of it is missing, the one of the cursor, or the one behind it', async () => {
    for (const missing of [15, 9, 20]) {
      expect(await pageOf(ahead(), cluster(100, [missing]).fetch, 9)).toBeUndefined();
    }
    expect(await pageOf(ahead(), cluster(20).fetch, 9)).toBeUndefined();
  });

  test('where a gap lies in what was read ahead, but not before it', async () => {
    const reader = ahead();
    const { fetch } = cluster(1_000, [55]);
    for (const proc of [9, 19, 29, 39]) {
      expect(await pageOf(reader, fetch, proc)).toEqual(procs(proc + 1, 10));
    }
    expect(await pageOf(reader, fetch, 49)).toBeUndefined();
  });

  test('where reading ahead failed: it is asked anew', async () => {
    const reader = ahead();
    const { fetch } = cluster(1_000);
    const failing: FetchJobs = async function* (...asked) {
      if (asked[0][1] === 39) throw new Error('gone');
      yield* fetch(...asked);
    };
    for (const proc of [9, 19, 29]) {
      expect(await pageOf(reader, failing, proc)).toEqual(procs(proc + 1, 10));
    }
    expect(await pageOf(reader, failing, 39)).toBeUndefined();
    await expect(pageOf(reader, failing, 39)).rejects.toThrow('gone');
    expect(await pageOf(reader, fetch, 39)).toEqual(procs(40, 10));
  });
});

describe('what was read ahead', () => {
  test('is given up after two seconds without its client, and its command ends', async () => {
    const reader = ahead();
    const { asked, signals, fetch } = cluster(1_000);
    for (const proc of [9, 19]) await pageOf(reader, fetch, proc);
    expect(asked).toEqual(['9+12', '19+22', '39+42']);
    vi.advanceTimersByTime(2_000);
    expect(signals[2]?.aborted).toBe(true);
    await pageOf(reader, fetch, 29);
    expect(asked).toContain('29+42');
  });

  test('ends with the client that waits for it', async () => {
    const reader = ahead();
    const left = new AbortController();
    const hanging: FetchJobs = async function* (_first, _jobs, fetchSignal) {
      await new Promise((_resolve, reject) => {
        fetchSignal.addEventListener('abort', () => reject(fetchSignal.reason as Error));
      });
      yield [];
    };
    const waiting = pageOf(reader, hanging, 9, { pageSignal: left.signal });
    left.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
  });

  test('is bounded: a third client gets its pages one by one', async () => {
    const reader = ahead();
    const { asked, fetch } = cluster(1_000);
    for (const question of ['a', 'b', 'c']) {
      for (const proc of [9, 19]) await pageOf(reader, fetch, proc, { question });
    }
    expect(asked.filter((one) => one === '39+42')).toHaveLength(2);
  });

  test('ends with the pool', async () => {
    const reader = new ReadAhead();
    const { signals, fetch } = cluster(1_000);
    for (const proc of [9, 19]) await pageOf(reader, fetch, proc);
    reader.stop();
    expect(signals.at(-1)?.aborted).toBe(true);
  });
});

describeReal('pool', 'a queue that is read page by page', (pool) => {
  test('is the queue, by fewer commands than pages', async () => {
    vi.useRealTimers();
    const cluster = await pool.submit(
      'alice',
      'executable=/bin/true\ntransfer_executable=false\nrequirements=false\nqueue 100\n',
    );
    onTestFinished(() => pool.remove(`ClusterId == ${cluster}`));
    const { port, commands } = opened(pool);
    const source = await sourceOf(port);
    commands.length = 0;
    const seen: number[] = [];
    let after: PageKey | undefined;
    for (;;) {
      const page = await source.window?.({
        filter: { op: 'eq', ref: field('clusterId'), value: cluster },
        page: { from: 'front', limit: 5, after, before: undefined },
        projection: selecting(['owner']),
        notes: {},
        signal,
      });
      seen.push(...(page?.rows ?? []).map(({ procId }) => procId));
      const last = page?.rows.at(-1);
      if (!page?.more.after || last === undefined) break;
      after = { order: [], id: last.idKey };
    }
    expect(seen).toEqual(procs(0, 100));
    expect(commands.length).toBeLessThan(15);
  });
});
