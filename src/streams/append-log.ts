/** A completion log in memory: unbounded for one session, or a ring of the newest entries. */
import { randomBytes } from 'node:crypto';
import type { CompletionLog } from './log.js';
import { Waiting } from './waiting.js';

export interface AppendLogOptions {
  /** Default: random, so that no cursor of an earlier log or process is taken for one of this log. */
  readonly epoch?: string;
  /**
   * Entries kept. Default: all. A reader that falls behind by more is told so in a GAP, so take
   * several times the largest batch of a frame (1,000).
   */
  readonly limit?: number;
}

/** Where a log keeps its entries; places are written from 0 on, and again where the log is a ring. */
export interface EntryStore<Entry> {
  /** The entry of a place that was written. */
  at(place: number): Entry;
  put(place: number, entry: Entry): void;
}

/** The largest batch of a frame: what was read last is kept up to there. */
const keptEntries = 1000;

export class AppendLog<Entry> implements CompletionLog<Entry> {
  readonly epoch: string;
  readonly #limit: number;
  /** A position's place is `(position - first) % limit`: a newer entry releases the one it replaces. */
  #entries: EntryStore<Entry>;
  #first = 0;
  #last: { readonly position: number; readonly stop: number; readonly entries: readonly Entry[] } =
    { position: 0, stop: 0, entries: [] };
  readonly #waiting = new Waiting();
  #end = 0;
  #complete = false;
  #lost: Error | undefined;

  constructor(
    readonly name: string,
    { epoch = newEpoch(), limit = Infinity }: AppendLogOptions = {},
    /** Default: as they are. */
    entries: EntryStore<Entry> = new PlainEntries(),
  ) {
    if (limit !== Infinity && !(Number.isSafeInteger(limit) && limit >= 1)) {
      throw new RangeError(`The limit of log ${name} is a whole number from 1, not ${limit}.`);
    }
    this.epoch = epoch;
    this.#limit = limit;
    this.#entries = entries;
  }

  get start(): number {
    return Math.max(this.#first, this.#end - this.#limit);
  }
  get end(): number {
    return this.#end;
  }
  get complete(): boolean {
    return this.#complete;
  }
  get lost(): Error | undefined {
    return this.#lost;
  }

  /** Adds entries and wakes who waits for them. A finished or lost log takes none. */
  append(entries: Iterable<Entry>): void {
    if (this.#over) throw new Error(`Log ${this.name} is over and takes no more entries.`);
    for (const entry of entries) {
      this.#entries.put((this.#end - this.#first) % this.#limit, entry);
      this.#end += 1;
    }
    this.#waiting.changed();
  }

  /** Goes on at a later position: what is before it can't be read (any more). */
  skipTo(position: number): void {
    if (position <= this.#end) return;
    this.#first = this.#end = position;
    this.#last = { position, stop: position, entries: [] };
  }

  /** Drops all that is kept: who has not read it gets a GAP. */
  clear(): void {
    this.#entries = new PlainEntries();
    this.#first = this.#end;
    this.#last = { position: this.#end, stop: this.#end, entries: [] };
  }

  /** Older entries for which there is place and positions. */
  get free(): number {
    return Math.min(this.#limit - (this.#end - this.start), this.start);
  }

  /** Puts older entries before the oldest there is: the newest of them, where not all are free to be put. */
  prepend(older: readonly Entry[]): void {
    const { start } = this;
    const added = this.free === 0 ? [] : older.slice(-this.free);
    const entries = [...added, ...this.read(start, Infinity)];
    this.#first = start - added.length;
    for (const [i, entry] of entries.entries()) this.#entries.put(i, entry);
    this.#last = { position: this.#first, stop: this.#first, entries: [] };
  }

  /** The entry at a position, unless it is outside of what is kept. */
  at(position: number): Entry | undefined {
    if (position < this.start || position >= this.#end) return undefined;
    return this.#entries.at((position - this.#first) % this.#limit);
  }

  /** No entry will follow: readers that have read all get END COMPLETE. Repeats are harmless. */
  finish(): void {
    if (this.#over) return;
    this.#complete = true;
    this.#waiting.changed();
  }

  /** Takes a finish back: readers that come from now on wait for more. */
  resume(): void {
    this.#complete = false;
  }

  /** The source is lost: readers get what is there, then a GAP. Without effect once the log is over. */
  fail(error: Error): void {
    if (this.#over) return;
    this.#lost = error;
    this.#waiting.changed();
  }

  read(position: number, limit: number): readonly Entry[] {
    if (position < this.start) {
      throw new RangeError(
        `Log ${this.name} starts at ${this.start}; position ${position} is expired.`,
      );
    }
    const stop = Math.min(this.#end, position + limit);
    // Subscribers that wake together read the same.
    if (this.#last.position === position && this.#last.stop === stop) return this.#last.entries;
    const entries: Entry[] = [];
    for (let at = position; at < stop; at += 1) {
      entries.push(this.#entries.at((at - this.#first) % this.#limit));
    }
    if (stop - position <= keptEntries) this.#last = { position, stop, entries };
    return entries;
  }

  changed(position: number, signal: AbortSignal): Promise<void> {
    return this.#waiting.until(() => this.#over || this.#end > position, signal);
  }

  /** Readers that wait at this moment: what a test of leaks, and a metric, can see. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get #over(): boolean {
    return this.#complete || this.#lost !== undefined;
  }
}

export const newEpoch = (): string => randomBytes(9).toString('base64url');

class PlainEntries<Entry> implements EntryStore<Entry> {
  readonly #entries: Entry[] = [];

  at(place: number): Entry {
    // Only places that were written are asked for.
    return this.#entries[place] as Entry;
  }

  put(place: number, entry: Entry): void {
    this.#entries[place] = entry;
  }
}
