/**
 * Follows logs from a position: frames of entries, pulled by the consumer. Nothing is read ahead, so
 * a subscriber that stops reading costs its positions and nothing more.
 */
import { encodeCursor, nowhere } from './cursor.js';
import type { EndReason, EntriesFrame, FrameKind, GapReason } from './frame.js';
import type { CompletionLog } from './log.js';
import { Pace, readBy, type StreamOptions } from './pace.js';
import { Past, type Snapshot } from './past.js';
import { openReaders, type Reader, rewind } from './reader.js';
import type { StreamStart } from './start.js';

export interface FollowOptions<Entry> extends StreamOptions {
  /** Default: now. */
  readonly start?: StreamStart;
  /** Epoch milliseconds at which the server learned of an entry; without it frames have no lag. */
  readonly seenAt?: (entry: Entry) => number;
  /**
   * The entries that the subscriber is to see, in their order. A batch of which none is left makes
   * no frame; the cursor of the next one stands for it. A rejection fails the stream.
   */
  readonly keep?: (
    entries: readonly Entry[],
    signal: AbortSignal,
  ) => readonly Entry[] | Promise<readonly Entry[]>;
  /**
   * All that came before the end of a log, in batches, for logs that keep only their newest entries. It
   * may repeat what follows: `keep` knows. A cursor from within can't be continued: it leads to a GAP and
   * another snapshot. What it returns says what it leaves out, where it does. Default: what the log holds.
   */
  readonly snapshot?: (log: CompletionLog<Entry>, signal: AbortSignal) => Snapshot<Entry>;
  /**
   * A new log in the place of a lost one; retries are its own, a rejection fails the stream. Without
   * it a stream finishes after GAP SOURCE_LOST, and the client comes back with its cursor.
   */
  readonly reopen?: (
    log: CompletionLog<Entry>,
    signal: AbortSignal,
  ) => Promise<CompletionLog<Entry>>;
}

/**
 * Every entry at least once and in the order of its log; what cannot be continued is said in a GAP.
 * Throws CURSOR_INVALID at once for a cursor that names another log, before any frame.
 */
export function follow<Entry>(
  logs: readonly CompletionLog<Entry>[],
  options: FollowOptions<Entry> = {},
): AsyncGenerator<EntriesFrame<Entry>, void, undefined> {
  const elsewhere = options.snapshot !== undefined;
  const opening = openReaders(logs, options, elsewhere);
  // A cursor in every frame must be possible however far the positions get.
  encodeCursor(
    logs.map(({ name, epoch }) => ({ log: name, epoch, position: Number.MAX_SAFE_INTEGER })),
  );
  const pace = new Pace(options);
  return readBy(pace, new Follower(opening, options, pace).frames());
}

class Follower<Entry> {
  /** Which reader gets the first place in the next frame, in turn. */
  #turn = 0;
  #failure: { readonly error: unknown } | undefined;
  /** Whether the stream is current, and has said so. */
  #synced = false;
  /** What snapshots left out, by their log, until a SYNCED frame says it. */
  readonly #partial = new Map<string, string>();

  constructor(
    readonly readers: readonly Reader<Entry>[],
    readonly options: FollowOptions<Entry>,
    readonly pace: Pace,
  ) {}

