/**
 * A log that replicas share, as one of them has it: in memory for reading, and, while this replica has the lease, with
 * a term of its own that appends. What is appended here is read back from Redis like anybody's, so that all replicas
 * have one order and the same positions.
 */
import { GridError } from '../../errors.js';
import type { Redis } from 'ioredis';
import { AppendLog, newEpoch, type EntryStore } from '../append-log.js';
import { pause, type Clock } from '../clock.js';
import type { CompletionLog } from '../log.js';
import type { ReadLog, RecordReader } from './record-reader.js';
import {
  jsonCodec,
  parseRecord,
  type EntryCodec,
  type LogRecord,
  type RawRecord,
} from './record.js';
import type { Known, LogKeys, LogScripts } from './scripts.js';
import { newToken, Term, type Leading } from './term.js';

export interface SharedLogOptions<Entry> {
  /** Default: JSON. */
  readonly codec?: EntryCodec<Entry>;
  /** Entries kept, here and in Redis. Default: all. */
  readonly limit?: number;
  /** Where they are kept here. Default: as they are. */
  readonly entries?: EntryStore<Entry>;
  /** Hears of entries as they are read; `isNews` is false for those from before the log was opened or first noted. */
  readonly heard?: (entries: readonly Entry[], isNews: boolean) => void;
}

export interface SharedLogParts {
  readonly keys: LogKeys;
  readonly scripts: LogScripts;
  readonly commands: Redis;
  readonly reader: RecordReader;
  readonly clock: Clock;
  readonly keepMs: number;
  readonly leaseMs: number;
  readonly closed: () => void;
}

/** Records that are read at once when a log is opened. */
const pageRecords = 32;
/** Between two tries to reach Redis for who waits. */
const retryMs = 50;
const nothing: Known = { epoch: '', seq: 0, writer: '', entriesSeq: 0, entriesWriter: '' };

export class SharedLog<Entry> implements CompletionLog<Entry> {
  readonly #log: AppendLog<Entry>;
  readonly #codec: EntryCodec<Entry>;
  readonly #limit: number;
  readonly #heard: NonNullable<SharedLogOptions<Entry>['heard']>;
  readonly #waiting = new Set<() => void>();
  readonly #read: ReadLog;
  #known = nothing;
  #born = '';
  #note = '';
  #isRead = false;
  /** By the clock's uptime. */
  #visitedAt = -Infinity;
  /** The last record, as Redis had it then. */
  #visitedSeq = 0;
  #leading: Leading<Entry> | undefined;
  #term: Term<Entry> | undefined;
  #visiting: Promise<void> | undefined;
  #isReading = false;
  #skipPause: () => void = () => undefined;
  #closed: Promise<void> | undefined;

  constructor(
    readonly name: string,
    { codec = jsonCodec(), limit, entries, heard = () => undefined }: SharedLogOptions<Entry>,
    private readonly parts: SharedLogParts,
  ) {
    this.#codec = codec;
    this.#limit = limit ?? 0;
    this.#heard = heard;
    this.#log = new AppendLog(name, limit === undefined ? {} : { limit }, entries);
    this.#read = {
      key: parts.keys.log,
      lastId: () => `${this.#born}-${this.#known.seq}`,
      records: (records) => {
        this.#take(records);
      },
      look: () => this.visit(),
    };
    // Who leads it from the start asks for the lease with the first visit.
    queueMicrotask(() => void this.#keepVisiting());
  }

  /** "none" until the log was found in Redis; position 0 means the same in all of them. */
  get epoch(): string {
    return this.#known.epoch === '' ? 'none' : this.#known.epoch;
  }
  get start(): number {
    return this.#log.start;
  }
  get end(): number {
    return this.#log.end;
  }
  get complete(): boolean {
    return this.#log.complete;
  }
  get lost(): Error | undefined {
    return this.#log.lost;
  }
  /** What its writer said of the log as a whole; empty before the first time. */
  get note(): string {
    return this.#note;
  }
  /** True while this replica appends to it. */
  get leads(): boolean {
    return this.#term !== undefined;
  }
  /** True once all that Redis had of it was read. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** False where Redis was not reached for a while: what is known here may be old. */
  get isCurrent(): boolean {
    const { clock, leaseMs } = this.parts;
    return clock.uptime() - this.#visitedAt < 2 * leaseMs;
  }

