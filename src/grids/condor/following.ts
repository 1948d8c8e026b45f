/**
 * A pool while somebody follows it. Its event log tells what happens; schedds that do not write into it, and
 * all of them while it can't be read, are polled instead. How jobs ended is always told by history and queue.
 */
import type { Ad } from '../../classad/ad.js';
import type { JobRings } from '../job-rings.js';
import type { JobEventEntry } from '../job-logs.js';
import { Ends } from './ends.js';
import { EventFeed, isEnd, LogEntry, scheddOf, type LogRecord } from './event-log/index.js';
import type { HiddenNames } from './hidden.js';
import { HistoryTail } from './history-tail.js';
import type { Pool, Schedd } from './pool.js';
import type { Schedds } from './schedds.js';
import { StatePoll } from './state-poll.js';

export interface FollowingSettings {
  /** The event log on this host; undefined where there is none to read. */
  readonly path: string | undefined;
  /** Full names of the schedds that write into it; default: the host's own, or the only one. */
  readonly writers: readonly string[] | undefined;
  /** Milliseconds between looks for ends that the log did not tell of. @default 30_000 */
  readonly reconcileMs?: number | undefined;
  readonly lostAfterMs?: number | undefined;
  /** Its abort ends what is asked. */
  readonly signal: AbortSignal;
}

/** Milliseconds between looks for schedds that have come, and for what has become hidden. */
const refreshMs = 60_000;

interface Followed {
  readonly schedd: Schedd;
  readonly ends: Ends;
  /** Set while the schedd is polled. */
  poll: StatePoll | undefined;
}

export interface FollowingState {
  /** Why the log is not read; undefined while it is. */
  readonly trouble: string | undefined;
  /** Milliseconds between polls, where any schedd is polled. */
  readonly pollMs: number | undefined;
  /** Milliseconds from the time of the last event to when it was read. */
  readonly lagMs: number | undefined;
}

export class Following {
  readonly #followed = new Map<string, Followed>();
  readonly #feed: EventFeed | undefined;
  readonly #stop = new AbortController();
  #writers: ReadonlySet<string> = new Set();
  #hidden: HiddenNames | undefined;
  #refreshTimer: NodeJS.Timeout | undefined;
  #switching: Promise<void> = Promise.resolve();
  #begun = false;
  #isRefreshing = false;

  constructor(
    private readonly pool: Pool,
    private readonly schedds: Schedds,
    private readonly tails: Map<string, HistoryTail>,
    private readonly rings: JobRings,
    private readonly settings: FollowingSettings,
  ) {
    const { path, signal } = settings;
    if (signal.aborted) this.#abort();
    else signal.addEventListener('abort', this.#abort, { once: true });
    if (path === undefined) return;
    this.#feed = new EventFeed({
      path,
      ring: () => rings.events,
      entries: (record) => this.#entry(record),
      onEntries: (entries) => this.#told(entries),
      onGap: () => this.#missed(),
      onTrouble: () => {
        if (this.#begun) this.#switch();
      },
    });
  }

