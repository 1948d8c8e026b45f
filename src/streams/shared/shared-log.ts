/**
 * A log that replicas share, as one of them has it: in memory for reading, and, while this replica has the lease, with
 * a term of its own that appends. What is appended here is read back from Redis like anybody's, so that all replicas
 * have one order and the same positions.
 */
import type { Redis } from 'ioredis';
import { GridError } from '../../errors.js';
import { newEpoch } from '../append-log.js';
import { pause, type Clock } from '../clock.js';
import type { CompletionLog } from '../log.js';
import { Waiting } from '../waiting.js';
import { ReadRecords, type ReadingOptions } from './read-records.js';
import type { RecordReader } from './record-reader.js';
import type { LogKeys, LogScripts } from './scripts.js';
import type { Leading, Rest } from './term.js';
import { Terms } from './terms.js';

export type SharedLogOptions<Entry> = ReadingOptions<Entry>;

export interface SharedLogParts {
  readonly keys: LogKeys;
  readonly scripts: LogScripts;
  readonly commands: Redis;
  readonly reader: RecordReader;
  readonly clock: Clock;
  readonly keepMs: number;
  readonly leaseMs: number;
  readonly rest: Rest;
  readonly closed: () => void;
}

/** Between two tries to reach Redis for who waits. */
const retryMs = 50;

export class SharedLog<Entry> implements CompletionLog<Entry> {
  readonly #records: ReadRecords<Entry>;
  readonly #terms: Terms<Entry>;
  readonly #waiting = new Waiting();
  /** Aborted once it is closed or lost. */
  readonly #over = new AbortController();
  /** By the clock's uptime. */
  #visitedAt = -Infinity;
  /** The last record, as Redis had it then. */
  #visitedSeq = 0;
  #visiting: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    readonly name: string,
    options: SharedLogOptions<Entry>,
    private readonly parts: SharedLogParts,
  ) {
    const { keys, commands, reader } = parts;
    const failed = (error: Error) => {
      this.#fail(error);
    };
    this.#records = new ReadRecords(name, options, {
      ...{ key: keys.log, commands, reader, over: this.#over.signal, failed },
      look: () => this.#visitAnew(),
      changed: () => {
        this.#terms.read(this.#records.known.seq);
        this.#waiting.changed();
      },
    });
    this.#terms = new Terms({
      ...{ ...parts, codec: this.#records.codec, limit: options.limit ?? 0, failed },
      changed: () => {
        this.#waiting.changed();
      },
      upTo: async (seq, signal) => {
        await this.#readUpTo(seq, signal);
        return { seq: this.#records.known.seq, note: this.note, complete: this.complete };
      },
    });
    // Who leads it from the start asks for the lease with the first visit.
    queueMicrotask(() => void this.#keepVisiting());
  }

  /** "none" until the log was found in Redis; position 0 means the same in all of them. */
  get epoch(): string {
    const { epoch } = this.#records.known;
    return epoch === '' ? 'none' : epoch;
  }
  get start(): number {
    return this.#records.log.start;
  }
  get end(): number {
    return this.#records.log.end;
  }
  get complete(): boolean {
    return this.#records.log.complete;
  }
  get lost(): Error | undefined {
    return this.#records.log.lost;
  }
  /** What its writer said of the log as a whole; empty before the first time. */
  get note(): string {
    return this.#records.note;
  }
  /** True while this replica appends to it. */
  get leads(): boolean {
    return this.#terms.leads;
  }
  /** True once all that Redis had of it was read. */
  get isRead(): boolean {
    return this.#records.isRead;
  }

  /** False where Redis was not reached for a while: what is known here may be old. */
  get isCurrent(): boolean {
    const { clock, leaseMs } = this.parts;
    return clock.uptime() - this.#visitedAt < 2 * leaseMs;
  }

  read(position: number, limit: number): readonly Entry[] {
    return this.#records.log.read(position, limit);
  }

  changed(position: number, signal: AbortSignal): Promise<void> {
    return this.#records.log.changed(position, signal);
  }

  /**
   * From now on this replica appends whenever it can have the lease. Each time `leading.run` is called once all that
   * is in the log was read; its signal is aborted when the lease is lost. What it rejects with is the loss of the log.
   */
  lead(leading: Leading<Entry>): void {
    this.#terms.lead(leading);
    // A visit under way does not ask for the lease yet.
    void this.#visitAnew().catch(() => undefined);
  }

  /** Resolves once `is` does, looked at whenever something of the log has changed; rejects with its loss. */
  async until(is: () => boolean, signal: AbortSignal): Promise<void> {
    let isSo = false;
    await this.#waiting.until(() => (isSo = is()) || this.lost !== undefined, signal);
    if (!isSo && this.lost !== undefined) throw this.lost;
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
      this.#visitAnew().then(
        () => true,
        () => false,
      );
    try {
      while (!(await visited())) await pause(clock, retryMs, soon);
      const seq = this.#visitedSeq;
      if (this.#records.known.seq < seq) await this.#records.readAll();
      await this.#readUpTo(seq, soon);
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

  /** One that is under way may have looked before. */
  async #visitAnew(): Promise<void> {
    await this.#visiting?.catch(() => undefined);
    await this.visit();
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
    await this.#terms.end('The log was closed.');
  }

  /** Often enough that a lease which is free is taken, and one that is held is kept, well within its time. */
  async #keepVisiting(): Promise<void> {
    const { clock, leaseMs } = this.parts;
    while (!this.#isOver) {
      await this.visit().catch(() => undefined);
      this.#terms.write();
      await pause(clock, leaseMs / 3, this.#over.signal).catch(() => undefined);
    }
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  async #visit(): Promise<void> {
    if (this.#isOver) return;
    const { scripts, keys, clock, leaseMs, keepMs } = this.parts;
    const token = this.#terms.nextToken();
    const sentAt = clock.uptime();
    const found = await scripts.visit(keys, {
      token,
      leaseMs,
      keepMs,
      freshEpoch: newEpoch(),
      first: this.#records.first,
      known: this.#records.known,
    });
    this.#visitedAt = sentAt;
    this.#visitedSeq = found.seq;
    this.#records.found(found);
    if (this.#isOver) {
      if (found.leads) await scripts.release(keys, token);
      return;
    }
    if (found.epoch !== '' && !this.isRead) void this.#records.readAll();
    this.#terms.visited(found, token, sentAt + leaseMs);
  }

  /** Up to that record at least, and all that there was when the log was opened. */
  #readUpTo(seq: number, signal: AbortSignal): Promise<void> {
    return this.until(() => this.isRead && this.#records.known.seq >= seq, signal);
  }

  #fail(error: Error): void {
    const { log } = this.#records;
    // Also one that was complete: it can't go on when a task changes.
    log.resume();
    log.fail(error);
    this.#leave();
    void this.#terms.end(error.message);
  }

  #leave(): void {
    this.#over.abort();
    this.parts.reader.remove(this.#records);
    this.#waiting.changed();
  }
}
