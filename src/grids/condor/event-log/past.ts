/** What the files of an event log still have of the time before it was followed: read again from a place on. */
import type { EventPlace, JobEventEntry } from '../../job-logs.js';
import { filesSince, type KnownFile } from './files.js';
import { lookBackBytes, RecordCutter } from './framing.js';
import { parseRecord, type LogRecord } from './record.js';
import { Twins } from './twins.js';

/** Where following began. */
export interface Origin {
  readonly inode: bigint;
  /** Undefined where the file said nothing yet. */
  readonly file: string | undefined;
  readonly offset: number;
}

export interface PastOptions {
  /** What a record tells this pool. */
  readonly entries: (record: LogRecord) => readonly JobEventEntry[];
  /** Entries given back: the newest. */
  readonly limit: number;
  /** A place that is further back is not read from. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface PastEvents {
  /** From the oldest to the newest. */
  readonly files: readonly string[];
  /** Where they begin. */
  readonly origin: Origin;
  readonly entries: readonly JobEventEntry[];
  /** Whether there were more than the limit. */
  readonly isCut: boolean;
}

/** Some 15 ms of work: others have their turn in between. */
const chunkBytes = 64 * 1024;
/** Time as twins see it: an event waits for its twin through two chunks. */
const chunkMs = 30;

/** The events behind a place up to the origin; undefined where they are not all there. */
export async function readPast(
  path: string,
  from: EventPlace,
  origin: Origin,
  options: PastOptions,
): Promise<PastEvents | undefined> {
  const known = await filesSince(path, from.file);
  if (known === undefined) return undefined;
  try {
    const last = known.findIndex(
      ({ inode, identity }) =>
        inode === origin.inode && (origin.file === undefined || identity === origin.file),
    );
    const files = last === -1 ? [] : known.slice(last).reverse();
    const parts = files.map((file, i) => ({
      file,
      from: i === 0 ? from.offset : 0,
      to: i === files.length - 1 ? origin.offset : file.size,
    }));
    const [first] = parts;
    const bytes = parts.reduce((sum, part) => sum + part.to - part.from, 0);
    if (first === undefined || parts.some((part) => part.from > Math.min(part.to, part.file.size)))
      return undefined;
    if (bytes > options.maxBytes) return undefined;
    const past = new Past(from, options);
    for (const part of parts) await past.read(part.file, part.from, part.to);
    return {
      files: files.flatMap(({ identity }) => identity ?? []),
      origin: { inode: first.file.inode, file: from.file, offset: from.offset },
      ...past.end(),
    };
  } finally {
    await Promise.all(known.map(({ handle }) => handle.close()));
  }
}

class Past {
  readonly #twins = new Twins();
  #entries: JobEventEntry[] = [];
  #isCut = false;
  #nowMs = 0;

  constructor(
    private readonly from: EventPlace,
    private readonly options: PastOptions,
  ) {}

  async read({ handle, identity }: KnownFile, from: number, to: number): Promise<void> {
    // A twin behind the place may be of an event before it.
    let at = Math.max(0, from - lookBackBytes);
    const cutter = new RecordCutter(at);
    while (at < to) {
      this.options.signal.throwIfAborted();
      const length = Math.min(chunkBytes, to - at);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, at);
      if (bytesRead === 0) throw new Error('The event log was truncated while it was read.');
      at += bytesRead;
      for (const { text, end } of cutter.push(buffer.subarray(0, bytesRead))) {
        const record = parseRecord(text, Date.now());
        const place = identity === undefined ? undefined : { file: identity, offset: end };
        if (record !== undefined)
          this.#twins.push({ ...record, place, inOrder: true }, this.#nowMs);
      }
      this.#nowMs += chunkMs;
      this.#take(this.#nowMs);
    }
  }

  end(): Pick<PastEvents, 'entries' | 'isCut'> {
    this.#take(Infinity);
    return { entries: this.#entries, isCut: this.#isCut };
  }

  #take(nowMs: number): void {
    const { file, offset } = this.from;
    for (const record of this.#twins.ready(nowMs)) {
      const { place } = record;
      if (place?.file === file && place.offset <= offset) continue;
      this.#entries.push(...this.options.entries(record));
    }
    const { limit } = this.options;
    if (this.#entries.length <= limit) return;
    this.#isCut = true;
    this.#entries = this.#entries.slice(-limit);
  }
}
