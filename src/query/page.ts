/** Keeps the rows of one page while any number of rows go by: memory grows with the page alone. */
import { comparator, keyOf } from './compare.js';
import type { OrderTerm, PageKey, PageRequest } from './plan.js';
import type { RowType } from './source.js';

export interface Placed<Row> {
  readonly row: Row;
  readonly key: PageKey;
}

export interface Page<Row> {
  /** In list order, whichever end the page was taken from. */
  readonly rows: readonly Placed<Row>[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

export class PageCollector<Row> {
  readonly #compare: (a: PageKey, b: PageKey) => number;
  /** One more than the page, so that "more" is known; cut back when twice as long. */
  #kept: Placed<Row>[] = [];
  #worst: PageKey | undefined;
  #moreBefore = false;
  #moreAfter = false;

  constructor(
    private readonly request: PageRequest,
    private readonly order: readonly OrderTerm[],
    private readonly type: RowType<Row>,
  ) {
    this.#compare = comparator(order);
  }

  /** False where the row can't be on the page any more. */
  add(row: Row): boolean {
    const { after, before, limit } = this.request;
    const key = keyOf(row, this.order, this.type);
    if (after && this.#compare(key, after) <= 0) this.#moreBefore = true;
    else if (before && this.#compare(key, before) >= 0) this.#moreAfter = true;
    else if (this.#worst === undefined || this.#inPageOrder(key, this.#worst) < 0) {
      this.#kept.push({ row, key });
      if (this.#kept.length > 2 * (limit + 1)) this.#cut();
      return true;
    }
    return false;
  }

  /** Says that rows which were not added lie on that side of the page. */
  sees(more: { readonly before: boolean; readonly after: boolean }): void {
    this.#moreBefore ||= more.before;
    this.#moreAfter ||= more.after;
  }

  page(): Page<Row> {
    this.#cut();
    const rows = this.#kept.slice(0, this.request.limit);
    if (this.#kept.length > rows.length) {
      if (this.request.from === 'front') this.#moreAfter = true;
      else this.#moreBefore = true;
    }
    if (this.request.from === 'back') rows.reverse();
    return { rows, hasNextPage: this.#moreAfter, hasPreviousPage: this.#moreBefore };
  }

  #inPageOrder(a: PageKey, b: PageKey): number {
    return this.request.from === 'front' ? this.#compare(a, b) : this.#compare(b, a);
  }

  #cut(): void {
    this.#kept.sort((a, b) => this.#inPageOrder(a.key, b.key));
    if (this.#kept.length <= this.request.limit) return;
    this.#kept.length = this.request.limit + 1;
    this.#worst = this.#kept[this.request.limit]?.key;
  }
}
