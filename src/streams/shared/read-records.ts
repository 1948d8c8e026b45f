/**
 * What one replica has read of a shared log: its entries, at the positions that Redis gave them, and what the last
 * record said of the log as a whole.
 */
import type { Redis } from 'ioredis';
import { GridError } from '../../errors.js';
import { AppendLog, type EntryStore } from '../append-log.js';
import type { ReadLog, RecordReader } from './record-reader.js';
import {
  jsonCodec,
  parseRecord,
  type EntryCodec,
  type LogRecord,
  type RawRecord,
} from './record.js';
import type { Known, Visited } from './scripts.js';

export interface ReadingOptions<Entry> {
  /** Default: JSON. */
  readonly codec?: EntryCodec<Entry>;
  /** Entries kept, here and in Redis. Default: all. */
  readonly limit?: number;
  /** The position of the first one. Default: 0, which stands before the first entry in every epoch. */
  readonly first?: number;
  /** Where they are kept here. Default: as they are. */
  readonly entries?: EntryStore<Entry>;
  /** Hears of entries as they are read; `isNews` is false for those from before the log was opened or first noted. */
  readonly heard?: (entries: readonly Entry[], isNews: boolean) => void;
}

export interface ReadingParts {
  readonly key: string;
  readonly commands: Redis;
  readonly reader: RecordReader;
  readonly look: () => Promise<void>;
  /** Aborted once nobody reads it any more. */
  readonly over: AbortSignal;
  /** Something was read. */
  readonly changed: () => void;
  /** What is there does not follow what was read. */
  readonly failed: (error: Error) => void;
}

/** Records that are read at once when a log is opened. */
const pageRecords = 32;
const nothing: Known = { epoch: '', seq: 0, writer: '', entriesSeq: 0, entriesWriter: '' };

export class ReadRecords<Entry> implements ReadLog {
  readonly log: AppendLog<Entry>;
  /** The position of the first entry of all. */
  readonly first: number;
  readonly codec: EntryCodec<Entry>;
  readonly #heard: NonNullable<ReadingOptions<Entry>['heard']>;
  #known = nothing;
  #born = '';
  #note = '';
  #isRead = false;
  #isReading = false;

  constructor(
    readonly name: string,
    {
      codec = jsonCodec(),
      limit,
      first = 0,
      entries,
      heard = () => undefined,
    }: ReadingOptions<Entry>,
    private readonly parts: ReadingParts,
  ) {
    this.codec = codec;
    this.#heard = heard;
    this.log = new AppendLog(name, limit === undefined ? {} : { limit }, entries);
    this.first = first;
    this.log.skipTo(first);
  }

  get key(): string {
    return this.parts.key;
  }
  get known(): Known {
    return this.#known;
  }
  get note(): string {
    return this.#note;
  }
  /** True once all was read that there was. */
  get isRead(): boolean {
    return this.#isRead;
  }

  lastId(): string {
    return `${this.#born}-${this.#known.seq}`;
  }

  look(): Promise<void> {
    return this.parts.look();
  }

  /** The log as a visit found it: another than was read is no longer this one. */
  found({ epoch, born }: Visited): void {
    if (this.#known.epoch === '') {
      if (epoch === '') return;
      this.#born = born;
      this.#known = { ...nothing, epoch };
    } else if (this.#known.epoch !== epoch) {
      const message = `The Redis of the replicas lost what it had of ${this.name}.`;
      this.parts.failed(new GridError('UNAVAILABLE', message));
    }
  }

  /** All that is there; then the reader brings what is new. What fails is tried again with the next visit. */
  async readAll(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      await this.#readPages();
    } catch {
      // Redis does not answer.
    }
    this.#isReading = false;
  }

  records(records: readonly RawRecord[]): void {
    try {
      for (const raw of records) {
        if (this.parts.over.aborted) return;
        const record = parseRecord(raw);
        if (record?.born !== this.#born) throw new Error('Another log has its place.');
        if (record.seq > this.#known.seq) this.#add(record);
      }
    } catch (cause) {
      const message = `The log ${this.name} in the Redis of the replicas can't be read on.`;
      this.parts.failed(new GridError('UNAVAILABLE', message, { cause }));
    }
    this.parts.changed();
  }

  async #readPages(): Promise<void> {
    const { key, commands, reader, over, changed } = this.parts;
    for (;;) {
      const next = `${this.#born}-${this.#known.seq + 1}`;
      const page = await commands.xrange(key, next, '+', 'COUNT', pageRecords);
      this.records(page);
      if (over.aborted) return;
      if (page.length < pageRecords) break;
    }
    this.#isRead = true;
    reader.add(this);
    changed();
  }

  #add({ seq, writer, at, lines, note, complete }: LogRecord): void {
    const { log } = this;
    if (at < log.end) throw new Error(`Expected position ${log.end}, came ${at}.`);
    // Of a ring that went on too fast.
    log.skipTo(at);
    log.resume();
    const entries = lines.map((line) => this.codec.decode(line));
    log.append(entries);
    if (entries.length > 0) this.#heard(entries, this.#isRead && this.#note !== '');
    this.#note = note;
    const last = entries.length > 0 ? { entriesSeq: seq, entriesWriter: writer } : {};
    this.#known = { ...this.#known, seq, writer, ...last };
    if (complete) log.finish();
  }
}