  read(position: number, limit: number): readonly Entry[] {
    return this.#log.read(position, limit);
  }

  changed(position: number, signal: AbortSignal): Promise<void> {
    return this.#log.changed(position, signal);
  }

  /**
   * From now on this replica appends whenever it can have the lease. Each time `leading.run` is called once all that
   * is in the log was read; its signal is aborted when the lease is lost. What it rejects with is the loss of the log.
   */
  lead(leading: Leading<Entry>): void {
    this.#leading = leading;
    // A visit under way does not ask for the lease yet.
    const visited = this.#visiting ?? Promise.resolve();
    void visited.then(() => this.visit()).catch(() => undefined);
  }

  /** Resolves once `is` does, looked at whenever something of the log has changed; rejects with its loss. */
  async until(is: () => boolean, signal: AbortSignal): Promise<void> {
    while (!is()) {
      if (this.lost !== undefined) throw this.lost;
      signal.throwIfAborted();
      await this.#change(signal);
    }
  }

  /**
   * Resolves once all was read that Redis has at this moment: then a cursor that another replica gave is good here. Where
   * Redis does not answer for as long as a lease lasts, there is what there is.
   */
  async caughtUp(signal: AbortSignal): Promise<void> {
    const { clock, leaseMs } = this.parts;
    const late = new AbortController();
    const cancel = clock.after(leaseMs, () => {
      late.abort();
    });
    const soon = AbortSignal.any([signal, late.signal]);
    const visited = () =>
      this.visit().then(
        () => true,
        () => false,
      );
    try {
      // A visit under way may have looked before.
      await this.#visiting?.catch(() => undefined);
      while (!(await visited())) await pause(clock, retryMs, soon);
      const seq = this.#visitedSeq;
      if (this.#known.seq < seq) await this.#readAll();
      await this.until(() => this.#known.seq >= seq, soon);
    } catch {
      signal.throwIfAborted();
    } finally {
      cancel();
    }
  }

  /** Looks at the log in Redis, with the lease where it can be had or renewed. */
  visit(): Promise<void> {
    this.#visiting ??= this.#visit().finally(() => {
      this.#visiting = undefined;
    });
    return this.#visiting;
  }