  async *frames(): AsyncGenerator<EntriesFrame<Entry>, void, undefined> {
    const { readers, pace } = this;
    try {
      while (!pace.closed) {
        const ended = pace.ended();
        if (ended) return yield this.#end(ended);
        if (this.#failure) throw this.#failure.error;

        for (const reader of readers) {
          if (reader.position < reader.log.start) reader.gap ??= 'SLOW_CONSUMER';
        }
        const torn = readers.find((reader) => reader.gap !== undefined);
        if (torn?.gap) {
          yield this.#gap(torn, torn.gap);
          // Only now: while the frame was on its way a ring may have moved on.
          rewind(torn, this.#elsewhere);
          for (const reader of readers) reader.until = Infinity;
          this.#synced = false;
          continue;
        }

        const past = readers.find((reader) => reader.past !== undefined);
        if (past) {
          this.#synced = false;
          yield* this.#past(past);
          continue;
        }
        const behind = this.#behind();
        if (behind) {
          this.#synced = false;
          yield* this.#batch(behind.kind, behind.readers);
          continue;
        }
        if (readers.every(({ position, until }) => position >= until)) return;
        if (!this.#synced && !this.#reopening) {
          this.#synced = true;
          const partial = [...this.#partial.values()].join(' ') || null;
          this.#partial.clear();
          yield this.#frame('SYNCED', { partial });
          continue;
        }

        const lost = readers.find(
          ({ log, position, reopening }) => log.lost && position === log.end && !reopening,
        );
        if (lost) {
          yield this.#gap(lost, 'SOURCE_LOST');
          if (!this.options.reopen) return;
          void this.#reopen(lost, this.options.reopen);
          continue;
        }
        if (readers.every(({ log, position }) => log.complete && position === log.end)) {
          return yield this.#end('COMPLETE');
        }

        const ready = readers.reduce((sum, { log, position }) => sum + log.end - position, 0);
        const growing = readers.filter(({ log }) => !log.complete && !log.lost);
        const missing = Math.max(0, pace.delivery.maxBatch - ready);
        const full = missing === 0 || growing.length === 0;
        const itemsDueInMs = ready > 0 ? pace.itemsDueInMs(full) : Infinity;
        if (itemsDueInMs <= 0) {
          yield* this.#batch('CHANGES', readers);
          continue;
        }
        if (pace.heartbeatDueInMs() <= 0) {
          yield this.#frame('HEARTBEAT');
          continue;
        }
        // One entry ends a silence; behind a frame just sent only a whole batch cuts the wait short.
        const beyond = ready === 0 ? 0 : missing - 1;
        const awaited = ready > 0 && full ? [] : growing;
        await pace.wait(Math.min(itemsDueInMs, pace.heartbeatDueInMs()), (signal) =>
          awaited.map(({ log }) => log.changed(log.end + beyond, signal)),
        );
      }
    } catch (error) {
      // What was aborted because nobody reads the stream any more is no failure of it.
      if (!pace.closed) throw error;
    } finally {
      pace.close();
      for (const { past } of readers) if (past instanceof Past) past.close();
    }
  }

  /** What is lost has its turn when there is another in its place; the others go on. */
  get #reopening(): boolean {
    return this.readers.some(({ reopening }) => reopening);
  }

  get #elsewhere(): boolean {
    return this.options.snapshot !== undefined;
  }

  /** What comes next of a snapshot from elsewhere, or a heartbeat while it takes long. */
  async *#past(reader: Reader<Entry>): AsyncGenerator<EntriesFrame<Entry>, void, undefined> {
    const { pace } = this;
    const { snapshot, keep } = this.options;
    if (reader.past === undefined || snapshot === undefined) return;
    if (reader.past === 'due') reader.past = new Past(snapshot(reader.log, pace.signal));
    const { past } = reader;
    const { arriving } = past;
    await pace.wait(pace.heartbeatDueInMs(), () => [arriving]);
    if (pace.closed || pace.ended()) return;
    if (!past.arrived) {
      if (pace.heartbeatDueInMs() <= 0) yield this.#frame('HEARTBEAT');
      return;
    }
    const batch = past.take();
    if (batch === undefined) {
      reader.past = undefined;
      if (past.partial === undefined) this.#partial.delete(reader.log.name);
      else this.#partial.set(reader.log.name, past.partial);
      return;
    }
    const kept = keep ? await keep(batch, pace.signal) : batch;
    const { maxBatch } = pace.delivery;
    for (let at = 0; at < kept.length && !pace.closed && !pace.ended(); at += maxBatch) {
      yield this.#frame('SNAPSHOT', { entries: kept.slice(at, at + maxBatch) });
    }
  }

