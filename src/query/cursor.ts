/** Page cursors: opaque positions in one ordered list, checked when they come back. */
import { GridError } from '../errors.js';
import type { OrderTerm, PageKey } from './plan.js';
import { refName } from './aggregate.js';

const version = 1;
/** Longer text can't be a cursor of ours: ids and order values are bounded (`keyOf`), as are the terms of an order. */
const maxLength = 16_384;

/** Names a list and its order: a cursor of another one is refused. */
export const listName = (kind: string, order: readonly OrderTerm[]): string =>
  [kind, ...order.map(({ ref, direction }) => `${refName(ref)} ${direction}`)].join(',');

export function encodeCursor(list: string, key: PageKey): string {
  return Buffer.from(JSON.stringify([version, list, key.order, key.id])).toString('base64url');
}

export function decodeCursor(list: string, cursor: string): PageKey {
  const parsed = parse(cursor);
  if (!Array.isArray(parsed) || parsed.length !== 4 || parsed[0] !== version) {
    throw new GridError(
      'CURSOR_INVALID',
      'Expected a cursor from pageInfo or an edge of this list; this one is damaged or from another version.',
    );
  }
  const [, from, order, id] = parsed as [number, unknown, unknown, unknown];
  if (from !== list) {
    throw new GridError(
      'CURSOR_INVALID',
      `Expected a cursor of the list "${list}"; this one belongs to ${belongsTo(from)}. Page with the same list and orderBy.`,
    );
  }
  if (!isScalars(order) || !isScalars(id)) {
    throw new GridError('CURSOR_INVALID', 'The cursor is damaged; start again without it.');
  }
  return { order, id: id as PageKey['id'] };
}

const belongsTo = (list: unknown): string =>
  typeof list === 'string' ? JSON.stringify(list.slice(0, 200)) : 'none';

function parse(cursor: string): unknown {
  if (cursor.length > maxLength) return undefined;
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

const isScalars = (value: unknown): value is PageKey['order'] =>
  Array.isArray(value) &&
  value.every((part) => part === null || ['string', 'number', 'boolean'].includes(typeof part));
