import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GridError } from '../../src/errors.js';
import { comparator, keyOf } from '../../src/query/compare.js';
import { decodeCursor, encodeCursor, listName } from '../../src/query/cursor.js';
import { anyItem, anyOrder, attribute, field, item, items } from './items.js';

/** Any UTF-16 unit, halves of surrogate pairs included. */
const anyUnit = fc.nat(0xffff).map((unit) => String.fromCharCode(unit));

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'no error';
  } catch (error) {
    return error instanceof GridError ? error.code : `${error as Error}`;
  }
};
const forged = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a cursor', () => {
  it('comes back as the place it was made of, whatever the values', () => {
    fc.assert(
      fc.property(anyOrder, anyItem, (order, row) => {
        const list = listName('jobs', order);
        const key = keyOf(row, order, items);
        const back = decodeCursor(list, encodeCursor(list, key));
        expect(comparator(order)(key, back)).toBe(0);
      }),
    );
  });

  it('is never too long to come back: of long texts the beginning counts', () => {
    const order = ['a', 'b', 'c', 'd', 'e'].map((name) => ({
      ref: attribute(name),
      direction: 'ASC' as const,
    }));
    const long = '\u0001'.repeat(100_000);
    const row = item(1, {}, { a: long, b: long, c: long, d: long, e: long });
    const list = listName('jobs', order);
    const key = keyOf(row, order, items);
    expect(decodeCursor(list, encodeCursor(list, key))).toEqual(key);
  });

  it('is text that needs no escaping in a URL', () => {
    fc.assert(
      fc.property(anyItem, (row) => {
        expect(encodeCursor('jobs', keyOf(row, [], items))).toMatch(/^[\w-]+$/);
      }),
    );
  });
});

describe('a cursor of another list is refused with CURSOR_INVALID', () => {
  const by = (name: string, direction: 'ASC' | 'DESC' = 'ASC') => [{ ref: field(name), direction }];

  it.each([
    ['another kind', listName('tasks', by('owner'))],
    ['another order', listName('jobs', by('state'))],
    ['another direction', listName('jobs', by('owner', 'DESC'))],
    [
      'an attribute of the same name',
      listName('jobs', [{ ref: attribute('owner'), direction: 'ASC' }]),
    ],
    ['no order', listName('jobs', [])],
  ])('%s', (_difference, list) => {
    const cursor = encodeCursor(list, keyOf(item(1, { owner: 'alice' }), by('owner'), items));
    const mine = listName('jobs', by('owner'));
    expect(codeOf(() => decodeCursor(mine, cursor))).toBe('CURSOR_INVALID');
    expect(() => decodeCursor(mine, cursor)).toThrow('Page with the same list and orderBy.');
  });

  it('but attributes are the same in any case', () => {
    const named = (name: string) => listName('jobs', [{ ref: attribute(name), direction: 'ASC' }]);
    expect(named('requestcpus')).toBe(named('RequestCpus'));
  });
});

describe('text that is no cursor is refused with CURSOR_INVALID', () => {
  it.each([
    ['empty', ''],
    ['no base64', '%%%'],
    ['no JSON', Buffer.from('hello').toString('base64url')],
    ['no list', forged({})],
    ['too few parts', forged([1, 'jobs', []])],
    ['another version', forged([2, 'jobs', [], [1]])],
    ['nested values', forged([1, 'jobs', [[1]], [1]])],
    ['an id that is none', forged([1, 'jobs', [], 'x'])],
    ['a list name that refuses to be text', forged([1, { toString: 1, valueOf: 1 }, [], [1]])],
    ['over-long', forged([1, 'jobs', ['x'.repeat(20_000)], [1]])],
    ['cut off', encodeCursor('jobs', { order: ['a'], id: ['schedd', 1, 2] }).slice(0, -4)],
  ])('%s', (_damage, cursor) => {
    expect(codeOf(() => decodeCursor('jobs', cursor))).toBe('CURSOR_INVALID');
  });

  it('arbitrary text and arbitrary JSON raise nothing else', () => {
    const text = fc.oneof(
      fc.string({ unit: anyUnit }),
      fc.base64String(),
      fc.json({ maxDepth: 2 }).map((json) => Buffer.from(json).toString('base64url')),
      fc
        .tuple(
          fc.constantFrom(1, 2),
          fc.anything({ maxDepth: 2 }),
          fc.anything({ maxDepth: 2 }),
          fc.anything({ maxDepth: 2 }),
        )
        .map((parts) => {
          try {
            return forged(parts);
          } catch {
            return ''; // Not everything has a JSON form.
          }
        }),
    );
    fc.assert(
      fc.property(text, (cursor) => {
        expect(['no error', 'CURSOR_INVALID']).toContain(
          codeOf(() => decodeCursor('jobs', cursor)),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('a refusal shows little of what came', () => {
    const cursor = forged([1, 'x'.repeat(5_000), [], [1]]);
    expect(() => decodeCursor('jobs', cursor)).toThrow(/^.{0,400}$/);
  });
});
