/**
 * A distribution of numbers in bounded memory: exact count, sum, minimum and maximum, and quantiles
 * within 1 % of the true value (logarithmic buckets, the DDSketch of Masson, Rim and Lee, VLDB 2019).
 */

export interface DistributionSummary {
  readonly count: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly sum: number | null;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

const accuracy = 0.01;
const gamma = (1 + accuracy) / (1 - accuracy);
const logGamma = Math.log(gamma);

export class Distribution {
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = -Infinity;
  #zeros = 0;
  /** Bucket index -> how many; doubles span about 71,000 indices at most, real data a few hundred. */
  readonly #positive = new Map<number, number>();
  readonly #negative = new Map<number, number>();

  add(value: number, times = 1): void {
    if (!Number.isFinite(value)) return;
    this.#count += times;
    this.#sum += value * times;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    if (value === 0) this.#zeros += times;
    else {
      const buckets = value > 0 ? this.#positive : this.#negative;
      const index = Math.ceil(Math.log(Math.abs(value)) / logGamma);
      buckets.set(index, (buckets.get(index) ?? 0) + times);
    }
  }

  summary(): DistributionSummary {
    if (this.#count === 0) {
      return {
        count: 0,
        min: null,
        max: null,
        mean: null,
        sum: null,
        p50: null,
        p90: null,
        p99: null,
      };
    }
    const ordered = this.#ordered();
    const quantile = (q: number) => this.#quantile(ordered, q);
    return {
      count: this.#count,
      min: this.#min,
      max: this.#max,
      mean: this.#sum / this.#count,
      sum: this.#sum,
      p50: quantile(0.5),
      p90: quantile(0.9),
      p99: quantile(0.99),
    };
  }

  /** Buckets from the smallest value to the largest, each by its representative value. */
  #ordered(): readonly (readonly [value: number, count: number])[] {
    const middle = (index: number) => gamma ** index * (2 / (gamma + 1));
    const ascending = (buckets: Map<number, number>) => [...buckets].sort(([a], [b]) => a - b);
    return [
      ...ascending(this.#negative)
        .reverse()
        .map(([index, count]) => [-middle(index), count] as const),
      [0, this.#zeros] as const,
      ...ascending(this.#positive).map(([index, count]) => [middle(index), count] as const),
    ];
  }

  #quantile(ordered: readonly (readonly [number, number])[], q: number): number {
    // The nearest rank: the least number that `q` of all numbers do not exceed.
    const rank = Math.ceil(q * this.#count);
    let seen = 0;
    for (const [value, count] of ordered) {
      seen += count;
      if (seen >= rank) return Math.min(this.#max, Math.max(this.#min, value));
    }
    return this.#max;
  }
}