  get state(): FollowingState {
    const pauses = [...this.#followed.values()].flatMap(({ poll }) => poll?.pauseMs ?? []);
    return {
      trouble: this.#feed === undefined ? 'there is none to read' : this.#feed.trouble,
      pollMs: pauses.length === 0 ? undefined : Math.min(...pauses),
      lagMs: this.#feed?.lagMs,
    };
  }

  /** Resolves when what happens from now on will be told. */
  async begin(): Promise<void> {
    const { signal } = this.#stop;
    const list = await this.schedds.list(signal);
    ({ hidden: this.#hidden } = await this.pool.policy(signal));
    const own = list.filter((schedd) => schedd.own || list.length === 1);
    this.#writers = new Set(this.settings.writers ?? own.map(({ name }) => name));
    // What has reached the history by now first: what is logged afterwards is looked for behind it.
    await Promise.all(list.map((schedd) => this.#add(schedd)));
    await this.#feed?.begin();
    this.#begun = true;
    this.#switch();
    await this.#switching;
    this.#refreshTimer = setInterval(() => void this.#refresh(), refreshMs);
    this.#refreshTimer.unref();
  }

  /** Aborted when it is stopped. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** The log of ends can be read by now, which it could not when this began: what it lacks is news. */
  readonly resume = (): void => {
    for (const { schedd, ends } of this.#followed.values()) {
      this.#behindLog(schedd, (ended, endedAtMs) =>
        this.tails.get(schedd.name)?.rewind(ended, endedAtMs),
      );
      ends.reconcile();
    }
  };

  /** Every end of the schedd's jobs that could be told of at the time of the call is told. */
  async settled(schedd: string, signal: AbortSignal): Promise<void> {
    await this.#feed?.drained();
    await this.#followed.get(schedd)?.ends.settled(signal);
    await this.rings.written(schedd, signal);
  }

  /** What came behind this place in the event log is told too, where it can be read again. */
  async recall(mark: string): Promise<void> {
    await this.#feed?.recall(mark);
  }

  readonly #abort = () => this.#stop.abort(new Error('The pool is not followed any more.'));

  async stop(): Promise<void> {
    this.settings.signal.removeEventListener('abort', this.#abort);
    this.#abort();
    clearInterval(this.#refreshTimer);
    // Polls first: one that is just beginning waits for its first answer, and others wait for it.
    await Promise.all([...this.#followed.values()].map(async ({ poll }) => poll?.stop()));
    await this.#feed?.stop();
    await this.#switching;
    await Promise.all([...this.#followed.values()].map(({ ends }) => ends.stop()));
  }

  /** Set before anything is read. */
  readonly #hiddenNow = (): HiddenNames => this.#hidden as HiddenNames;

  async #add(schedd: Schedd): Promise<void> {
    const { reconcileMs = 30_000, lostAfterMs } = this.settings;
    const tail = this.tails.get(schedd.name) ?? new HistoryTail(this.pool, schedd);
    // A log of replicas has what was told before this process followed.
    this.#behindLog(schedd, (ended, endedAtMs) => tail.resume(ended, endedAtMs));
    this.tails.set(schedd.name, tail);
    const followed: Followed = {
      schedd,
      poll: undefined,
      ends: new Ends(this.pool, schedd, tail, this.rings, {
        restMs: () => followed.poll?.pauseMs ?? reconcileMs,
        lostAfterMs,
        onEnded: (ads: readonly Ad[]) => followed.poll?.ended(ads),
        onSight: () => {
          // A part of the pool that is away is away for others too, and the rest is to be told.
          this.rings.isBlind = [...this.#followed.values()].every((each) => each.ends.isBlind);
        },
      }),
    };
    this.#followed.set(schedd.name, followed);
    await followed.ends.begin(this.#stop.signal);
  }

  #behindLog({ name }: Schedd, go: HistoryTail['resume']): void {
    const known = this.rings.newest(name).filter(({ state }) => state !== 'UNKNOWN');
    const [last] = known;
    if (last !== undefined) go(known, last.seenAt);
  }

  /** Starts polls where the log does not tell, ends them where it does: one change after the other. */
  #switch(): void {
    const isTold = () => this.#feed !== undefined && this.#feed.trouble === undefined;
    this.rings.events.isWhole =
      isTold() && [...this.#followed.keys()].every((schedd) => this.#writers.has(schedd));
    this.#switching = this.#switching.then(async () => {
      const told = isTold();
      let hasBegun = false;
      await Promise.all(
        [...this.#followed.values()].map(async (followed) => {
          const { schedd, ends, poll } = followed;
          const polled = !told || !this.#writers.has(schedd.name);
          if (this.#stop.signal.aborted || polled === (poll !== undefined)) return;
          if (poll === undefined) {
            const onEnd: Ends['expect'] = (key, owner) => ends.expect(key, owner);
            const missed = () => this.rings.loseEvents();
            const { pool, rings } = this;
            const begun = new StatePoll(pool, schedd, rings, this.#hiddenNow, { onEnd, missed });
            followed.poll = begun;
            hasBegun = true;
            await begun.begin();
          } else {
            followed.poll = undefined;
            await poll.stop();
          }
          ends.reconcile();
        }),
      );
      // What the log did not tell any more, and no poll yet.
      if (hasBegun) this.rings.loseEvents();
    });
  }

  #told(entries: readonly JobEventEntry[]): void {
    this.rings.addEvents(entries);
    for (const entry of entries) {
      if (isEnd(entry)) {
        this.#followed.get(entry.key.schedd)?.ends.expect(entry.key, entry.owner);
      }
    }
  }

  /** Nothing where it can't be told whose job it is: two schedds may have jobs of the same number. */
  #entry(record: LogRecord): readonly JobEventEntry[] {
    const named = scheddOf(record);
    const [only, ...others] = this.#writers;
    const schedd = named ?? (others.length === 0 ? only : undefined);
    // A log may tell of schedds that are none of this grid's.
    if (schedd === undefined || !this.#followed.has(schedd)) return [];
    const { clusterId, procId } = record;
    const key = { schedd, clusterId, procId };
    return [new LogEntry(this.pool.name, key, record, this.#hiddenNow(), Date.now())];
  }

  /** Ends are looked for; other events may be gone, and who reads them is told so. */
  #missed(): void {
    this.rings.loseEvents();
    for (const { ends } of this.#followed.values()) ends.reconcile();
  }

  /** Never rejects: what can't be asked now is asked at the next turn; one turn at a time. */
  async #refresh(): Promise<void> {
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    try {
      const { signal } = this.#stop;
      ({ hidden: this.#hidden } = await this.pool.policy(signal));
      const list = await this.schedds.list(signal);
      signal.throwIfAborted();
      const added = list.filter(({ name }) => !this.#followed.has(name));
      await Promise.all(added.map((schedd) => this.#add(schedd)));
      if (added.length === 0 || signal.aborted) return;
      // Until now nothing told of them.
      this.rings.loseEvents();
      this.#switch();
    } catch {
      return;
    } finally {
      this.#isRefreshing = false;
    }
  }
}
