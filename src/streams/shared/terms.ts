/**
 * The terms of one replica in a shared log, one behind the other. Each begins with a visit that found the lease free,
 * and appends once all was read that the log had by then.
 */
import { GridError } from '../../errors.js';
import { newToken, Term, type Leading, type TermParts } from './term.js';
import type { Visited } from './scripts.js';

export interface TermsParts<Entry> extends TermParts<Entry> {
  /** Resolves once all up to that record was read, with what the last one said. */
  readonly upTo: (seq: number, signal: AbortSignal) => Promise<Read>;
  /** What is done in a term failed. */
  readonly failed: (error: Error) => void;
}

/** The last record that was read, and what it said. */
export interface Read {
  readonly seq: number;
  readonly note: string;
  readonly complete: boolean;
}

export class Terms<Entry> {
  #leading: Leading<Entry> | undefined;
  #term: Term<Entry> | undefined;

  constructor(private readonly parts: TermsParts<Entry>) {}

  /** True while this replica appends. */
  get leads(): boolean {
    return this.#term !== undefined;
  }

  /** From now on one begins whenever the lease can be had. */
  lead(leading: Leading<Entry>): void {
    this.#leading = leading;
  }

  /** What a visit asks for the lease with; empty where it does not. One that has ended is not renewed. */
  nextToken(): string {
    if (this.#leading === undefined || this.#term?.signal.aborted === true) return '';
    return this.#term?.token ?? (this.parts.rest.isOn() ? '' : newToken());
  }

  /** What a visit with that token found; the lease that it gave lasts until `uptime` of the clock. */
  visited({ leads, seq }: Visited, token: string, uptime: number): void {
    if (!leads) return void this.#term?.end('Another has the lease.');
    if (this.#leading !== undefined) this.#term ??= this.#begin(token, seq, this.#leading);
    this.#term?.renewed(uptime);
  }

  /** This replica has read so far. */
  read(seq: number): void {
    this.#term?.read(seq);
  }

  /** Writes what the present one has to write. */
  write(): void {
    this.#term?.write();
  }

  /** Ends the present one; the lease is free at once, where Redis answers. */
  async end(why: string): Promise<void> {
    await this.#term?.end(why);
  }

  #begin(token: string, seq: number, leading: Leading<Entry>): Term<Entry> {
    const { upTo, changed, failed, rest } = this.parts;
    const term = new Term(token, leading, this.parts);
    const run = async () => {
      term.begin(await upTo(seq, term.signal));
      await leading.run(term);
    };
    const over = () => {
      if (this.#term === term) this.#term = undefined;
      changed();
    };
    run()
      .catch((error: unknown) => {
        if (term.signal.aborted) return;
        // What is not there is there for no other.
        if (!(error instanceof GridError && error.code === 'NOT_FOUND')) rest.begin();
        failed(error instanceof Error ? error : new Error(String(error)));
      })
      .then(() => term.end('It was ended.'))
      .then(over, over);
    return term;
  }
}
