/**
 * Changes of state in one schedd's queue, where no event log tells of them: the queue is asked for the jobs
 * that have entered their state lately, often while there are any. Of two changes between two questions
 * only the last is seen; edits are not.
 */
import type { Ad } from '../../classad/ad.js';
import type { JobEventEntry, JobEventType } from '../job-logs.js';
import type { JobRings } from '../job-rings.js';
import type { JobKey } from '../jobs.js';
import { AdRecord } from './attributes.js';
import { shownDetail } from './event-detail.js';
import type { HiddenNames } from './hidden.js';
import { keyOf } from './history-tail.js';
import { isOver, stateAttributes, stateOf } from './job-state.js';
import { collectAds, type Pool, type Schedd } from './pool.js';
import { queueCommand } from './queue.js';

/** Milliseconds between two questions: while jobs change, and at rest. */
export const pollMs = { busy: 1_000, rest: 5_000 } as const;
/** Seconds that each question reaches back beyond the last answer. */
const overlapSec = 3;
/** Seconds that a question reaches back at most: after a longer time without answers the rest is missed. */
const reachSec = 600;
const keptEnds = 10_000;

const attributes = [
  ...['ClusterId', 'ProcId', 'Owner', 'GlobalJobId', 'JobBatchName', 'QDate'],
  ...['EnteredCurrentStatus', 'LastJobStatus', 'HoldReason', ...stateAttributes],
];

export class StatePoll {
  /** States that were told or were there before, by job: the newest that a question can still meet. */
  #seen = new Map<string, string>();
  readonly #ends = new Set<string>();
  #askedAt: Instant | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  readonly #stop = new AbortController();
  #pauseMs: number = pollMs.busy;
  #begun = false;

  constructor(
    private readonly pool: Pool,
    private readonly schedd: Schedd,
    private readonly rings: JobRings,
    /** What must not be seen now. */
    private readonly hidden: () => HiddenNames,
    private readonly tell: {
      /** A job that stays in the queue has ended. */
      readonly onEnd: (key: JobKey, owner: string | null) => void;
      /** Changes are missing before those that come. */
      readonly missed: () => void;
    },
  ) {}

  /** Milliseconds between two questions now; undefined until the first is answered. */
  get pauseMs(): number | undefined {
    return this.#begun ? this.#pauseMs : undefined;
  }

  /** Resolves when changes from now on will be told. */
  async begin(): Promise<void> {
    await this.#ask(true);
    this.#begun = true;
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('The pool is not polled any more.'));
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Jobs that have left the queue, as who reads the history met them. */
  ended(ads: readonly Ad[]): void {
    this.#pauseMs = pollMs.busy;
    const seenAt = Date.now();
    this.rings.addEvents(ads.flatMap((ad) => (this.#isNews(ad) ? this.#entry(ad, seenAt) : [])));
  }

  #schedule(): void {
    if (this.#stop.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#ask(false).then(() => this.#schedule());
    }, this.#pauseMs);
    this.#timer.unref();
  }

  /** Never rejects: what does not answer is asked again, further back. */
  async #ask(first: boolean): Promise<void> {
    const askedAt = now();
    if (first) this.#askedAt = askedAt;
    // By the schedd's own clock.
    const sinceSec = Math.ceil(msBetween(this.#askedAt ?? askedAt, askedAt) / 1000) + overlapSec;
    const constraint = `EnteredCurrentStatus >= time() - ${Math.min(sinceSec, reachSec)}`;
    const command = queueCommand(this.pool, this.schedd, { attributes, constraint });
    let ads: readonly Ad[];
    try {
      ads = await collectAds(this.pool, command, this.#stop.signal);
    } catch {
      this.#pauseMs = pollMs.rest;
      return;
    }
    this.#askedAt = askedAt;
    if (sinceSec > reachSec) this.tell.missed();
    const seenAt = Date.now();
    const before = this.#seen;
    this.#seen = new Map(ads.map((ad) => [nameOf(ad), stateNameOf(ad)]));
    const news = ads.filter((ad) => before.get(nameOf(ad)) !== stateNameOf(ad));
    const entries = news
      .sort(byTime)
      .flatMap((ad) => (!isOver(ad) || this.#isNews(ad) ? this.#entry(ad, seenAt) : []));
    if (!first) this.rings.addEvents(entries);
    for (const { type, key, owner } of entries) {
      if (type === 'TERMINATED' || type === 'REMOVED') this.tell.onEnd(key, owner);
    }
    this.#pauseMs =
      news.length > 0 ? pollMs.busy : Math.min(pollMs.rest, Math.ceil(this.#pauseMs * 1.3));
  }

  /** The end of a job is met in the queue and again in the history. */
  #isNews(ad: Ad): boolean {
    const name = `${nameOf(ad)} ${stateNameOf(ad)}`;
    if (this.#ends.has(name)) return false;
    this.#ends.add(name);
    const [oldest] = this.#ends;
    if (this.#ends.size > keptEnds && oldest !== undefined) this.#ends.delete(oldest);
    return true;
  }

  #entry(ad: Ad, seenAt: number): readonly JobEventEntry[] {
    const key = keyOf(this.schedd.name, ad);
    const type = typeOf(ad);
    if (key === undefined || type === undefined) return [];
    const reason = ad.string('HoldReason');
    const hidden = this.hidden();
    return [
      {
        gridName: this.pool.name,
        type,
        at: (ad.number('EnteredCurrentStatus') ?? Math.floor(seenAt / 1000)) * 1000,
        key,
        owner: ad.string('Owner'),
        state: stateOf(ad),
        detail: shownDetail(
          type === 'HELD' && reason !== null ? { HoldReason: reason } : {},
          hidden,
        ),
        record: new AdRecord(ad, hidden),
        seenAt,
      },
    ];
  }
}

/** By the calendar and by the clock that is never set, which stands still while the machine sleeps: the longer of both passed. */
interface Instant {
  readonly dateMs: number;
  readonly clockMs: number;
}

const now = (): Instant => ({ dateMs: Date.now(), clockMs: performance.now() });
const msBetween = (a: Instant, b: Instant): number =>
  Math.max(b.dateMs - a.dateMs, b.clockMs - a.clockMs);

const nameOf = (ad: Ad): string => `${ad.number('ClusterId')}.${ad.number('ProcId')}`;
const stateNameOf = (ad: Ad): string =>
  `${ad.number('JobStatus')} ${ad.number('EnteredCurrentStatus')}`;
const byTime = (a: Ad, b: Ad): number =>
  (a.number('EnteredCurrentStatus') ?? 0) - (b.number('EnteredCurrentStatus') ?? 0);

/** What led to the state. */
function typeOf(ad: Ad): JobEventType {
  const last = ad.number('LastJobStatus');
  switch (ad.number('JobStatus')) {
    case 1:
      if (last === 5) return 'RELEASED';
      return last === null || last === 0 || last === 1 ? 'SUBMITTED' : 'EVICTED';
    case 2:
      return last === 7 ? 'RESUMED' : 'STARTED';
    case 3:
      return 'REMOVED';
    case 4:
      return 'TERMINATED';
    case 5:
      return 'HELD';
    case 7:
      return 'SUSPENDED';
    default:
      return 'OTHER';
  }
}
