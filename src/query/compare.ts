/** The total order of a list: values of any type side by side, then the row's own id. */
import type { OrderTerm, PageKey } from './plan.js';
import type { Value } from './predicate.js';
import type { RowType } from './source.js';

export type SortValue = string | number | boolean | null;

/** A value as the order sees it, fit for the JSON of a cursor: lists and nested ads by their own JSON. */
export function sortValue(value: Value): SortValue {
  if (value === undefined || value === null) return null;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isNaN(value) ? null : finite(value);
    case 'bigint':
      return finite(Number(value));
    default:
      return jsonText(value);
  }
}

/** Booleans before numbers before strings; a missing value comes last. */
export function compareValues(a: SortValue, b: SortValue): number {
  const byType = rank(a) - rank(b);
  if (byType !== 0 || a === null || b === null) return byType;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Compares positions under an order; ids break ties upwards whatever the direction of the terms. */
export function comparator(order: readonly OrderTerm[]): (a: PageKey, b: PageKey) => number {
  if (order.length === 0) return byId;
  return (a, b) => {
    for (const [i, { direction }] of order.entries()) {
      const sign = compareValues(a.order[i] ?? null, b.order[i] ?? null);
      if (sign !== 0) return direction === 'ASC' ? sign : -sign;
    }
    return compareIds(a.id, b.id);
  };
}

/** Not made anew for each list: the engine forgets what it compiled for functions that nobody holds. */
const byId = (a: PageKey, b: PageKey): number => compareIds(a.id, b.id);

/** Element by element; a shorter key that is a prefix comes first. */
export function compareIds(a: PageKey['id'], b: PageKey['id']): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    // Most parts of two ids are the same: the grid, the schedd, the cluster.
    if (a[i] === b[i]) continue;
    const sign = compareValues(a[i] ?? null, b[i] ?? null);
    if (sign !== 0) return sign;
  }
  return a.length - b.length;
}

/** JSON of lists and nested ads; 64-bit integers, which JSON refuses, as text so that no digit is lost. */
export const jsonText = (value: object): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'bigint' ? part.toString() : part,
  );

/** Characters of an order value that count: longer ones would make cursors too long to come back. */
const maxOrderText = 256;

/** The position of a row under an order. */
export const keyOf = <Row>(row: Row, order: readonly OrderTerm[], type: RowType<Row>): PageKey => ({
  order:
    order.length === 0
      ? unordered
      : order.map(({ ref }) => clipped(sortValue(type.read(row, ref)))),
  id: type.idKey(row),
});

const unordered: PageKey['order'] = [];

const clipped = (value: SortValue): SortValue =>
  typeof value === 'string' ? value.slice(0, maxOrderText) : value;

/** JSON has no infinities: as `null` they would move to another place of the order. */
const finite = (value: number): number =>
  Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));

function rank(value: SortValue): number {
  if (value === null) return 3;
  return typeof value === 'boolean' ? 0 : typeof value === 'number' ? 1 : 2;
}
