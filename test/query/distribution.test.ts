import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Distribution } from '../../src/query/distribution.js';

const of = (numbers: readonly number[]) => {
  const distribution = new Distribution();
  for (const number of numbers) distribution.add(number);
  return distribution.summary();
};

/** The least number that `q` of all do not exceed. */
const percentile = (numbers: readonly number[], q: number): number =>
  numbers.toSorted((a, b) => a - b)[Math.ceil(q * numbers.length) - 1] ?? NaN;

const magnitude = fc.oneof(
  fc.double({ min: 1e-300, max: 1e300, noNaN: true }),
  fc.double({ min: 0.001, max: 100_000, noNaN: true }),
);
const number = fc.oneof(
  magnitude,
  magnitude.map((value) => -value),
  fc.constant(0),
  fc.integer(),
);

describe('a distribution is exact in count, sum, least and greatest', () => {
  it('of any integers', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (numbers) => {
        const sum = numbers.reduce((a, b) => a + b, 0);
        expect(of(numbers)).toMatchObject({
          count: numbers.length,
          min: Math.min(...numbers),
          max: Math.max(...numbers),
          sum,
          mean: sum / numbers.length,
        });
      }),
    );
  });

  it('of nothing: a count of 0, all else null', () => {
    const nothing = {
      min: null,
      max: null,
      mean: null,
      sum: null,
      p50: null,
      p90: null,
      p99: null,
    };
    expect(of([])).toEqual({ count: 0, ...nothing });
  });

  it('of one number: that number throughout', () => {
    fc.assert(
      fc.property(number, (only) => {
        const { count, ...values } = of([only]);
        expect(count).toBe(1);
        for (const value of Object.values(values)) expect(value === only).toBe(true);
      }),
    );
  });
});

describe('percentiles are within 1 % of a number that is there', () => {
  it('whatever the signs and magnitudes', () => {
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 200 }), (numbers) => {
        const { p50, p90, p99 } = of(numbers);
        for (const [q, answer] of [
          [0.5, p50],
          [0.9, p90],
          [0.99, p99],
        ] as const) {
          const truth = percentile(numbers, q);
          expect(Math.abs((answer ?? NaN) - truth)).toBeLessThanOrEqual(
            Math.abs(truth) * 0.01 * (1 + 1e-6),
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  it('99 % of the numbers are at most p99: of two numbers it is the greater one', () => {
    expect(of([1, 100])).toMatchObject({ p50: 1, p90: 100, p99: 100 });
  });

  it('never leave the range of the numbers, at the ends of what a double holds too', () => {
    const extreme = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(extreme, { minLength: 1 }), (numbers) => {
        const { min, max, p50, p90, p99 } = of(numbers);
        for (const answer of [p50, p90, p99]) {
          expect(answer).toBeGreaterThanOrEqual(min ?? NaN);
          expect(answer).toBeLessThanOrEqual(max ?? NaN);
        }
      }),
    );
  });
});

describe('what is counted', () => {
  it('a number with a weight counts as often as that', () => {
    const weighted = fc.tuple(fc.integer(), fc.integer({ min: 1, max: 20 }));
    fc.assert(
      fc.property(fc.array(weighted), (pairs) => {
        const distribution = new Distribution();
        for (const [value, times] of pairs) distribution.add(value, times);
        const repeated = pairs.flatMap(([value, times]) => Array<number>(times).fill(value));
        expect(distribution.summary()).toEqual(of(repeated));
      }),
    );
  });

  it('the order of arrival makes no difference', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (numbers) => {
        expect(of(numbers.toReversed())).toEqual(of(numbers));
      }),
    );
  });

  it('infinities and NaN are no measurements', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (numbers) => {
        expect(of([NaN, Infinity, ...numbers, -Infinity])).toEqual(of(numbers));
      }),
    );
  });
});
