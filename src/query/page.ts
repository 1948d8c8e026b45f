/** Keeps the rows of one page while any number of rows go by: memory grows with the page alone. */
import { comparator, keyOf } from './compare.js';
import type { OrderTerm, PageKey, PageRequest } from './plan.js';
import type { RowType, Source } from './source.js';

/** Where a kept row came from; a narrow one was read for its keys alone and shows more than it holds. */
export interface Origin<Row> {
  readonly source: Source<Row>;
  readonly narrow: boolean;
}

export interface Placed<Row> {
  readonly row: Row;
  readonly key: PageKey;
  readonly origin: Origin<Row> | undefined;
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
  /** Whether the kept rows came in page order, as those of a page that a grid cut do. */
  #sorted = true;
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
  add(row: Row, origin?: Origin<Row>): boolean {
    const { after, before, limit } = this.request;
    const key = keyOf(row, this.order, this.type);
    if (after && this.#compare(key, after) <= 0) this.#moreBefore = true;
    else if (before && this.#compare(key, before) >= 0) this.#moreAfter = true;
    else if (this.#worst === undefined || this.#inPageOrder(key, this.#worst) < 0) {
      const last = this.#kept.at(-1);
      if (last && this.#sorted) this.#sorted = this.#inPageOrder(last.key, key) <= 0;
      this.#kept.push({ row, key, origin });
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
    if (!this.#sorted) this.#kept.sort((a, b) => this.#inPageOrder(a.key, b.key));
    this.#sorted = true;
    if (this.#kept.length <= this.request.limit) return;
    this.#kept.length = this.request.limit + 1;
    this.#worst = this.#kept[this.request.limit]?.key;
  }
}
