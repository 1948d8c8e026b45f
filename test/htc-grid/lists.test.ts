/** Tasks as a source: scanned, counted and paged, with only the reads that the answer needs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '../../src/grids/htc-grid/calls.js';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import type { TaskRow } from '../../src/grids/tasks.js';
import type { PageKey, PageRequest } from '../../src/query/plan.js';
import type { Predicate, Ref } from '../../src/query/predicate.js';
import { always, and, not } from '../../src/query/predicate.js';
import type { Source, SourceNotes } from '../../src/query/source.js';
import { collect, live, plain, scanAll } from './support.js';

const field = (name: string): Ref => ({ field: name });
const is = (name: string, ...values: (string | boolean)[]): Predicate => ({
  op: 'in',
  ref: field(name),
  values,
});
const fields = (...names: string[]) => ({ fields: new Set(names), attributes: new Set<string>() });

describe('the tasks of two sessions', () => {
  let grid: HtcGrid;
  let first: string;
  let second: string;
  let source: Source<TaskRow>;
  const calls: Call[] = [];
  const reads = () => calls.filter(({ kind }) => kind === 'table-read').length;

  beforeAll(async () => {
    grid = await openEmbedded({
      name: 'g',
      // The look for expired claims would be counted among the reads.
      workers: { expiryCheckMs: 3_600_000 },
      onCall: (call) => calls.push(call),
    });
    const submit = async (tasks: number, owner: string) => {
      const { session } = await grid.submit(plain(Array(tasks).fill(1), { owner }), live());
      return session?.nativeId ?? '';
    };
    first = await submit(130, 'ada');
    second = await submit(7, 'bob');
    await collect(await grid.follow(first, live()));
    await collect(await grid.follow(second, live()));
    const sources = await grid.tasks([first, second], live());
    source = sources[0] as Source<TaskRow>;
  });
  afterAll(async () => {
    await grid.stop();
  });

  it('are scanned from the index alone where it holds the fields', async () => {
    calls.length = 0;
    const notes: SourceNotes = {};
    const rows = await scanAll(source, ['state', 'owner', 'index'], always, notes);
    expect(rows).toHaveLength(137);
    expect(reads()).toBe(2);
    expect(notes).toMatchObject({ scanned: 137 });
    expect(notes.pushedDown).toContain(`session_id = "${first}"`);
  });

  it('are read by their rows where they need more, 100 at a time', async () => {
    calls.length = 0;
    const rows = await scanAll(source, ['endedAt', 'worker', 'runMs']);
    expect(rows.every(({ endedAt }) => typeof endedAt === 'number')).toBe(true);
    expect(rows.every(({ worker }) => worker?.startsWith('local-'))).toBe(true);
    expect(reads()).toBe(2 + 2 + 1);
  });

  it('are filtered by session, owner and state before anything is read', async () => {
    calls.length = 0;
    const bobs = await scanAll(source, ['state'], is('owner', 'bob'));
    expect(bobs.map(({ sessionId }) => sessionId)).toEqual(Array(7).fill(second));
    expect(reads()).toBe(1);
    calls.length = 0;
    const notes: SourceNotes = {};
    expect(await scanAll(source, ['state'], is('state', 'QUEUED'), notes)).toEqual([]);
    expect(notes).toMatchObject({ scanned: 0 });
    expect(notes.pushedDown).toContain('task_status = "pending');
    expect(await scanAll(source, [], and(is('terminal', true), is('owner', 'bob')))).toHaveLength(
      7,
    );
    expect(await scanAll(source, [], not(is('state', 'SUCCEEDED')))).toEqual([]);
    expect(await scanAll(source, [], is('state', 'UNKNOWN'))).toEqual([]);
    expect(await scanAll(source, [], is('sessionId', 'other'))).toEqual([]);
  });

  it('are filtered here by what only the rows hold', async () => {
    const late: Predicate = { op: 'gte', ref: field('index'), value: 120 };
    expect(await scanAll(source, ['state'], late)).toHaveLength(10);
    const busy: Predicate = { op: 'gt', ref: field('attempts'), value: 1 };
    expect(await scanAll(source, ['state'], busy)).toEqual([]);
  });

  it('are counted by session and state without reading one', async () => {
    const tally = async (by: Ref[], filter: Predicate = always) => {
      const found: Record<string, number> = {};
      const request = { filter, notes: {}, signal: live(), by };
      for await (const batch of source.tally?.(request) ?? [])
        for (const { row, count } of batch)
          found[by.map((ref) => String((row as never)[(ref as { field: string }).field])).join()] =
            count;
      return found;
    };
    calls.length = 0;
    expect(await tally([field('owner')])).toEqual({ ada: 130, bob: 7 });
    expect(await tally([field('state'), field('sessionId')])).toEqual({
      [`SUCCEEDED,${first}`]: 130,
      [`SUCCEEDED,${second}`]: 7,
    });
    expect(await tally([field('owner')], is('state', 'QUEUED'))).toEqual({});
    expect(await tally([], is('owner', 'bob'))).toEqual({ '': 7 });
    // Followed sessions are counted from memory.
    expect(reads()).toBe(0);
    const byWorker = { filter: always, notes: {}, signal: live(), by: [field('worker')] };
    expect(source.tally?.(byWorker)).toBeUndefined();
  });

  it('are paged in id order from both ends, each page read by ids', async () => {
    const sorted = [first, second].sort();
    const expected = sorted.flatMap((session) =>
      Array.from(
        { length: session === first ? 130 : 7 },
        (_, index) => `${session}_${String(index)}`,
      ),
    );
    const page = (request: Partial<PageRequest>) =>
      source.window?.({
        filter: always,
        notes: {},
        signal: live(),
        projection: fields('state', 'endedAt'),
        page: { from: 'front', limit: 50, after: undefined, before: undefined, ...request },
      });
    const keyOf = (row: TaskRow | undefined): PageKey => ({ order: [], id: row?.idKey ?? [] });

    calls.length = 0;
    const forward: string[] = [];
    let after: PageKey | undefined;
    for (let more = true; more;) {
      const window = await page({ after });
      if (window === undefined) throw new Error('no window');
      forward.push(...window.rows.map(({ nativeId }) => nativeId));
      expect(window.more.before).toBe(after !== undefined);
      more = window.more.after;
      after = keyOf(window.rows.at(-1));
    }
    expect(forward).toEqual(expected);
    expect(reads()).toBeLessThanOrEqual(6);

    const backward: string[] = [];
    let before: PageKey | undefined;
    for (let more = true; more;) {
      const window = await page({ from: 'back', before });
      if (window === undefined) throw new Error('no window');
      backward.unshift(...window.rows.map(({ nativeId }) => nativeId));
      expect(window.more.after).toBe(before !== undefined);
      more = window.more.before;
      before = keyOf(window.rows[0]);
    }
    expect(backward).toEqual(expected);

    const between = await page({
      after: { order: [], id: ['g', first, 3] },
      before: { order: [], id: ['g', first, 6] },
    });
    expect(between?.rows.map(({ index }) => index)).toEqual([4, 5]);
    expect(await page({ after: { order: [], id: ['a-grid-before', 'x', 3] } })).toMatchObject({
      rows: expect.arrayContaining([]) as unknown,
      more: { before: false },
    });
    expect((await page({ after: { order: [], id: ['z-grid-after', 'x', 3] } }))?.rows).toEqual([]);
  });

  it('have no cheap page where a filter needs their rows', () => {
    const request = {
      filter: is('state', 'SUCCEEDED'),
      notes: {},
      signal: live(),
      projection: fields('state'),
      page: { from: 'front', limit: 5, after: undefined, before: undefined } as const,
    };
    expect(source.window?.(request)).toBeUndefined();
  });

  it('are widened in one read', async () => {
    const narrow = (await scanAll(source, ['state'], is('owner', 'bob'))).slice(0, 3);
    const gone = { ...(narrow[0] as TaskRow), nativeId: `${second}_99` };
    calls.length = 0;
    const wide = await source.widen?.([...narrow, gone], {
      signal: live(),
      projection: fields('endedAt', 'failure'),
    });
    expect(wide?.map(({ nativeId }) => nativeId)).toEqual(
      [...narrow, gone].map(({ nativeId }) => nativeId),
    );
    expect(wide?.slice(0, 3).every((row) => row.endedAt != null && row.failure === null)).toBe(
      true,
    );
    expect(wide?.[3]).toBe(gone);
    expect(reads()).toBe(1);
  });

  it('know what is the same for all of them', async () => {
    expect(source.known(field('grid'))).toBe('g');
    expect(source.known(field('kind'))).toBe('HTC_GRID');
    expect(source.known(field('sessionId'))).toBeUndefined();
    const [only] = await grid.tasks([second], live());
    expect(only?.known(field('owner'))).toBe('bob');
    expect(only?.known(field('sessionId'))).toBe(second);
  });

  it('are all there without naming their sessions', async () => {
    const [all] = await grid.tasks(undefined, live());
    expect(await scanAll(all, ['state'])).toHaveLength(137);
  });

  it('cost at most 10 batch reads for 137 by id, and progress none', async () => {
    calls.length = 0;
    const ids = Array.from(
      { length: 137 },
      (_, n) => `${n < 130 ? first : second}_${String(n < 130 ? n : n - 130)}`,
    );
    const found = await grid.findTasks(ids, live());
    expect(found.map((row) => (row as TaskRow).nativeId)).toEqual(ids);
    expect(reads()).toBe(2);
    calls.length = 0;
    const progress = await grid.progress([first, second], live());
    expect(progress).toMatchObject([{ total: 130, terminal: 130 }, { total: 7 }]);
    expect(calls).toEqual([]);
  });
});
