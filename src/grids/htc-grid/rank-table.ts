/** Numbers by the index of a task, 8 bytes each where the indexes are dense; those of other tasks in a map. */

const firstEntries = 64;
const mostEntries = 2 ** 24;

export class RankTable {
  /** NaN where there is none. */
  #dense = new Float64Array(0);
  readonly #others = new Map<number | string, number>();
  #size = 0;

  get size(): number {
    return this.#size + this.#others.size;
  }

  get bytes(): number {
    return this.#dense.byteLength;
  }

  get(key: number | string): number | undefined {
    const rank = typeof key === 'number' ? this.#dense[key] : undefined;
    return rank === undefined || Number.isNaN(rank) ? this.#others.get(key) : rank;
  }

  set(key: number | string, rank: number): void {
    if (typeof key !== 'number' || this.#others.has(key) || !this.#fits(key)) {
      this.#others.set(key, rank);
      return;
    }
    if (Number.isNaN(this.#dense[key])) this.#size++;
    this.#dense[key] = rank;
  }

  *[Symbol.iterator](): Generator<readonly [number | string, number]> {
    for (const [key, rank] of this.#dense.entries()) if (!Number.isNaN(rank)) yield [key, rank];
    yield* this.#others;
  }

  /** An index far beyond what there is must not cost all those before it. */
  #fits(key: number): boolean {
    const { length } = this.#dense;
    if (key < length) return true;
    if (key >= mostEntries || key >= 2 * this.#size + firstEntries) return false;
    const grown = new Float64Array(Math.max(key + 1, firstEntries, Math.ceil(length * 1.25)));
    grown.fill(NaN, length);
    grown.set(this.#dense);
    this.#dense = grown;
    return true;
  }
}
