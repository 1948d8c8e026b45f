/** Feeds an event log into the ring of a pool's events: what is written, and on demand what was written before. */
import { type EventRing, placeOf } from '../../event-ring.js';
import type { JobEventEntry } from '../../job-logs.js';
import { type Origin, readPast } from './past.js';
import { EventLogReader, type EventLogOptions, type ReadRecord } from './reader.js';
import { parseRecord, type LogRecord } from './record.js';
import { Twins } from './twins.js';

export interface EventFeedOptions extends Omit<EventLogOptions, 'onBegin' | 'onRecords'> {
  /** As it is now: another one behind each gap. */
  readonly ring: () => EventRing;
  /** What a record tells this pool; nothing where it is about another. */
  readonly entries: (record: LogRecord) => readonly JobEventEntry[];
  /** What has been written. */
  readonly onEntries: (entries: readonly JobEventEntry[]) => void;
}

/** Read again, at most, for a position from before: some 20,000 events. */
const maxRecallBytes = 64 * 1024 * 1024;

export class EventFeed {
  readonly #options: EventFeedOptions;
  readonly #reader: EventLogReader;
  readonly #twins = new Twins();
  readonly #stop = new AbortController();
  #twinTimer: NodeJS.Timeout | undefined;
  #recalling: Promise<void> = Promise.resolve();
  /** Where the ring begins in the log, while that is known. */
  #origin: Origin | undefined;
  #lagMs: number | undefined;

  constructor({ ring, entries, onEntries, ...options }: EventFeedOptions) {
    this.#options = { ring, entries, onEntries, ...options };
    this.#reader = new EventLogReader({
      ...options,
      onBegin: (origin) => this.#beginAt(origin),
      onRecords: (records) => this.#arrived(records),
      onGap: (why) => this.#torn(why),
    });
  }

  /** Why the log is not read; undefined while it is. */
  get trouble(): string | undefined {
    return this.#reader.trouble;
  }

  /** Milliseconds from the time of the last event to when it was read. */
  get lagMs(): number | undefined {
    return this.#lagMs;
  }

  begin(): Promise<void> {
    return this.#reader.begin();
  }

  /** Everything that is in the files now has been told when it resolves. */
  async drained(): Promise<void> {
    await this.#reader.drained();
    this.#flush(Infinity);
  }

  /** Puts what came behind this place before what is told, where it can be read. One after the other; never rejects. */
  recall(mark: string): Promise<void> {
    return (this.#recalling = this.#recalling.then(() =>
      // A place that can't be read makes a gap for who came with it.
      this.#recall(mark).catch(() => undefined),
    ));
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('The log is not followed any more.'));
    clearTimeout(this.#twinTimer);
    await this.#reader.stop();
    await this.#recalling;
  }

  #beginAt(origin: Origin): void {
    const { file, offset } = origin;
    this.#origin = origin;
    this.#options.ring().begin(file === undefined ? undefined : { file, offset });
  }

  /** What was read before the gap is told before it. */
  #torn(why: string): void {
    this.#flush(Infinity);
    this.#origin = undefined;
    this.#options.onGap(why);
  }

  #arrived(records: readonly ReadRecord[]): void {
    const nowMs = Date.now();
    for (const { text, place, inOrder } of records) {
      const record = parseRecord(text, nowMs);
      if (record === undefined) continue;
      if (place !== undefined) this.#options.ring().enter(place.file);
      this.#twins.push({ ...record, place, inOrder }, nowMs);
    }
    this.#flush(nowMs);
  }

  #flush(nowMs: number): void {
    const entries = this.#twins.ready(nowMs).flatMap((record) => this.#options.entries(record));
    const last = entries.at(-1);
    if (last !== undefined) {
      this.#lagMs = Math.max(0, last.seenAt - last.at);
      this.#options.onEntries(entries);
    }
    clearTimeout(this.#twinTimer);
    const dueInMs = this.#twins.dueInMs(nowMs);
    if (dueInMs === undefined || this.#stop.signal.aborted) return;
    this.#twinTimer = setTimeout(() => this.#flush(Date.now()), dueInMs + 1);
    this.#twinTimer.unref();
  }

  async #recall(mark: string): Promise<void> {
    const { path, entries } = this.#options;
    const { signal } = this.#stop;
    const place = placeOf(mark);
    if (place === undefined || !this.#options.ring().isWhole || signal.aborted) return;
    // Another server may have read further.
    await this.#reader.drained();
    const ring = this.#options.ring();
    const limit = ring.room;
    if (this.#origin === undefined || limit === 0 || ring.find(mark) !== undefined) return;
    const options = { entries, limit, maxBytes: maxRecallBytes, signal };
    const past = await readPast(path, place, this.#origin, options);
    if (past === undefined || ring !== this.#options.ring()) return;
    ring.recall(past.isCut ? undefined : place, past.files, past.entries);
    this.#origin = past.isCut ? undefined : past.origin;
  }
}
