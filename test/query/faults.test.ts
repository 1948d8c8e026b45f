import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { GridError } from '../../src/errors.js';
import { list } from '../../src/query/list.js';
import type { ListPlan } from '../../src/query/plan.js';
import type { Source } from '../../src/query/source.js';
import { field, type Item, item, items } from './items.js';
import { memorySource } from './memory-source.js';
import { firstPage, groupingBy, planOf } from './plans.js';

const run = (
  plan: ListPlan,
  sources: readonly Source<Item>[],
  signal = new AbortController().signal,
) => list(plan, sources, { type: items, signal });

const everything = planOf({ count: true, page: firstPage(10) });
const never = () => new Promise<never>(() => {});
const down = () =>
  new GridError('UNAVAILABLE', 'The schedd does not answer.', { retryAfterMs: 500 });

type Scan = Source<Item>['scan'];
/** A source of its own making; the sound one beside it is `sound()`. */
const source = (parts: Partial<Source<Item>>): Source<Item> => ({
  grid: 'faulty',
  part: undefined,
  deadlineMs: 60_000,
  known: () => undefined,
  scan: () => scanOf([])(),
  ...parts,
});
const sound = () => memorySource([item(100)], { grid: 'sound' });

/** Yields the rows, then does what `end` does. */
const scanOf = <T = Item>(rows: readonly T[], end: () => Promise<void> = async () => {}) =>
  async function* (): AsyncGenerator<T, void, undefined> {
    yield* rows;
    await end();
  };

const failing = (error: Error, rows: readonly Item[] = []): Source<Item> =>
  source({
    scan: scanOf(rows, () => Promise.reject(error)),
  });

/** Yields the rows, then no step settles any more, whatever the signal says; notes what is asked of it. */
function hanging(rows: readonly Item[] = []) {
  const calls: string[] = [];
  const left = [...rows];
  let resume: (row: Item) => void = () => {};
  const scan: Scan = ({ signal }) => {
    signal.addEventListener('abort', () => calls.push('aborted'));
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          const value = left.shift();
          if (value) return Promise.resolve({ done: false, value });
          return new Promise((resolve) => {
            resume = (row) => resolve({ done: false, value: row });
            calls.push('hanging');
          });
        },
        return: () => {
          calls.push('returned');
          return never();
        },
      }),
    };
  };
  return { scan, calls, resume: (row: Item) => resume(row) };
}

const ids = (answer: Awaited<ReturnType<typeof run>>) =>
  answer.page.rows.map(({ row }) => row.id[0]);
const statuses = (answer: Awaited<ReturnType<typeof run>>) =>
  answer.sources.map(({ gridName, status, error }) => [gridName, status, error?.code]);

