/**
 * Changes by asking the table: one poll for each followed session however many follow it. It reads what
 * ended since the last poll, not all that has ended, and no rows (docs/grids/htc-grid.md, "Following by polling").
 */
import { asGridError } from '../../errors.js';
import type { Clock } from '../../streams/clock.js';
import { systemClock } from '../../streams/clock.js';
import type { ChangeSink } from './change.js';
import type { CompletionSource, LossSink } from './completion-source.js';
import { SessionPoll } from './session-poll.js';
import type { TableReader } from './table.js';

export interface PollSettings {
  readonly reader: TableReader;
  /** Pause after a poll that brought news. @default 1000 */
  readonly fastestMs?: number;
  /** Longest pause; each quiet poll doubles it up to here. @default 5000 */
  readonly slowestMs?: number;
  /** Failed polls in a row after which the source is lost. @default 6 */
  readonly failures?: number;
  /** How often a worker renews its claim (`task_ttl_refresh_interval_sec`). @default 5000 */
  readonly refreshMs?: number;
  readonly clock?: Clock;
}

export class PollSource implements CompletionSource {
  readonly #settings: Required<PollSettings>;

  constructor(settings: PollSettings) {
    this.#settings = {
      fastestMs: 1000,
      slowestMs: 5000,
      failures: 6,
      refreshMs: 5000,
      clock: systemClock,
      ...settings,
    };
  }

  /** Nothing that ends is missed from the first poll on, because that one sees all that has ended. */
  async watch(
    session: string,
    changes: ChangeSink,
    lost: LossSink,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    void this.#run(session, changes, signal).catch((error: unknown) => {
      if (!signal.aborted) lost(asGridError(error));
    });
  }

  async #run(session: string, changes: ChangeSink, signal: AbortSignal): Promise<void> {
    const { fastestMs, slowestMs, failures, clock } = this.#settings;
    const poll = new SessionPoll(session, this.#settings);
    let pauseMs = fastestMs;
    let failed = 0;
    while (!signal.aborted) {
      await pause(clock, pauseMs, signal);
      try {
        const news = await poll.next(signal);
        if (news.length > 0) changes(news);
        pauseMs = news.length > 0 ? fastestMs : Math.min(slowestMs, pauseMs * 2);
        failed = 0;
      } catch (error) {
        if (signal.aborted || ++failed >= failures) throw error;
        // A table that is out of capacity gets the longest pause: its workers come first.
        pauseMs = slowestMs;
      }
    }
  }
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = clock.after(ms, () => {
      signal.removeEventListener('abort', leave);
      resolve();
    });
    const leave = () => {
      end();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', leave, { once: true });
  });
}
