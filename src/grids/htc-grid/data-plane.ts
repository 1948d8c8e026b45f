/** Where inputs and outputs are kept: one interface, the same keys and bytes in every implementation. */

/** A stored value or the beginning of it; `chars` and `end` (its last two characters) are of the whole. */
export interface StoredText {
  readonly text: string;
  readonly chars: number;
  readonly end: string;
}

export interface DataPlane {
  /** Writes all pairs, pipelined; a pair is overwritten like in the grid. */
  put(entries: Iterable<readonly [key: string, text: string]>, signal?: AbortSignal): Promise<void>;
  /** Up to `maxChars` characters; undefined for a missing or evicted key. */
  get(key: string, maxChars: number, signal?: AbortSignal): Promise<StoredText | undefined>;
  /** The same for many keys in one round, in their order. */
  getMany(
    keys: readonly string[],
    maxChars: number,
    signal?: AbortSignal,
  ): Promise<(StoredText | undefined)[]>;
  /** Resolves when the store answers. */
  probe(signal?: AbortSignal): Promise<string>;
  stop(): Promise<void>;
}

export const inputKey = (taskId: string): string => `${taskId}-input`;
export const outputKey = (taskId: string): string => `${taskId}-output`;
export const errorKey = (taskId: string): string => `${taskId}-error`;
export const submissionKey = (sessionId: string): string => `${sessionId}-payload`;

/** The beginning of a whole value. */
export const headOf = (text: string, maxChars: number): StoredText => ({
  text: text.length > maxChars ? text.slice(0, maxChars) : text,
  chars: text.length,
  end: text.slice(-2),
});
