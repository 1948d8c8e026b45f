import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GridError } from '../../src/errors.js';
import { decodeId, decodeIdAs, encodeId, type IdParts, type NodeKind } from '../../src/grids/id.js';

/** Any UTF-16 unit, halves of surrogate pairs included. */
const anyUnit = fc.nat(0xffff).map((unit) => String.fromCharCode(unit));
const name = fc.string({ unit: anyUnit, maxLength: 60 });
const number = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const maybe = fc.option(name);

const partsOf: { readonly [K in NodeKind]: fc.Arbitrary<IdParts[K]> } = {
  Grid: fc.constant([]),
  Session: fc.tuple(name),
  Task: fc.tuple(name),
  JobCluster: fc.tuple(name, number),
  Job: fc.tuple(name, number, number),
  Machine: fc.tuple(name),
  Slot: fc.tuple(name),
  PoolAd: fc.tuple(name, name),
  ConfigEntry: fc.tuple(maybe, maybe, name),
};
const kinds = Object.keys(partsOf) as readonly NodeKind[];
const anyId = <K extends NodeKind>(kind: K) =>
  fc.tuple(name, partsOf[kind] as fc.Arbitrary<IdParts[K]>).map(([grid, parts]) => ({
    id: encodeId(kind, grid, ...parts),
    grid,
    parts,
  }));

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'no error';
  } catch (error) {
    return error instanceof GridError ? error.code : String(error);
  }
};
const forged = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('an id', () => {
  it.each(kinds)('of a %s comes back as what it was made of', (kind) => {
    fc.assert(
      fc.property(anyId(kind), ({ id, grid, parts }) => {
        expect(decodeId(id)).toEqual({ kind, grid, parts });
        expect(decodeIdAs(kind, id)).toEqual({ kind, grid, parts });
      }),
    );
  });

  it('is stable: the same thing has the same id today and tomorrow', () => {
    expect(encodeId('Job', 'pool', 'schedd@host', 12, 3)).toBe(
      'WyJKb2IiLCJwb29sIiwic2NoZWRkQGhvc3QiLDEyLDNd',
    );
  });

  it('is another one for another thing', () => {
    const anyKind = fc
      .constantFrom(...kinds)
      .chain((kind) => anyId(kind).map((id) => ({ kind, ...id })));
    fc.assert(
      fc.property(anyKind, anyKind, (a, b) => {
        const same =
          JSON.stringify([a.kind, a.grid, a.parts]) === JSON.stringify([b.kind, b.grid, b.parts]);
        expect(a.id === b.id).toBe(same);
      }),
    );
  });

  it('is text that needs no escaping in a URL', () => {
    fc.assert(
      fc.property(anyId('PoolAd'), ({ id }) => {
        expect(id).toMatch(/^[\w-]+$/);
      }),
    );
  });
});

describe('an id of another kind is refused with BAD_ID', () => {
  it('and the message says which kind came', () => {
    const id = encodeId('Task', 'htc', 't-1');
    expect(() => decodeIdAs('Session', id)).toThrow(
      'Expected the id of a Session, came the id of a Task.',
    );
    for (const kind of kinds.filter((kind) => kind !== 'Task')) {
      expect(codeOf(() => decodeIdAs(kind, id))).toBe('BAD_ID');
    }
  });
});

describe('text that is no id is refused with BAD_ID', () => {
  it.each([
    ['empty', ''],
    ['a native id', '123.0'],
    ['an unknown kind', forged(['User', 'g', 'alice'])],
    ['a kind that objects have by nature', forged(['constructor', 'g'])],
    ['a grid that is no name', forged(['Task', 1, 't'])],
    ['too few parts', forged(['Job', 'g', 'schedd', 1])],
    ['too many parts', forged(['Task', 'g', 't', 'u'])],
    ['a number as text', forged(['Job', 'g', 'schedd', '1', 0])],
    ['a negative number', forged(['Job', 'g', 'schedd', -1, 0])],
    ['a fraction', forged(['Job', 'g', 'schedd', 1.5, 0])],
    ['a number beyond 2^53', forged(['Job', 'g', 'schedd', 2 ** 53, 0])],
    ['nothing where a name has to be', forged(['Task', 'g', null])],
    ['nested parts', forged(['Task', 'g', ['t']])],
    ['no list', forged({ kind: 'Task' })],
    ['over-long', forged(['Task', 'g', 't'.repeat(5_000)])],
  ])('%s', (_damage, id) => {
    expect(codeOf(() => decodeId(id))).toBe('BAD_ID');
  });

  it('arbitrary text and arbitrary JSON raise nothing else', () => {
    const text = fc.oneof(
      fc.string({ unit: anyUnit }),
      fc.base64String(),
      fc.json({ maxDepth: 2 }).map((json) => Buffer.from(json).toString('base64url')),
      fc
        .array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 4 })
        .map((parts) => forged(['Job', 'g', ...parts])),
    );
    fc.assert(
      fc.property(text, (id) => {
        expect(['no error', 'BAD_ID']).toContain(codeOf(() => decodeId(id)));
      }),
    );
  });

  it('a refusal shows little of what came', () => {
    expect(() => decodeId('x'.repeat(100_000))).toThrow(/^.{0,300}$/);
  });
});
