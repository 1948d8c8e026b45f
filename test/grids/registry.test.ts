import { describe, expect, it } from 'vitest';
import { GridError } from '../../src/errors.js';
import type { AnyGrid, GridKind } from '../../src/grids/grid.js';
import { GridRegistry } from '../../src/grids/registry.js';

/** Of a grid the registry reads name and kind alone, and stops it. */
const grid = (name: string, kind: GridKind, stop = async () => {}): AnyGrid =>
  ({ name, kind, stop }) as unknown as AnyGrid;

const htc = grid('cloud', 'HTC_GRID');
const pool = grid('pool', 'HTCONDOR');
const other = grid('other', 'HTCONDOR');

const refusal = (work: () => unknown): { readonly code: string; readonly message: string } => {
  try {
    work();
  } catch (error) {
    if (error instanceof GridError) return error;
    throw error;
  }
  throw new Error('Nothing was refused.');
};

describe('a grid by name', () => {
  it('is found among those that are configured', () => {
    const grids = new GridRegistry([htc, pool]);
    expect(grids.get('pool')).toBe(pool);
    expect(grids.find('pool')).toBe(pool);
    expect(grids.find('nowhere')).toBeUndefined();
  });

  it('that nobody configured is UNKNOWN_GRID, with the names there are', () => {
    const grids = new GridRegistry([htc, pool]);
    expect(refusal(() => grids.get('nowhere'))).toMatchObject({
      code: 'UNKNOWN_GRID',
      message: 'Expected the name of a grid (cloud, pool), came "nowhere".',
    });
    expect(refusal(() => new GridRegistry([]).get('pool')).message).toContain('none is configured');
  });

  it('names are unique from the start', () => {
    expect(() => new GridRegistry([pool, grid('pool', 'HTC_GRID')])).toThrow('the same name');
  });
});

describe('a grid of one kind', () => {
  const grids = new GridRegistry([htc, pool, other]);

  it('needs no name where it is the only one', () => {
    expect(grids.one('HTC_GRID', undefined)).toBe(htc);
    expect(grids.one('HTC_GRID', null)).toBe(htc);
  });

  it('needs a name where there are several, and the refusal gives them', () => {
    expect(grids.one('HTCONDOR', 'other')).toBe(other);
    expect(refusal(() => grids.one('HTCONDOR', null))).toMatchObject({
      code: 'UNKNOWN_GRID',
      message: 'Several grids are of kind HTCONDOR; name one of pool, other.',
    });
  });

  it('is refused where none is configured', () => {
    expect(refusal(() => new GridRegistry([htc]).one('HTCONDOR', null))).toMatchObject({
      code: 'UNKNOWN_GRID',
      message: 'No grid of kind HTCONDOR is configured.',
    });
  });

  it('by the name of the other kind is CAPABILITY_MISSING', () => {
    expect(refusal(() => grids.one('HTCONDOR', 'cloud'))).toMatchObject({
      code: 'CAPABILITY_MISSING',
      message: 'Grid cloud is of kind HTC_GRID; expected one of kind HTCONDOR (pool, other).',
    });
  });

  it('by an unknown name is UNKNOWN_GRID; an empty name is a name', () => {
    expect(refusal(() => grids.one('HTCONDOR', 'nowhere')).code).toBe('UNKNOWN_GRID');
    expect(refusal(() => grids.one('HTC_GRID', '')).code).toBe('UNKNOWN_GRID');
  });

  it('lists in the order of the configuration', () => {
    expect(grids.of('HTCONDOR')).toEqual([pool, other]);
  });
});

describe('stopping', () => {
  it('stops every grid, also where one fails to', async () => {
    const stopped: string[] = [];
    const grids = new GridRegistry([
      grid('a', 'HTC_GRID', () => Promise.reject(new Error('The socket is stuck.'))),
      grid('b', 'HTCONDOR', async () => void stopped.push('b')),
    ]);
    await grids.stop();
    expect(stopped).toEqual(['b']);
  });
});