describe('a source in trouble is reported, and the others answer', () => {
  it.each([
    ['UNAVAILABLE', 'UNAVAILABLE'],
    ['THROTTLED', 'UNAVAILABLE'],
    // What it sends is more than is read of one.
    ['LIMIT_EXCEEDED', 'UNAVAILABLE'],
    ['TIMED_OUT', 'TIMED_OUT'],
    ['FORBIDDEN', 'FORBIDDEN'],
  ] as const)('%s before the first row is %s', async (code, status) => {
    const answer = await run(everything, [failing(new GridError(code, 'No.')), sound()]);
    expect(statuses(answer)).toEqual([
      ['faulty', status, code],
      ['sound', 'OK', undefined],
    ]);
    expect(ids(answer)).toEqual([100]);
  });

  it('says what happened and when to try again', async () => {
    const [report] = (await run(everything, [failing(down())])).sources;
    expect(report?.error).toEqual({
      code: 'UNAVAILABLE',
      message: 'The schedd does not answer.',
      retryable: true,
      retryAfterMs: 500,
    });
  });

  it('after some rows it is PARTIAL, and the rows stand', async () => {
    const answer = await run(everything, [failing(down(), [item(1), item(2)]), sound()]);
    expect(ids(answer)).toEqual([1, 2, 100]);
    expect(answer.totalCount).toBe(3);
    expect(answer.sources[0]).toMatchObject({
      status: 'PARTIAL',
      returned: 2,
      error: { code: 'UNAVAILABLE' },
    });
  });

  it('a failure that the source noted itself is PARTIAL too', async () => {
    const noting = source({
      scan: ({ notes }) => {
        notes.partial = down();
        return scanOf([item(1)])();
      },
    });
    expect(statuses(await run(everything, [noting]))).toEqual([
      ['faulty', 'PARTIAL', 'UNAVAILABLE'],
    ]);
  });

  it('an unforeseen failure that the source noted shows nothing of itself', async () => {
    const noting = source({
      scan: ({ notes }) => {
        notes.partial = new Error('/etc/condor/passwords: permission denied');
        return scanOf([])();
      },
    });
    const [report] = (await run(everything, [noting])).sources;
    expect(report?.error).toMatchObject({ code: 'INTERNAL_SERVER_ERROR', retryable: false });
    expect(report?.error?.message).not.toContain('passwords');
  });

  it('where the counts fail the page stands, and the other way round', async () => {
    const tally = scanOf([[{ row: item(0), count: 7 }]]);
    const broken = scanOf<never>([], () => Promise.reject(down()));
    const window = async () => ({ rows: [item(1)], more: { before: false, after: true } });
    const noCounts = await run(everything, [source({ window, tally: broken })]);
    expect(ids(noCounts)).toEqual([1]);
    expect(statuses(noCounts)).toEqual([['faulty', 'PARTIAL', 'UNAVAILABLE']]);
    const noPage = await run(everything, [source({ window: () => Promise.reject(down()), tally })]);
    expect([noPage.totalCount, ids(noPage)]).toEqual([7, []]);
    expect(statuses(noPage)).toEqual([['faulty', 'PARTIAL', 'UNAVAILABLE']]);
  });

  it('rows whose other half can not be had are left out of the page, not out of the count', async () => {
    const widenless = source({
      scan: scanOf([item(1, { owner: 'alice' }), item(2, { owner: 'bob' })]),
      widen: () => Promise.reject(down()),
    });
    const nodes = [{ name: 'nodes', first: 5, order: [] }];
    const plan = { ...everything, groupings: [groupingBy(field('owner'), { nodes })] };
    const answer = await run(plan, [widenless, sound()]);
    expect(ids(answer)).toEqual([100]);
    expect(answer.totalCount).toBe(3);
    const groups = answer.groups.get('groups')?.nodes ?? [];
    expect(groups.map(({ count, nodes }) => [count, nodes.get('nodes')?.length])).toEqual([
      [1, 0],
      [1, 0],
      [1, 1],
    ]);
    expect(answer.sources).toMatchObject([
      { status: 'PARTIAL', returned: 0, error: { code: 'UNAVAILABLE' } },
      { status: 'OK', returned: 1, error: null },
    ]);
  });
});

