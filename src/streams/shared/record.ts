/** A record of a shared log: a batch of entries and what its writer said of the log, as Redis has it. */

export interface LogRecord {
  /** Which life of the log it is of: the first part of its id. */
  readonly born: string;
  readonly seq: number;
  readonly writer: string;
  /** The position of its first entry. */
  readonly at: number;
  readonly lines: readonly string[];
  /** Words of the writer about the log as a whole. */
  readonly note: string;
  readonly complete: boolean;
}

export type RawRecord = readonly [id: string, fields: readonly string[]];

/** Undefined for what no server of this kind wrote. */
export function parseRecord([id, fields]: RawRecord): LogRecord | undefined {
  const [born, seq] = id.split('-');
  const [, writer, , at, , count, , entries, , note, , complete] = fields;
  if (born === undefined || complete === undefined || entries === undefined) return undefined;
  const lines = Number(count) === 0 ? [] : entries.split('\n');
  if (lines.length !== Number(count)) return undefined;
  return {
    born,
    seq: Number(seq),
    writer: writer ?? '',
    at: Number(at),
    lines,
    note: note ?? '',
    complete: complete === '1',
  };
}

/** An entry as one line of text and back. */
export interface EntryCodec<Entry> {
  encode(entry: Entry): string;
  decode(line: string): Entry;
}

/** JSON has no line ends in it. What is read was written by a replica of the same server. */
export const jsonCodec = <Entry>(): EntryCodec<Entry> => ({
  encode: (entry) => JSON.stringify(entry),
  decode: (line) => JSON.parse(line) as Entry,
});

const maxBatchEntries = 256;
const maxBatchChars = 64 * 1024;

/** How many of the lines from `from` on one record takes. */
export function batchOf(lines: readonly string[], from: number): number {
  let chars = 0;
  let count = 0;
  while (from + count < lines.length && count < maxBatchEntries) {
    chars += (lines[from + count] ?? '').length;
    if (count > 0 && chars > maxBatchChars) break;
    count += 1;
  }
  return count;
}
