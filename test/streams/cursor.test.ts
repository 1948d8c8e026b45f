import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GridError } from '../../src/errors.js';
import { decodeCursor, encodeCursor, maxCursorBytes } from '../../src/streams/index.js';

const positions = fc.uniqueArray(
  fc.record(
    {
      log: fc.string({ unit: 'grapheme' }),
      epoch: fc.string(),
      position: fc.maxSafeNat(),
      mark: fc.string(),
    },
    { requiredKeys: ['log', 'epoch', 'position'] },
  ),
  { selector: ({ log }) => log, maxLength: 8 },
);

function refusal(cursor: string): GridError {
  try {
    decodeCursor(cursor);
  } catch (error) {
    if (error instanceof GridError) return error;
    throw error;
  }
  throw new Error(`${cursor} was taken.`);
}

describe('a cursor', () => {
  it('gives back the positions it was made of', () => {
    fc.assert(
      fc.property(positions, (list) => {
        const cursor = encodeCursor(list);
        expect(cursor).toMatch(/^[\w.-]+$/);
        expect(decodeCursor(cursor)).toEqual(list);
      }),
    );
  });

  it('with one character changed, lost, added or swapped is refused', () => {
    fc.assert(
      fc.property(
        positions,
        fc.nat(),
        fc.constantFrom('change', 'drop', 'add', 'swap'),
        fc.constantFrom(...'ABCxyz019-_.='),
        (list, at, how, character) => {
          const cursor = encodeCursor(list);
          const i = at % cursor.length;
          const damaged = {
            change: cursor.slice(0, i) + character + cursor.slice(i + 1),
            drop: cursor.slice(0, i) + cursor.slice(i + 1),
            add: cursor.slice(0, i) + character + cursor.slice(i),
            swap: cursor.slice(0, i) + (cursor[i + 1] ?? '') + cursor[i] + cursor.slice(i + 2),
          }[how];
          fc.pre(damaged !== cursor);
          expect(refusal(damaged).code).toBe('CURSOR_INVALID');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('that only decodes alike is refused: there is one text for each list', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    for (let position = 1; position < 1_000; position *= 10) {
      const cursor = encodeCursor([{ log: 's', epoch: 'e', position }]);
      for (const last of alphabet) {
        const other = cursor.slice(0, -1) + last;
        if (other !== cursor) expect(refusal(other).code).toBe('CURSOR_INVALID');
      }
      expect(refusal(cursor.replace('s1.', 's01.')).code).toBe('CURSOR_INVALID');
    }
  });

  it('that is any other text is refused as CURSOR_INVALID, never by another error', () => {
    fc.assert(fc.property(fc.string(), (text) => refusal(text).code === 'CURSOR_INVALID'));
    fc.assert(
      fc.property(fc.base64String(), (text) => refusal(`s1.${text}`).code === 'CURSOR_INVALID'),
    );
  });

  it('of another version is refused with both versions', () => {
    const cursor = encodeCursor([{ log: 's', epoch: 'e', position: 1 }]);
    expect(refusal(cursor.replace('s1.', 's2.')).message).toContain(
      'is of version 2; this server reads version 1',
    );
  });

  it('that is too long is refused before it is looked at', () => {
    expect(refusal('s1.'.padEnd(maxCursorBytes + 1, 'A')).message).toContain('65537 bytes');
  });

  it('says what to do instead', () => {
    expect(refusal('x').message).toMatch(/unchanged `cursor` of a frame.*\{snapshot: true\}/);
  });

  it('is not made where it could not be read back', () => {
    const list = Array.from({ length: 2_000 }, (_, i) => ({
      log: `a grid/a session of some length ${i}`,
      epoch: 'epoch',
      position: 1,
    }));
    expect(() => encodeCursor(list)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
    expect(decodeCursor(encodeCursor(list.slice(0, 500)))).toHaveLength(500);
  });
});
