/**
 * The polls of one session. What has finished is asked for in the cheaper of two ways: all of it by the
 * session index, or what finished lately by the heartbeat index, where a finished row keeps the stamp of
 * its last heartbeat. What was cancelled or failed, and what is running, are small queries of their own.
 */
import type { Clock } from '../../streams/clock.js';
import type { TaskChange } from './change.js';
import type { TaskItem } from './item.js';
import { parseStatus, partitionOf } from './status.js';
import type { NativeState } from './status.js';
import type { TableReader } from './table.js';

export interface SessionPollSettings {
  readonly reader: TableReader;
  readonly refreshMs: number;
  readonly clock: Clock;
}

/** How much an entry of each index weighs, roughly; only their ratio matters. */
const sessionEntryBytes = 115;
const heartbeatEntryBytes = 160;
/** How far the clocks of workers may be apart, and an index behind its table, together. */
const slackSec = 2;
/** A claim lasts 30 s and a little from its last renewal: no stamp is further ahead of its worker's clock. */
const furthestSec = 31;
/** All that has finished is read this often: a worker that renewed too late, or whose clock is wrong, is seen then. */
const wholeEveryMs = 60_000;
/** What is running is read this often, and less often the more it is. */
const runningEveryMs = 5000;
const fewRunning = 50;
/** What is waiting is read after this time, then after twice as much, and so on: it is the most and says the least. */
const firstWaitingMs = 60_000;

export class SessionPoll {
  readonly #seen = new Map<string, NativeState>();
  readonly #partition: number;
  readonly #startedAt: number;
  #polledAt: number;
  #wholeAt = -Infinity;
  #runningAt = -Infinity;
  #runningEveryMs = runningEveryMs;
  #waitingAfterMs = firstWaitingMs;
  #finished = 0;
  /** Finished tasks a millisecond, as the last polls saw it. */
  #rate = 0;
  /** The furthest stamp of any worker of the partition. */
  #furthest: number | undefined;

  constructor(
    private readonly session: string,
    private readonly settings: SessionPollSettings,
  ) {
    this.#partition = partitionOf(session);
    this.#startedAt = this.#polledAt = settings.clock.uptime();
  }

  /** What is new since the last poll. */
  async next(signal: AbortSignal): Promise<readonly TaskChange[]> {
    const { reader, clock } = this.settings;
    const now = clock.uptime();
    const news: TaskChange[] = [];
    const see = (items: readonly TaskItem[]) => {
      for (const item of items) this.#see(item, news);
    };
    const pages = async (states: NativeState | readonly [NativeState, NativeState]) => {
      for await (const page of reader.sessionPages(this.session, states, signal)) see(page);
    };
    // By the stamps of the last poll: those of now are further ahead than what finished in between.
    const fromSec = this.#fromSec();
    if (now - this.#runningAt >= this.#runningEveryMs) {
      const running = await this.#stamped('processing', 0, signal);
      see(running);
      this.#runningAt = now;
      this.#runningEveryMs = runningEveryMs * Math.min(6, Math.max(1, running.length / fewRunning));
    }
    const before = this.#finished;
    if (fromSec === undefined || this.#wholeIsDue(now)) {
      await pages('finished');
      this.#wholeAt = now;
    } else see(await this.#stamped('finished', fromSec, signal));
    this.#rate = (this.#finished - before) / Math.max(1, now - this.#polledAt);
    await pages(['cancelled', 'failed']);
    if (now - this.#startedAt >= this.#waitingAfterMs) {
      await pages('pending');
      this.#waitingAfterMs *= 2;
    }
    this.#polledAt = now;
    return news;
  }

  /** True where the whole costs less than the latest, and now and then. */
  #wholeIsDue(now: number): boolean {
    const windowMs = this.settings.refreshMs + slackSec * 1000 + (now - this.#polledAt);
    const latest = this.#rate * windowMs * heartbeatEntryBytes;
    return now - this.#wholeAt >= wholeEveryMs || this.#finished * sessionEntryBytes <= latest;
  }

  /**
   * The stamp from which on a row can have finished since the last poll. Workers renew every few
   * seconds, so at any moment the stamps of those that run lie within one renewal of the furthest one.
   */
  #fromSec(): number | undefined {
    if (this.#furthest === undefined) return undefined;
    const { refreshMs, clock } = this.settings;
    const sinceMs = clock.uptime() - this.#polledAt;
    // A worker whose clock is ahead must not hide the others.
    const possible = Math.floor((clock.now() - sinceMs) / 1000) + furthestSec;
    return Math.min(this.#furthest, possible) - Math.ceil(refreshMs / 1000) - slackSec;
  }

  /** Entries of the session in the heartbeat index; those of others in its partition tell the time as well. */
  async #stamped(
    state: NativeState,
    fromSec: number,
    signal: AbortSignal,
  ): Promise<readonly TaskItem[]> {
    const { reader } = this.settings;
    const { items } = await reader.byHeartbeat(state, this.#partition, { fromSec }, signal);
    for (const { heartbeatSec = 0 } of items)
      if (heartbeatSec > (this.#furthest ?? 0)) this.#furthest = heartbeatSec;
    return items.filter(({ sessionId }) => sessionId === this.session);
  }

  #see(item: TaskItem, news: TaskChange[]): void {
    const { taskId } = item;
    const { known } = parseStatus(item.status);
    const before = this.#seen.get(taskId);
    if (known === undefined || known === before) return;
    this.#seen.set(taskId, known);
    if (known === 'finished') this.#finished++;
    news.push({
      taskId,
      sessionId: this.session,
      state: known,
      retries: undefined,
      completedAt: 0,
    });
  }
}
