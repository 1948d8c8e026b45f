/**
 * A term: the time in which one replica appends to a shared log. It ends with its lease, and Redis takes nothing of it
 * after that: every addition carries its token and the record it follows, and both are checked where it is added.
 */
import { randomBytes } from 'node:crypto';
import { GridError } from '../../errors.js';
import type { Clock } from '../clock.js';
import { Waiting } from '../waiting.js';
import { batchOf, type EntryCodec } from './record.js';
import type { LogKeys, LogScripts } from './scripts.js';

/** What a replica does while it has the lease. */
export interface Leading<Entry> {
  /** Ends when `term.signal` is aborted; what it rejects with before that is the loss of the log. */
  readonly run: (term: LogTerm<Entry>) => Promise<void>;
  /** What is to be known of the log as a whole, written along with entries and when it has changed. */
  readonly note?: () => string;
}

export interface LogTerm<Entry> {
  /** Aborted as soon as another replica may have the lease. */
  readonly signal: AbortSignal;
  /** In order, in as few records as possible. Without effect once the term is over. */
  append(entries: readonly Entry[]): void;
  /** The log is complete, until something is appended to it again. */
  finish(): void;
  /** It is not complete any more, though nothing is to be appended yet. */
  goOn(): void;
  /** What the note says has changed, and should be known at once. */
  noted(): void;
  /** Resolves when all that was appended can be read in this replica. */
  written(): Promise<void>;
  /** Ends the term and leaves the lease to others, which may reach what this process does not. */
  leave(): void;
}

/** When a process leaves the lease of a log to others. */
export interface Rest {
  readonly isOn: () => boolean;
  begin(): void;
}

export interface TermParts<Entry> {
  readonly keys: LogKeys;
  readonly scripts: LogScripts;
  readonly clock: Clock;
  readonly codec: EntryCodec<Entry>;
  readonly limit: number;
  readonly keepMs: number;
  readonly rest: Rest;
  /** Something of the term may matter to who waits for the log. */
  readonly changed: () => void;
}

export const newToken = (): string => randomBytes(9).toString('base64url');

export class Term<Entry> implements LogTerm<Entry> {
  readonly #end = new AbortController();
  readonly #waiting = new Waiting();
  /** What is to be written from `#sent` on. */
  #lines: string[] = [];
  #sent = 0;
  #seq = 0;
  #read = 0;
  #complete = false;
  #saidComplete = false;
  #saidNote = '';
  #isBegun = false;
  #isWriting = false;
  #expire: () => void = () => undefined;

  constructor(
    readonly token: string,
    private readonly leading: Leading<Entry>,
    private readonly parts: TermParts<Entry>,
  ) {}

  /** @param from the log as it is: its last record, and what that said */
  begin(from: { readonly seq: number; readonly note: string; readonly complete: boolean }): void {
    this.#seq = this.#read = from.seq;
    this.#complete = this.#saidComplete = from.complete;
    this.#saidNote = from.note;
    this.#isBegun = true;
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  append(entries: readonly Entry[]): void {
    if (this.signal.aborted || entries.length === 0) return;
    for (const entry of entries) this.#lines.push(this.parts.codec.encode(entry));
    this.#complete = false;
    this.write();
  }

  finish(): void {
    this.#complete = true;
    this.write();
  }

  goOn(): void {
    this.#complete = false;
    this.write();
  }

  noted(): void {
    this.write();
    this.parts.changed();
  }

  written(): Promise<void> {
    const isWritten = () =>
      this.#lines.length === this.#sent && !this.#isWriting && this.#read >= this.#seq;
    return this.#waiting.until(isWritten, this.signal);
  }

  leave(): void {
    if (this.signal.aborted) return;
    this.parts.rest.begin();
    void this.end('It is left to others.');
  }

  /** Writes what there is to write. */
  write(): void {
    if (this.#isWriting || !this.#isDue()) return;
    this.#isWriting = true;
    void this.#write()
      // Whether it was added is not known: the next term sees.
      .catch(() => this.end('Redis did not answer.'))
      .finally(() => {
        this.#isWriting = false;
        this.#waiting.changed();
      });
  }

  /** The lease lasts until `uptime` of the clock. */
  renewed(uptime: number): void {
    const { clock } = this.parts;
    if (this.signal.aborted) return;
    this.#expire();
    this.#expire = clock.after(uptime - clock.uptime(), () => {
      void this.end('The lease ran out.');
    });
  }

  /** This replica has read so far. */
  read(seq: number): void {
    this.#read = seq;
    this.#waiting.changed();
  }

  /** Never rejects. */
  async end(why: string): Promise<void> {
    if (this.signal.aborted) return;
    this.#expire();
    this.#lines = [];
    this.#sent = 0;
    this.#end.abort(new GridError('UNAVAILABLE', `This replica no longer leads the log. ${why}`));
    const { scripts, keys } = this.parts;
    await scripts.release(keys, this.token).catch(() => undefined);
  }

  #isDue(): boolean {
    if (this.signal.aborted || !this.#isBegun) return false;
    return (
      this.#lines.length > this.#sent ||
      this.#complete !== this.#saidComplete ||
      this.#note() !== this.#saidNote
    );
  }

  #note(): string {
    return this.leading.note?.() ?? '';
  }

  async #write(): Promise<void> {
    const { scripts, keys, limit, keepMs } = this.parts;
    while (this.#isDue()) {
      const batch = this.#lines.slice(this.#sent, this.#sent + batchOf(this.#lines, this.#sent));
      this.#sent += batch.length;
      if (this.#sent === this.#lines.length) {
        this.#lines = [];
        this.#sent = 0;
      }
      const note = this.#note();
      // Only the last record of what is known says that nothing follows.
      const complete = this.#complete && this.#lines.length === 0;
      const added = await scripts.append(keys, {
        token: this.token,
        seq: this.#seq,
        keepMs,
        limit,
        count: batch.length,
        entries: batch.join('\n'),
        note,
        complete,
      });
      if (!added) return this.end('Another replica has the lease, or wrote meanwhile.');
      this.#seq += 1;
      this.#saidNote = note;
      this.#saidComplete = complete;
    }
  }
}
