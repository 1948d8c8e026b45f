import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTerminal, progressOf, terminalStates, workStates } from '../../src/grids/state.js';

const anyCounts = fc
  .array(fc.tuple(fc.constantFrom(...workStates), fc.nat(1_000)))
  .map((pairs) => new Map(pairs));

describe('a state is terminal', () => {
  it('when the work will change no more: succeeded, failed or cancelled', () => {
    expect(workStates.filter(isTerminal)).toEqual(['SUCCEEDED', 'FAILED', 'CANCELLED']);
    expect(isTerminal('HELD')).toBe(false);
    expect(isTerminal('UNKNOWN')).toBe(false);
  });
});

describe('progress', () => {
  it('adds up: all states make the total, terminal ones the part that is done', () => {
    fc.assert(
      fc.property(anyCounts, (counts) => {
        const { total, terminal, fraction, byState } = progressOf(counts);
        const sum = (states: Iterable<(typeof workStates)[number]>) =>
          [...states].reduce((n, state) => n + (counts.get(state) ?? 0), 0);
        expect(total).toBe(sum(workStates));
        expect(terminal).toBe(sum(terminalStates));
        expect(fraction).toBe(total === 0 ? 1 : terminal / total);
        expect(byState.every(({ count }) => count > 0)).toBe(true);
        expect(new Map(byState.map(({ state, count }) => [state, count]))).toEqual(
          new Map([...counts].filter(([, count]) => count > 0)),
        );
      }),
    );
  });

  it('names states in one order, however they were counted', () => {
    const counts = new Map([
      ['FAILED', 1],
      ['HELD', 2],
      ['QUEUED', 3],
    ] as const);
    expect(progressOf(counts).byState.map(({ state }) => state)).toEqual([
      'QUEUED',
      'HELD',
      'FAILED',
    ]);
  });

  it('of an empty batch is complete', () => {
    expect(progressOf(new Map())).toEqual({
      total: 0,
      terminal: 0,
      fraction: 1,
      byState: [],
      ratePerMinute: null,
      etaAt: null,
    });
  });

  it('has a rate and an estimate only where they are known', () => {
    const counts = new Map([['RUNNING', 1]] as const);
    expect(progressOf(counts)).toMatchObject({ ratePerMinute: null, etaAt: null });
    expect(progressOf(counts, { ratePerMinute: 2, etaAt: 5 })).toMatchObject({
      ratePerMinute: 2,
      etaAt: 5,
    });
  });
});
