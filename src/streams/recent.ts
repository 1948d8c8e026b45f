/** Rows that frames show, kept for a while by (id, revision) and shared by all subscribers. */

export interface RowKey {
  readonly id: string;
  readonly revision: string;
}

export interface RecentRowsOptions<Row> {
  /** Rows kept, the least recently used go first. Default 10,000. */
  readonly limit?: number;
  /** Rows by key, in the order of the keys; undefined for one that does not exist, an Error for one that failed. */
  readonly fetch: (
    keys: readonly RowKey[],
    signal: AbortSignal,
  ) => Promise<readonly (Row | Error | undefined)[]>;
}

/**
 * A thousand subscribers that wake for the same entries fetch them once: reads under way are shared.
 * They belong to the cache, not to the subscriber that came first, and end with `close()`.
 */
export class RecentRows<Row> {
  readonly #limit: number;
  readonly #fetch: RecentRowsOptions<Row>['fetch'];
  readonly #rows = new Map<string, Promise<Row | Error | undefined>>();
  readonly #closing = new AbortController();

  constructor({ limit = 10_000, fetch }: RecentRowsOptions<Row>) {
    this.#limit = limit;
    this.#fetch = fetch;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Puts a row that is at hand where frames will look for it. */
  remember(key: RowKey, row: Row): void {
    this.#keep(textOf(key), Promise.resolve(row));
  }

  /** The rows of these keys; what is not here is fetched in one call. Absence and failure are not kept. */
  async load(keys: readonly RowKey[]): Promise<readonly (Row | Error | undefined)[]> {
    const found = new Map<string, Promise<Row | Error | undefined>>();
    const missing = new Map<string, RowKey>();
    for (const key of keys) {
      const text = textOf(key);
      const row = this.#rows.get(text);
      if (row === undefined) missing.set(text, key);
      else {
        found.set(text, row);
        this.#keep(text, row);
      }
    }
    if (missing.size > 0) {
      const fetched = this.#fetchAll([...missing.values()]);
      for (const [index, text] of [...missing.keys()].entries()) {
        const row = fetched.then((rows) => rows[index]);
        found.set(text, row);
        this.#keep(text, row);
        void row.then((value) => {
          const absent = value === undefined || value instanceof Error;
          if (absent && this.#rows.get(text) === row) this.#rows.delete(text);
        });
      }
    }
    return Promise.all(keys.map(async (key) => found.get(textOf(key))));
  }

  /** Ends reads under way and forgets every row. */
  close(): void {
    this.#closing.abort();
    this.#rows.clear();
  }

  /** Never rejects: a failed call is the failure of each of its rows. */
  async #fetchAll(keys: readonly RowKey[]): Promise<readonly (Row | Error | undefined)[]> {
    try {
      return await this.#fetch(keys, this.#closing.signal);
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      return keys.map(() => failure);
    }
  }

  #keep(text: string, row: Promise<Row | Error | undefined>): void {
    this.#rows.delete(text);
    this.#rows.set(text, row);
    if (this.#rows.size <= this.#limit) return;
    const [oldest] = this.#rows.keys();
    if (oldest !== undefined) this.#rows.delete(oldest);
  }
}

/** The length tells ("a", "bc") from ("ab", "c"). */
function textOf({ id, revision }: RowKey): string {
  return `${id.length}:${id}${revision}`;
}