  /** Readers of this replica get what is there, then a GAP; the log itself goes on with others. */
  fail(error: Error): void {
    if (!this.#isOver) this.#fail(error);
  }

  /** Ends the term of this replica; the lease is free at once, where Redis answers. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.parts.closed();
    if (!this.complete)
      this.#fail(new GridError('UNAVAILABLE', `The log ${this.name} is not followed any more.`));
    this.#leave();
    await this.#term?.end('The log was closed.');
  }

  /** Often enough that a lease which is free is taken, and one that is held is kept, well within its time. */
  async #keepVisiting(): Promise<void> {
    const { clock, leaseMs } = this.parts;
    while (!this.#isOver) {
      await this.visit().catch(() => undefined);
      this.#term?.write();
      if (this.#isOver) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(leaseMs / 3, resolve);
        this.#skipPause = () => {
          cancel();
          resolve();
        };
      });
    }
  }

  get #isOver(): boolean {
    return this.#closed !== undefined || this.lost !== undefined;
  }

  async #visit(): Promise<void> {
    if (this.#isOver) return;
    const { scripts, keys, clock, leaseMs, keepMs } = this.parts;
    const leading = this.#leading;
    // A term that has ended is not renewed; the next one begins with a later visit.
    const isEnding = this.#term?.signal.aborted === true;
    const token = isEnding || leading === undefined ? '' : (this.#term?.token ?? newToken());
    const sentAt = clock.uptime();
    const found = await scripts.visit(keys, {
      token,
      leaseMs,
      keepMs,
      freshEpoch: newEpoch(),
      known: this.#known,
    });
    this.#visitedAt = sentAt;
    this.#visitedSeq = found.seq;
    const isOther = this.#known.epoch !== '' && found.epoch !== this.#known.epoch;
    if (isOther) {
      const message = `The Redis of the replicas lost what it had of ${this.name}.`;
      this.#fail(new GridError('UNAVAILABLE', message));
    }
    if (this.#isOver) {
      if (found.leads) await scripts.release(keys, token);
      return;
    }
    if (found.epoch === '') return;
    if (this.#known.epoch === '') {
      this.#born = found.born;
      this.#known = { ...nothing, epoch: found.epoch };
    }
    if (!this.#isRead) void this.#readAll();
    if (this.#term !== undefined && !found.leads) void this.#term.end('Another has the lease.');
    if (!found.leads || leading === undefined) return;
    if (this.#term === undefined) this.#beginTerm(token, found.seq, leading);
    this.#term?.renewed(sentAt + leaseMs);
  }

  /** All that is there; then the reader brings what is new. What fails is tried again with the next visit. */
  async #readAll(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      await this.#readPages();
    } catch {
      // Redis does not answer.
    }
    this.#isReading = false;
  }

  async #readPages(): Promise<void> {
    const { commands, keys, reader } = this.parts;
    for (;;) {
      const next = `${this.#born}-${this.#known.seq + 1}`;
      const page = await commands.xrange(keys.log, next, '+', 'COUNT', pageRecords);
      this.#take(page);
      if (this.#isOver) return;
      if (page.length < pageRecords) break;
    }
    this.#isRead = true;
    reader.add(this.#read);
    this.#wake();
  }

  #take(records: readonly RawRecord[]): void {
    try {
      for (const raw of records) {
        if (this.#isOver) return;
        const record = parseRecord(raw);
        if (record?.born !== this.#born) throw new Error('Another log has its place.');
        if (record.seq > this.#known.seq) this.#add(record);
      }
    } catch (cause) {
      const message = `The log ${this.name} in the Redis of the replicas can't be read on.`;
      this.#fail(new GridError('UNAVAILABLE', message, { cause }));
    }
    this.#wake();
  }

  #add({ seq, writer, at, lines, note, complete }: LogRecord): void {
    if (at < this.end) throw new Error(`Expected position ${this.end}, came ${at}.`);
    // Of a ring that went on too fast.
    this.#log.skipTo(at);
    this.#log.resume();
    const entries = lines.map((line) => this.#codec.decode(line));
    this.#log.append(entries);
    if (entries.length > 0) this.#heard(entries, this.#isRead && this.#note !== '');
    this.#note = note;
    const last = entries.length > 0 ? { entriesSeq: seq, entriesWriter: writer } : {};
    this.#known = { ...this.#known, seq, writer, ...last };
    if (complete) this.#log.finish();
    this.#term?.read(seq);
  }

  #beginTerm(token: string, seq: number, leading: Leading<Entry>): void {
    const { keys, scripts, clock, keepMs } = this.parts;
    const term: Term<Entry> = new Term(token, leading, {
      ...{ keys, scripts, clock, keepMs },
      codec: this.#codec,
      limit: this.#limit,
      changed: () => {
        this.#wake();
      },
    });
    this.#term = term;
    const run = async () => {
      await this.until(() => this.#isRead && this.#known.seq >= seq, term.signal);
      term.begin({ seq: this.#known.seq, note: this.#note, complete: this.complete });
      await leading.run(term);
    };
    const over = () => {
      if (this.#term === term) this.#term = undefined;
      this.#wake();
    };
    run()
      .catch((error: unknown) => {
        if (!term.signal.aborted)
          this.#fail(error instanceof Error ? error : new Error(String(error)));
      })
      .then(() => term.end('It was ended.'))
      .then(over, over);
  }

  #fail(error: Error): void {
    // Also one that was complete: it can't go on when a task changes.
    this.#log.resume();
    this.#log.fail(error);
    this.#leave();
    void this.#term?.end(error.message);
  }

  #leave(): void {
    this.#skipPause();
    this.parts.reader.remove(this.#read);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', abort);
      };
      const wake = () => {
        leave();
        resolve();
      };
      const abort = () => {
        leave();
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.add(wake);
    });
  }
}
