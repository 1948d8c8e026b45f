import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparator, keyOf } from '../../src/query/compare.js';
import { decodeCursor, encodeCursor, listName } from '../../src/query/cursor.js';
import { PageCollector } from '../../src/query/page.js';
import type { OrderTerm, PageKey, PageRequest } from '../../src/query/plan.js';
import { anyItems, anyOrder, field, type Item, item, items } from './items.js';

const first = (limit: number, after?: PageKey, before?: PageKey): PageRequest => ({
  from: 'front',
  limit,
  after,
  before,
});
const last = (limit: number, before?: PageKey, after?: PageKey): PageRequest => ({
  from: 'back',
  limit,
  after,
  before,
});

function pageOf(rows: readonly Item[], order: readonly OrderTerm[], request: PageRequest) {
  const collector = new PageCollector(request, order, items);
  for (const row of rows) collector.add(row);
  return collector.page();
}

/** The same by sorting everything. */
function naive(rows: readonly Item[], order: readonly OrderTerm[], request: PageRequest) {
  const compare = comparator(order);
  const { from, limit, after, before } = request;
  const all = rows.map((row) => ({ row, key: keyOf(row, order, items) }));
  all.sort((a, b) => compare(a.key, b.key));
  const between = all.filter(
    ({ key }) => !(after && compare(key, after) <= 0) && !(before && compare(key, before) >= 0),
  );
  const page = from === 'front' ? between.slice(0, limit) : between.slice(-limit);
  const [head, tail] = [page[0], page.at(-1)];
  return {
    rows: page,
    hasPreviousPage: head !== undefined && all.indexOf(head) > 0,
    hasNextPage: tail !== undefined && all.indexOf(tail) < all.length - 1,
  };
}

const ids = (rows: readonly { readonly row: Item }[]) => rows.map(({ row }) => row.id);

describe('a page', () => {
  it('is what sorting everything and cutting would give, in whatever order the rows come', () => {
    const place = fc.option(fc.nat(29), { nil: undefined });
    const asked = fc.record({
      from: fc.constantFrom('front', 'back'),
      limit: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(
        anyItems(),
        anyOrder,
        asked,
        place,
        place,
        (rows, order, { from, limit }, a, b) => {
          const keys = rows.map((row) => keyOf(row, order, items)).sort(comparator(order));
          const [low, high] = a !== undefined && b !== undefined && a > b ? [b, a] : [a, b];
          const after = low === undefined ? undefined : keys[low];
          const before = high === undefined || high === low ? undefined : keys[high];
          const request = { from, limit, after, before };
          const [page, expected] = [pageOf(rows, order, request), naive(rows, order, request)];
          expect(ids(page.rows)).toEqual(ids(expected.rows));
          // An empty page has no place of its own to have something before or after.
          if (page.rows.length > 0) expect(page).toMatchObject({ ...expected, rows: page.rows });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('of no rows has nothing before or after it', () => {
    const nothing = { rows: [], hasNextPage: false, hasPreviousPage: false };
    expect(pageOf([], [], first(10))).toEqual(nothing);
    expect(pageOf([], [], last(10))).toEqual(nothing);
  });

  it('beyond the last row is empty and has a previous page', () => {
    const page = pageOf([item(1), item(2)], [], first(10, { order: [], id: [2] }));
    expect(page).toEqual({ rows: [], hasNextPage: false, hasPreviousPage: true });
  });

  it('taken from the back is still in list order', () => {
    const page = pageOf(
      [3, 1, 4, 2].map((id) => item(id)),
      [],
      last(2),
    );
    expect(ids(page.rows)).toEqual([[3], [4]]);
    expect(page).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  });

  it('starts at the place of a cursor even where that row is gone', () => {
    const order: OrderTerm[] = [{ ref: field('size'), direction: 'ASC' }];
    const rows = [item(1, { size: 1 }), item(3, { size: 3 })];
    const page = pageOf(rows, order, first(5, { order: [2], id: [2] }));
    expect(ids(page.rows)).toEqual([[3]]);
  });

  it('counts what a source saw beyond the rows it gave', () => {
    const collector = new PageCollector(first(2), [], items);
    collector.add(item(1));
    collector.sees({ before: false, after: true });
    expect(collector.page()).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  });
});

describe('walking by cursors', () => {
  const walk = (
    rows: readonly Item[],
    order: readonly OrderTerm[],
    limit: number,
    back: boolean,
  ) => {
    const list = listName('items', order);
    const pages: (readonly { readonly row: Item }[])[] = [];
    let cursor: string | undefined;
    for (let more = true; more;) {
      const place = cursor === undefined ? undefined : decodeCursor(list, cursor);
      const page = pageOf(rows, order, back ? last(limit, place) : first(limit, place));
      pages.push(page.rows);
      more = back ? page.hasPreviousPage : page.hasNextPage;
      expect(back ? page.hasNextPage : page.hasPreviousPage).toBe(cursor !== undefined);
      const end = back ? page.rows[0] : page.rows.at(-1);
      if (more && !end) throw new Error('An empty page has more behind it.');
      cursor = end && encodeCursor(list, end.key);
      if (pages.length > rows.length + 1) throw new Error('The walk does not end.');
    }
    return ids((back ? pages.toReversed() : pages).flat());
  };

  it.each([
    ['forward', false],
    ['backward', true],
  ])('%s visits every row once, in order, whatever their values', (_direction, back) => {
    fc.assert(
      fc.property(anyItems(), anyOrder, fc.integer({ min: 1, max: 5 }), (rows, order, limit) => {
        const all = naive(rows, order, first(rows.length + 1));
        expect(walk(rows, order, limit, back)).toEqual(ids(all.rows));
      }),
    );
  });
});

describe('memory grows with the page, not with the list', () => {
  it('keeps at most two pages of rows, even where each row displaces the ones before', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const limit = 10;
    const collector = new PageCollector(first(limit), [], items);
    const seen: WeakRef<Item>[] = [];
    for (let id = 5_000; id > 0; id--) {
      const row = item(id);
      seen.push(new WeakRef(row));
      expect(collector.add(row)).toBe(true);
    }
    // A WeakRef holds its row until the running job is over.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    const kept = seen.filter((row) => row.deref() !== undefined).length;
    expect(kept).toBeLessThanOrEqual(2 * (limit + 1));
    expect(ids(collector.page().rows)).toEqual(Array.from({ length: limit }, (_, i) => [i + 1]));
  });

  it('says at once which rows can no longer be on the page', () => {
    const collector = new PageCollector(first(1), [], items);
    const kept = Array.from({ length: 100 }, (_, i) => collector.add(item(i)));
    expect(kept.filter(Boolean).length).toBeLessThanOrEqual(5);
    expect(kept.at(-1)).toBe(false);
  });
});