describe('a source that hangs costs its deadline, no more', () => {
  const deadlineMs = 10;

  it('in a scan: its rows so far stand, its iterator is returned, not waited for', async () => {
    const { scan, calls } = hanging([item(1)]);
    const answer = await run(everything, [source({ scan, deadlineMs, part: 'schedd-1' }), sound()]);
    expect(ids(answer)).toEqual([1, 100]);
    expect(statuses(answer)).toEqual([
      ['faulty', 'PARTIAL', 'TIMED_OUT'],
      ['sound', 'OK', undefined],
    ]);
    expect(answer.sources[0]?.error?.message).toBe('faulty schedd-1 did not answer within 10 ms.');
    expect(calls).toEqual(['hanging', 'aborted', 'returned']);
  });

  it('before the first row: TIMED_OUT', async () => {
    const { scan } = hanging();
    const answer = await run(everything, [source({ scan, deadlineMs })]);
    expect(statuses(answer)).toEqual([['faulty', 'TIMED_OUT', 'TIMED_OUT']]);
  });

  it('rows that come after the deadline change nothing', async () => {
    const { scan, calls, resume } = hanging([item(1, { state: 'HELD' })]);
    const aggregates = { byState: true, distributions: [] };
    const answer = await run({ ...everything, aggregates }, [source({ scan, deadlineMs })]);
    resume(item(2, { state: 'HELD' }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toEqual(['hanging', 'aborted', 'returned']);
    expect(answer.aggregates?.byState).toEqual(new Map([['HELD', 1]]));
    expect(ids(answer)).toEqual([1]);
  });

  it('in a page of its own, in counts of its own, in the widening of rows', async () => {
    const window = never;
    const tally = () => hanging().scan({ signal: new AbortController().signal } as never) as never;
    const scan = scanOf([item(1)]);
    for (const [parts, status] of [
      [{ window, tally }, 'TIMED_OUT'],
      [{ scan, widen: never }, 'PARTIAL'],
    ] as const) {
      const answer = await run(everything, [source({ ...parts, deadlineMs }), sound()]);
      expect(statuses(answer)[0]).toEqual(['faulty', status, 'TIMED_OUT']);
      expect(ids(answer)).toEqual([100]);
    }
  });

  it('is not taken for complete because it stops quietly when told to', async () => {
    const quiet = source({
      deadlineMs,
      scan: async function* ({ signal }) {
        yield item(1);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    expect(statuses(await run(everything, [quiet]))).toEqual([['faulty', 'PARTIAL', 'TIMED_OUT']]);
  });

  it('the reason of its failure is the deadline, not the abort that the deadline caused', async () => {
    const heeding = source({
      deadlineMs,
      scan: ({ signal }) =>
        scanOf([], () => {
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(new Error('killed by SIGTERM')));
          });
        })(),
    });
    expect(statuses(await run(everything, [heeding]))).toEqual([
      ['faulty', 'TIMED_OUT', 'TIMED_OUT'],
    ]);
  });

  it('a deadline leaves no timer behind once the source has answered', async () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const before = timers();
    await run(everything, [sound(), sound(), failing(down())]);
    expect(timers()).toBe(before);
  });
});

describe('a fault of the request is raised, not reported', () => {
  it.each([
    'BAD_FILTER',
    'BAD_ATTRIBUTE',
    'CURSOR_INVALID',
    'UNKNOWN_SCHEDD',
    'CAPABILITY_MISSING',
  ] as const)('%s, whether the source throws or its iterator does', async (code) => {
    const fault = new GridError(code, 'Not like that.');
    const throwing = source({
      scan: () => {
        throw fault;
      },
    });
    await expect(run(everything, [sound(), throwing])).rejects.toBe(fault);
    await expect(run(everything, [failing(fault, [item(1)]), sound()])).rejects.toBe(fault);
  });

  it('a fault of the server is raised as one, with its cause kept for the log', async () => {
    const bug = new TypeError('x is undefined');
    await expect(run(everything, [failing(bug)])).rejects.toMatchObject({
      code: 'INTERNAL_SERVER_ERROR',
      cause: bug,
    });
  });

  it('in the widening of rows too', async () => {
    const fault = new GridError('BAD_ATTRIBUTE', 'No such attribute.');
    const faulty = source({ scan: scanOf([item(1)]), widen: () => Promise.reject(fault) });
    await expect(run(everything, [faulty])).rejects.toBe(fault);
  });

  it('and the other sources are told to stop', async () => {
    const { scan, calls } = hanging();
    const fault = new GridError('BAD_FILTER', 'Not like that.');
    await expect(run(everything, [source({ scan }), failing(fault)])).rejects.toBe(fault);
    expect(calls).toEqual(['hanging', 'aborted', 'returned']);
  });
});

describe('a caller who leaves', () => {
  it('gets a rejection with the reason, and no iterator stays open', async () => {
    const caller = new AbortController();
    const [one, two] = [hanging([item(1)]), hanging()];
    const answer = run(everything, [source(one), source(two), sound()], caller.signal);
    const reason = new Error('The client went away.');
    await new Promise((resolve) => setImmediate(resolve));
    caller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    expect(one.calls).toEqual(['hanging', 'aborted', 'returned']);
    expect(two.calls).toEqual(['hanging', 'aborted', 'returned']);
  });

  it('during the widening of rows as well', async () => {
    const caller = new AbortController();
    const reason = new Error('The client went away.');
    const widening = source({
      scan: scanOf([item(1)]),
      widen: () => {
        caller.abort(reason);
        return never();
      },
    });
    await expect(run(everything, [widening], caller.signal)).rejects.toBe(reason);
  });

  it('before anything was asked: nothing is', async () => {
    const untouched = sound();
    await expect(
      run(everything, [untouched], AbortSignal.abort(new Error('gone'))),
    ).rejects.toThrow('gone');
    expect(untouched.asked).toEqual([]);
  });

  it('or who stays: nothing listens to the signals of a list that is answered', async () => {
    const signals: AbortSignal[] = [];
    const noting = (scan: Scan) =>
      source({
        scan: (request) => {
          signals.push(request.signal);
          return scan(request);
        },
      });
    await run(everything, [
      noting(scanOf([item(1)])),
      noting(scanOf([], () => Promise.reject(down()))),
    ]);
    expect(signals.map((signal) => getEventListeners(signal, 'abort'))).toEqual([[], []]);
  });
});
