/** Aggregates of a list or a group: counts by state and distributions of numbers, over the whole filter. */
import { Distribution, type DistributionSummary } from './distribution.js';
import type { AggregateSpec } from './plan.js';
import type { Ref } from './predicate.js';
import type { RowType } from './source.js';

export interface Aggregates {
  readonly byState: ReadonlyMap<string, number>;
  /** By `refName`. */
  readonly distributions: ReadonlyMap<string, DistributionSummary>;
}

/** A name that tells refs apart: attribute names are case-insensitive in both grids. */
export const refName = (ref: Ref): string =>
  'field' in ref ? `field:${ref.field}` : `attribute:${ref.attribute.toLowerCase()}`;

export class AggregateCollector<Row> {
  readonly #byState = new Map<string, number>();
  readonly #distributions: readonly { readonly ref: Ref; readonly numbers: Distribution }[];

  constructor(
    private readonly spec: AggregateSpec,
    private readonly type: RowType<Row>,
  ) {
    this.#distributions = spec.distributions.map((ref) => ({ ref, numbers: new Distribution() }));
  }

  add(row: Row, count: number): void {
    if (this.spec.byState) {
      const read = this.type.read(row, { field: 'state' });
      const state = typeof read === 'string' ? read : 'UNKNOWN';
      this.#byState.set(state, (this.#byState.get(state) ?? 0) + count);
    }
    for (const { ref, numbers } of this.#distributions) {
      const value = this.type.read(row, ref);
      if (typeof value === 'number' || typeof value === 'bigint') numbers.add(Number(value), count);
    }
  }

  answer(): Aggregates {
    return {
      byState: this.#byState,
      distributions: new Map(
        this.#distributions.map(({ ref, numbers }) => [refName(ref), numbers.summary()]),
      ),
    };
  }
}