  /** Readers that are not live yet: snapshots before what a resumed stream missed. */
  #behind() {
    for (const kind of ['SNAPSHOT', 'CHANGES'] as const) {
      const readers = this.readers.filter(
        ({ catchUp, position, until }) =>
          catchUp?.kind === kind && position < Math.min(catchUp.target, until),
      );
      if (readers.length > 0) return { kind, readers };
    }
    for (const reader of this.readers) reader.catchUp = undefined;
    return undefined;
  }

  /** Never rejects: nobody may be waiting when it fails. */
  async #reopen(
    reader: Reader<Entry>,
    reopen: NonNullable<FollowOptions<Entry>['reopen']>,
  ): Promise<void> {
    reader.reopening = true;
    try {
      reader.log = await reopen(reader.log, this.pace.signal);
      reader.reopening = false;
      rewind(reader, this.#elsewhere);
      // Also where its snapshot is empty.
      this.#synced = false;
    } catch (error) {
      this.#failure ??= { error };
    }
    this.pace.poke();
  }

  /** A frame of the next batch of these readers; none where nothing of it is kept. */
  async *#batch(
    kind: 'SNAPSHOT' | 'CHANGES',
    readers: readonly Reader<Entry>[],
  ): AsyncGenerator<EntriesFrame<Entry>, void, undefined> {
    const before = this.#cursor;
    const entries = yield* this.#kept(this.#read(readers), before);
    if (this.pace.closed) return;
    if (entries.length > 0) yield this.#frame(kind, { entries });
    else if (this.pace.heartbeatDueInMs() <= 0) yield this.#frame('HEARTBEAT');
  }

  /** What is kept of the entries; while that takes long, heartbeats whose cursor stands before them. */
  async *#kept(
    read: readonly Entry[],
    cursor: string,
  ): AsyncGenerator<EntriesFrame<Entry>, readonly Entry[], undefined> {
    const { pace } = this;
    const kept = this.options.keep?.(read, pace.signal) ?? read;
    if (!(kept instanceof Promise)) return kept;
    let settled = false;
    const settling = kept
      .catch(() => undefined)
      .then(() => {
        settled = true;
      });
    while (!settled && !pace.closed && !pace.ended()) {
      await pace.wait(pace.heartbeatDueInMs(), () => [settling]);
      if (!settled && pace.heartbeatDueInMs() <= 0) yield this.#frame('HEARTBEAT', { cursor });
    }
    return kept;
  }

  /** Up to a batch, each reader from its position; the first place goes round. */
  #read(readers: readonly Reader<Entry>[]): readonly Entry[] {
    const entries: Entry[] = [];
    const first = this.#turn++ % readers.length;
    for (const reader of [...readers.slice(first), ...readers.slice(0, first)]) {
      const room = this.pace.delivery.maxBatch - entries.length;
      if (room === 0) break;
      const read = reader.log.read(reader.position, Math.min(room, reader.until - reader.position));
      reader.position += read.length;
      entries.push(...read);
    }
    return entries;
  }

  #gap(reader: Reader<Entry>, reason: GapReason): EntriesFrame<Entry> {
    const { log, position } = reader;
    reader.gap = undefined;
    if (reason !== 'SOURCE_LOST') {
      if (this.#elsewhere) reader.past = 'due';
      else reader.position = log.start;
    }
    const detail = {
      CURSOR_EXPIRED: `The cursor's position in ${log.name} cannot be read any more.`,
      SLOW_CONSUMER: `${log.name} keeps entries from ${log.start} on; the stream stood at ${position}.`,
      SOURCE_LOST: `The source of ${log.name} is lost.`,
    }[reason];
    return this.#frame('GAP', { gap: { reason, detail } });
  }

  #end(reason: EndReason): EntriesFrame<Entry> {
    return this.#frame('END', { end: { reason } });
  }

  #frame(
    kind: FrameKind,
    parts: Partial<
      Pick<EntriesFrame<Entry>, 'entries' | 'gap' | 'end' | 'partial' | 'cursor'>
    > = {},
  ): EntriesFrame<Entry> {
    const { entries = [], gap = null, end = null, partial = null, cursor = this.#cursor } = parts;
    const emittedAt = this.pace.clock.now();
    this.pace.emitted(entries.length > 0);
    return {
      kind,
      cursor,
      emittedAt,
      lagMs: kind === 'CHANGES' ? this.#lagMs(entries, emittedAt) : null,
      gap,
      end,
      live: this.#synced && gap === null && !this.#reopening,
      entries,
      partial,
    };
  }

  get #cursor(): string {
    return encodeCursor(
      this.readers.map(({ log, position, past, gap }) =>
        past === undefined && gap === undefined
          ? { log: log.name, epoch: log.epoch, position, mark: log.mark?.(position) }
          : nowhere(log.name),
      ),
    );
  }

  #lagMs(entries: readonly Entry[], emittedAt: number): number | null {
    const { seenAt } = this.options;
    if (!seenAt) return null;
    const oldest = entries.reduce((least, entry) => Math.min(least, seenAt(entry)), emittedAt);
    return Math.min(emittedAt - oldest, 2 ** 31 - 1);
  }
}
