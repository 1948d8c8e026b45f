/** From page arguments to a page request, and from orders to terms. */
import { GridError } from '../src/errors.js';
import { decodeCursor } from '../src/query/cursor.js';
import type { Direction, OrderTerm, PageRequest } from '../src/query/plan.js';
import type { Ref } from '../src/query/predicate.js';
import type { PageArgs } from '../schema/connection.js';

const defaultPageSize = 50;
const maxOrderTerms = 5;

export function pageRequest(args: PageArgs, list: string, maxPageSize: number): PageRequest {
  const { first, last, after, before } = args;
  if (first != null && last != null) {
    throw new GridError('BAD_PAGE', `Expected first or last, came both (${first}, ${last}).`);
  }
  const limit = last ?? first ?? Math.min(defaultPageSize, maxPageSize);
  if (limit < 1 || limit > maxPageSize) {
    throw new GridError(
      'BAD_PAGE',
      `Expected ${last != null ? 'last' : 'first'} from 1 to ${maxPageSize}, came ${limit}. Ask for counts with totalCount or groups; page on with after or before.`,
    );
  }
  return {
    from: last != null ? 'back' : 'front',
    limit,
    after: after == null ? undefined : decodeCursor(list, after),
    before: before == null ? undefined : decodeCursor(list, before),
  };
}

/** `ID` as the refs it stands for: the parts of the row's own key. */
const byId: readonly Ref[] = [0, 1, 2, 3].map((part) => ({ field: `idKey.${part}` }));

/** The terms of an order. Ids upwards is the order without terms, and the cheapest one. */
export function orderTerms<T extends { readonly direction: Direction }>(
  orderBy: readonly T[] | null | undefined,
  refOf: (term: T) => Ref | 'ID',
): readonly OrderTerm[] {
  const terms = orderBy ?? [];
  if (terms.length > maxOrderTerms) {
    throw new GridError(
      'BAD_USER_INPUT',
      `Expected at most ${maxOrderTerms} terms in orderBy, came ${terms.length}.`,
    );
  }
  const order: OrderTerm[] = [];
  for (const term of terms) {
    const ref = refOf(term);
    if (ref !== 'ID') order.push({ ref, direction: term.direction });
    else if (term.direction === 'ASC') break;
    else return [...order, ...byId.map((ref) => ({ ref, direction: term.direction }))];
  }
  return order;
}
