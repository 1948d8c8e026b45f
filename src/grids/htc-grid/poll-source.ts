/**
 * Changes by asking the table: one poll for each followed session however many follow it. Alone it reads
 * what ended since the last poll, not all that has ended, and no rows (docs/grids/htc-grid.md, "Following
 * by polling"). Beside a source that pushes it is the second look, the repair and the safety net.
 */
import { asGridError } from '../../errors.js';
import type { Clock } from '../../streams/clock.js';
import { systemClock } from '../../streams/clock.js';
import { Waiting } from '../../streams/waiting.js';
import type { CompletionSource, Follower } from './completion-source.js';
import { SessionPoll } from './session-poll.js';
import type { TableReader } from './table.js';

/** Beside what it polls: nothing, hints that tell of some ends, or a stream that tells of every change. */
export type Beside = 'NOTHING' | 'HINTS' | 'STREAM';

export interface PollSettings {
  readonly reader: TableReader;
  /** Pause after a poll that brought news. @default 1000 */
  readonly fastestMs?: number;
  /** Longest pause; each quiet poll doubles it up to here. @default 5000 */
  readonly slowestMs?: number;
  /**
   * After attaching and after each change of the source the table is read once more after so long: an
   * index lags behind its table. @default 3000
   */
  readonly settleMs?: number;
  /** Pause between checks beside a stream. @default 60_000 */
  readonly checkMs?: number;
  /** Failed polls in a row after which the source is lost, where there is no other. @default 6 */
  readonly failures?: number;
  /** How often a worker renews its claim (`task_ttl_refresh_interval_sec`). @default 5000 */
  readonly refreshMs?: number;
  /** How far ahead a worker stamps its claim (`task_ttl_expiration_offset_sec`). @default 30_000 */
  readonly claimMs?: number;
  readonly clock?: Clock;
}

export class PollSource implements CompletionSource {
  readonly #settings: Required<PollSettings>;
  readonly #waiting = new Waiting();
  #beside: Beside = 'NOTHING';
  /** Counts the changes of the source: who has not looked twice since does so. */
  #turn = 0;

  constructor(settings: PollSettings) {
    this.#settings = {
      fastestMs: 1000,
      slowestMs: 5000,
      settleMs: 3000,
      checkMs: 60_000,
      failures: 6,
      refreshMs: 5000,
      claimMs: 30_000,
      clock: systemClock,
      ...settings,
    };
  }

  /** How often a session is looked at beside the present source, in words. */
  get pace(): string {
    const { fastestMs, slowestMs, checkMs } = this.#settings;
    const seconds = (ms: number) => `${String(ms / 1000)} s`;
    if (this.#beside === 'STREAM') return `checked every ${seconds(checkMs)}`;
    if (this.#beside === 'HINTS') return `polled every ${seconds(slowestMs)}`;
    return `polled every ${seconds(fastestMs)} to ${seconds(slowestMs)}`;
  }

  /** Something may have been missed: all sessions are looked at now, and once more when indexes have settled. */
  again(beside: Beside = this.#beside): void {
    this.#beside = beside;
    this.#turn++;
    this.#waiting.changed();
  }

  /** Nothing that ends is missed from the first poll on, because that one sees all that has ended. */
  async watch(session: string, follower: Follower, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    void this.#run(session, follower, signal).catch((error: unknown) => {
      if (!signal.aborted) follower.lost(asGridError(error));
    });
  }

  async #run(session: string, { known, changes }: Follower, signal: AbortSignal): Promise<void> {
    const { fastestMs, slowestMs, failures } = this.#settings;
    const poll = new SessionPoll(session, known, this.#settings);
    let turn = this.#turn;
    /** Looks that are due whatever is beside: the table has just been read, so one more. */
    let due = 1;
    let quietMs = fastestMs;
    let failed = 0;
    while (!signal.aborted) {
      const pauseMs = this.#beside === 'NOTHING' ? quietMs : this.#pauseMs(due);
      if (pauseMs > 0) await this.#pause(pauseMs, turn, signal);
      if (turn !== this.#turn) {
        turn = this.#turn;
        due = 2;
        quietMs = fastestMs;
        failed = 0;
      }
      try {
        const thorough = this.#beside === 'STREAM' || (this.#beside === 'HINTS' && due > 0);
        const news = await (thorough ? poll.check(due > 0, signal) : poll.next(signal));
        if (news.length > 0) changes(news);
        quietMs = news.length > 0 ? fastestMs : Math.min(slowestMs, quietMs * 2);
        due = Math.max(0, due - 1);
        failed = 0;
      } catch (error) {
        signal.throwIfAborted();
        if (++failed >= failures && this.#beside === 'NOTHING') throw error;
        // A table that is out of capacity gets the longest pause: its workers come first.
        quietMs = slowestMs;
        due = Math.min(due, 1);
      }
    }
  }

  /** Beside a source that pushes. */
  #pauseMs(due: number): number {
    const { slowestMs, settleMs, checkMs } = this.#settings;
    if (due > 0) return due > 1 ? 0 : settleMs;
    return this.#beside === 'STREAM' ? checkMs : slowestMs;
  }

  /** Ends early where the source has changed since `turn`. */
  async #pause(ms: number, turn: number, signal: AbortSignal): Promise<void> {
    let isOver = false;
    const cancel = this.#settings.clock.after(ms, () => {
      isOver = true;
      this.#waiting.changed();
    });
    try {
      await this.#waiting.until(() => isOver || turn !== this.#turn, signal);
    } finally {
      cancel();
    }
  }
}
