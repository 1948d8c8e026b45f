/** A log of completions: appended once, read by any number of subscribers at positions of their own. */

/** Readers hold a position, not a queue: a slow one lags without costing memory. */
export interface CompletionLog<Entry> {
  readonly name: string;
  /** Changes when positions of an earlier log of this name mean nothing here. */
  readonly epoch: string;
  /** The position of the oldest entry that can still be read; positions before it are expired. */
  readonly start: number;
  /** The position after the newest entry. */
  readonly end: number;
  /** True once no entry can follow: expected count known, all terminal, no submission under way. */
  readonly complete: boolean;
  /** Set once the source behind the log is lost; readers get what is there, then a GAP. */
  readonly lost: Error | undefined;
  /** Entries from `position` on, at most `limit`; a RangeError for an expired position. */
  read(position: number, limit: number): readonly Entry[];
  /** What a cursor says of a position beside it, where its source holds it for later logs and other servers. */
  mark?(position: number): string | undefined;
  /** The position here of a mark; undefined where what follows it can't be read (any more). */
  find?(mark: string): number | undefined;
  /** Resolves when the log holds more than `position`, is complete or lost; rejects when aborted. */
  changed(position: number, signal: AbortSignal): Promise<void>;
}
