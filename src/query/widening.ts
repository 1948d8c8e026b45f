/** Rows of several lists that are to be widened: what is asked for at one time is asked of a source once. */
import type { Widen } from './collect.js';
import type { Source } from './source.js';

interface Asked<Row> {
  readonly rows: readonly Row[];
  readonly resolve: (widened: readonly Row[] | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class Widening<Row> {
  readonly #asked = new Map<Source<Row>, Asked<Row>[]>();

  constructor(private readonly together: Widen<Row>) {}

  readonly widen: Widen<Row> = (source, rows) =>
    new Promise((resolve, reject) => {
      const asked = this.#asked.get(source) ?? [];
      if (asked.push({ rows, resolve, reject }) > 1) return;
      this.#asked.set(source, asked);
      // Lists that end at one time ask one after the other, without a pause between.
      queueMicrotask(() => void this.#run(source, asked));
    });

  /** Never rejects: those who asked are told. */
  async #run(source: Source<Row>, asked: readonly Asked<Row>[]): Promise<void> {
    this.#asked.delete(source);
    try {
      const widened = await this.together(
        source,
        asked.flatMap(({ rows }) => rows),
      );
      let at = 0;
      for (const { rows, resolve } of asked) resolve(widened?.slice(at, (at += rows.length)));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
