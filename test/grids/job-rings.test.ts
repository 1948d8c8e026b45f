/** Rows of ends, kept for those who follow a pool. */
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { JobRings } from '../../src/grids/job-rings.js';
import type { JobCompletion } from '../../src/grids/job-logs.js';
import type { JobRow } from '../../src/grids/jobs.js';
import { lostJob } from '../../src/grids/lost-job.js';
import type { Projection } from '../../src/query/plan.js';
import type { SharedLogs } from '../../src/streams/index.js';

const of = (...fields: readonly string[]): Projection => ({
  fields: new Set(fields),
  attributes: new Set(),
});
const end: JobCompletion = {
  gridName: 'pool',
  key: { schedd: 's', clusterId: 1, procId: 0 },
  revision: '3:1',
  state: 'CANCELLED',
  owner: 'alice',
  seenAt: 0,
};
const row = lostJob(end);

const open: JobRings[] = [];
afterEach(() => {
  for (const rings of open.splice(0)) rings.stop();
});

function openRings() {
  const fetched: Projection[] = [];
  const rings = new JobRings({
    gridName: 'pool',
    find: (keys, projection): Promise<readonly JobRow[]> => {
      fetched.push(projection);
      return Promise.resolve(keys.map(() => row));
    },
  });
  open.push(rings);
  return { rings, fetched };
}

it('a row that was found with an end is not fetched by who wants a part of it', async () => {
  const { rings, fetched } = openRings();
  rings.want(of('state'), new AbortController().signal);
  rings.addCompletions([end], { rows: new Map([[end, row]]), read: of('state', 'owner') });
  expect(await rings.rows([end], of('state'))).toEqual([row]);
  expect(fetched).toEqual([]);
});

it('who comes while ends are being read gets its row read with all that it wants', async () => {
  const { rings, fetched } = openRings();
  const read = rings.wanted;
  rings.want(of('state', 'revision'), new AbortController().signal);
  rings.addCompletions([end], { rows: new Map([[end, row]]), read });
  expect(await rings.rows([end], of('state', 'revision'))).toEqual([row]);
  expect(fetched).toEqual([of('state', 'revision')]);
});

it('one attribute more than was read is fetched; a whole ad has them all', async () => {
  const { rings, fetched } = openRings();
  const some: Projection = { fields: new Set(), attributes: new Set(['Cmd']) };
  const signal = new AbortController().signal;
  rings.want(some, signal);
  rings.addCompletions([end], { rows: new Map([[end, row]]), read: of('state') });
  await rings.rows([end], some);
  expect(fetched).toEqual([some]);
  const other = { ...end, revision: '3:2' };
  const whole: Projection = { fields: new Set(), attributes: 'all' };
  rings.addCompletions([other], { rows: new Map([[other, row]]), read: whole });
  await rings.rows([other], some);
  expect(fetched).toHaveLength(1);
});

it('what two want is read until the second has left', () => {
  const { rings } = openRings();
  const [first, second] = [new AbortController(), new AbortController()];
  for (const { signal } of [first, second]) rings.want(of('state'), signal);
  first.abort();
  expect(rings.wanted).toEqual(of('state'));
  second.abort();
  expect(rings.wanted).toEqual(of());
});

it('ever so many who want different fields get rows that were read once, found with the end or not', async () => {
  const { rings, fetched } = openRings();
  const wanted = Array.from({ length: 40 }, (_, n): Projection => ({
    fields: new Set(['state']),
    attributes: new Set([`Attr${n}`]),
  }));
  for (const one of wanted) rings.want(one, new AbortController().signal);
  const ends = Array.from({ length: 3 }, (_, n) => ({ ...end, revision: `3:${n}` }));
  const [found] = ends;
  if (found === undefined) throw new Error('There are some.');
  rings.addCompletions([found], { rows: new Map([[found, row]]), read: rings.wanted });
  rings.addCompletions(ends);
  for (const one of wanted) expect(await rings.rows([found], one)).toEqual([row]);
  expect(fetched).toEqual([]);
  // Of each that was not found with its row: fewer reads than readers, and the same again costs none.
  for (const one of wanted) await rings.rows(ends, one);
  expect(fetched.length).toBeLessThanOrEqual(16);
  const read = fetched.length;
  for (const one of wanted) await rings.rows(ends, one);
  expect(fetched).toHaveLength(read);
});

it('a shared log that can not be read is not opened again and again without a pause', async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const refused = async () => Promise.reject(new Error('It can not be read on.'));
  const open = vi.fn(() => ({
    ...{ name: 'ends', epoch: 'none', start: 0, end: 0, lost: new Error('Lost.'), isRead: false },
    ...{ lead: () => undefined, close: async () => undefined },
    until: () => (open.mock.calls.length > 20 ? new Promise(() => undefined) : refused()),
  }));
  const shared = { open } as unknown as SharedLogs;
  const rings = new JobRings({ gridName: 'pool', find: async () => [], shared });
  open.mockClear();
  const stop = new AbortController();
  const begun = rings.begun(stop.signal).catch(() => undefined);
  await vi.advanceTimersByTimeAsync(2_500);
  expect(open.mock.calls.length).toBeLessThan(5);
  stop.abort();
  await begun;
});
