/** The total order of a list: values of any type side by side, then the row's own id. */
import type { OrderTerm, PageKey } from './plan.js';
import type { Value } from './predicate.js';
import type { RowType } from './source.js';

export type SortValue = string | number | boolean | null;

/** A value as the order sees it: 64-bit integers as numbers, lists and nested ads by their JSON. */
export function sortValue(value: Value): SortValue {
  if (value === undefined || value === null) return null;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isNaN(value) ? null : value;
    case 'bigint':
      return Number(value);
    default:
      return JSON.stringify(value);
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
  return (a, b) => {
    for (const [i, { direction }] of order.entries()) {
      const sign = compareValues(a.order[i] ?? null, b.order[i] ?? null);
      if (sign !== 0) return direction === 'ASC' ? sign : -sign;
    }
    return compareIds(a.id, b.id);
  };
}

/** Element by element; a shorter key that is a prefix comes first. */
export function compareIds(a: PageKey['id'], b: PageKey['id']): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const sign = compareValues(a[i] ?? null, b[i] ?? null);
    if (sign !== 0) return sign;
  }
  return a.length - b.length;
}

/** The position of a row under an order. */
export const keyOf = <Row>(row: Row, order: readonly OrderTerm[], type: RowType<Row>): PageKey => ({
  order: order.map(({ ref }) => sortValue(type.read(row, ref))),
  id: type.idKey(row),
});

function rank(value: SortValue): number {
  if (value === null) return 3;
  return typeof value === 'boolean' ? 0 : typeof value === 'number' ? 1 : 2;
}
