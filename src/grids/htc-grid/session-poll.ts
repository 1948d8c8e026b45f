/**
 * The looks at one session's tasks in the table. `next` asks what is new, in the cheaper of two ways: all that has
 * finished by the session index, or what finished lately by the heartbeat index, where a finished row keeps the stamp
 * of its last heartbeat. `check` compares the session with what is known of it. What an index shows and what can't
 * follow on what is known is read from its row: an index lags behind, or the task was given back or submitted again.
 */
import type { Clock } from '../../streams/clock.js';
import type { TaskChange } from './change.js';
import { changeOf } from './change.js';
import type { TaskItem } from './item.js';
import { parseStatus, partitionOf } from './status.js';
import type { NativeState } from './status.js';
import type { TableReader } from './table.js';
import type { KnownTasks } from './task-ranks.js';

export interface SessionPollSettings {
  readonly reader: TableReader;
  readonly refreshMs: number;
  readonly claimMs: number;
  readonly clock: Clock;
}

/** How much an entry of each index weighs, roughly; only their ratio matters. */
const sessionEntryBytes = 115;
const heartbeatEntryBytes = 160;
/** How far the clocks of workers may be apart, and an index behind its table, together. */
const slackSec = 2;
/** A claim lasts a little longer than it is said to, from its last renewal. */
const jitterSec = 1;
/** All that has finished is read this often: a worker that renewed too late, or whose clock is wrong, is seen then. */
const wholeEveryMs = 60_000;
/** What is running is read this often, and less often the more it is. */
const runningEveryMs = 5000;
const fewRunning = 50;
/** What is waiting is read after this time, then after twice as much, and so on: it is the most and says the least. */
const firstWaitingMs = 60_000;
/** Rows read in one look; what is left is read in the next. */
const maxRows = 1000;

/** What one look has found. */
interface Look {
  readonly news: TaskChange[];
  readonly doubtful: Set<string>;
}

type States = NativeState | readonly [NativeState, NativeState];
const ended: States = ['cancelled', 'finished'];
const cutShort: States = ['cancelled', 'failed'];
const open: States = ['pending', 'processing'];

export class SessionPoll {
  readonly #partition: number;
  readonly #startedAt: number;
  #polledAt: number;
  #wholeAt = -Infinity;
  #runningAt = -Infinity;
  #runningEveryMs = runningEveryMs;
  #waitingAfterMs = firstWaitingMs;
  /** Tasks that were known as finished after the last poll. */
  #finished = 0;
  /** Finished tasks a millisecond, as the last polls saw it. */
  #rate = 0;
  /** The furthest stamp of any worker of the partition. */
  #furthest: number | undefined;

  constructor(
    private readonly session: string,
    private readonly known: KnownTasks,
    private readonly settings: SessionPollSettings,
  ) {
    this.#partition = partitionOf(session);
    this.#startedAt = this.#polledAt = settings.clock.uptime();
  }

  /** What is new since the last poll. */
  async next(signal: AbortSignal): Promise<readonly TaskChange[]> {
    const now = this.settings.clock.uptime();
    const look: Look = { news: [], doubtful: new Set() };
    // By the stamps of the last poll: those of now are further ahead than what finished in between.
    const fromSec = this.#fromSec();
    if (now - this.#runningAt >= this.#runningEveryMs) {
      const running = await this.#stamped('processing', 0, signal);
      this.#see(running, look);
      this.#runningAt = now;
      this.#runningEveryMs = runningEveryMs * Math.min(6, Math.max(1, running.length / fewRunning));
    }
    if (fromSec === undefined || this.#wholeIsDue(now)) {
      await this.#pages('finished', look, signal);
      this.#wholeAt = now;
    } else this.#see(await this.#stamped('finished', fromSec, signal), look);
    const found = look.news.filter(({ state }) => state === 'finished').length;
    const finished = this.known.count('finished') + found;
    this.#rate = Math.max(0, finished - this.#finished) / Math.max(1, now - this.#polledAt);
    this.#finished = finished;
    await this.#pages(cutShort, look, signal);
    if (now - this.#startedAt >= this.#waitingAfterMs) {
      await this.#pages('pending', look, signal);
      this.#waitingAfterMs *= 2;
    }
    this.#polledAt = now;
    return this.#told(look, signal);
  }

  /**
   * All that differs from what is known, by the smaller side: either what has ended, or what has not; a
   * task that is in neither place where it should be is read. Tasks that are not known at all are on the side of
   * what has ended alone.
   * @param isFirst since the source has changed: then there may be such tasks
   */
  async check(isFirst: boolean, signal: AbortSignal): Promise<readonly TaskChange[]> {
    const look: Look = { news: [], doubtful: new Set() };
    const waiting = new Set(this.known.open(this.session));
    const over = (['cancelled', 'failed', 'finished'] as const).reduce(
      (sum, state) => sum + this.known.count(state),
      0,
    );
    if (over <= waiting.size || (this.known.lacks ?? isFirst))
      await this.#pages(ended, look, signal);
    else {
      const there = new Set<string>();
      await this.#pages(open, look, signal, there);
      await this.#pages(cutShort, look, signal, there);
      for (const taskId of waiting) if (!there.has(taskId)) look.doubtful.add(taskId);
    }
    return this.#told(look, signal);
  }

  /** What the look has found; rows are read of what the index can't be believed about. */
  async #told({ news, doubtful }: Look, signal: AbortSignal): Promise<readonly TaskChange[]> {
    if (doubtful.size === 0) return news;
    const ids = [...doubtful].slice(0, maxRows);
    const rows = await this.settings.reader.items(ids, signal, { consistent: true });
    const exact = [...rows.values()].map(changeOf).filter((change) => change !== undefined);
    return [...news, ...exact];
  }

  async #pages(
    states: States,
    look: Look,
    signal: AbortSignal,
    there?: Set<string>,
  ): Promise<void> {
    const { reader } = this.settings;
    for await (const page of reader.sessionPages(this.session, states, signal)) {
      this.#see(page, look);
      for (const { taskId } of page) there?.add(taskId);
    }
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
    const { refreshMs, claimMs, clock } = this.settings;
    const sinceMs = clock.uptime() - this.#polledAt;
    // No stamp is further ahead of its worker's clock; one whose clock is ahead must not hide the others.
    const furthestSec = Math.ceil(claimMs / 1000) + jitterSec;
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

  #see(items: readonly TaskItem[], { news, doubtful }: Look): void {
    for (const { taskId, status } of items) {
      const { known: state } = parseStatus(status);
      if (state === undefined) continue;
      const sighting = this.known.sighted(taskId, state);
      if (sighting === 'DOUBTFUL') doubtful.add(taskId);
      if (sighting !== 'NEWS') continue;
      news.push({
        taskId,
        sessionId: this.session,
        state,
        retries: undefined,
        completedAt: 0,
      });
    }
  }
}
