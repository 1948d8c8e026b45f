/**
 * The ends of one schedd's jobs, each told once the history (or the queue, of a job that stays in it) says
 * how it ended. An event says that a job is about to end: it is looked for at once and again shortly after,
 * since the history has it some 30 ms behind the event. What no event told is found by looking now and then.
 */
import type { Ad } from '../../classad/ad.js';
import { union, type Projection } from '../../query/plan.js';
import { lostRevision, type JobCompletion } from '../job-logs.js';
import { type JobRings, maxRowsOf } from '../job-rings.js';
import type { JobKey, JobOrigin, JobRow } from '../jobs.js';
import { jobKeyAttributes, jobTable } from './fields.js';
import { keyOf, type HistoryTail } from './history-tail.js';
import { historyCommand } from './history.js';
import { idChunks } from './id-set.js';
import { jobRows } from './job-row.js';
import { isOver, revisionOf, stateAttributes, stateOf } from './job-state.js';
import { collectAds, type Pool, type Schedd } from './pool.js';
import { attributesFor } from './projection.js';
import { queueCommand } from './queue.js';

export interface EndsOptions {
  /** Milliseconds between looks while nothing is expected. Read before each wait. */
  readonly restMs: () => number;
  /** Milliseconds after which an ended job that is nowhere is given up. @default 60_000 */
  readonly lostAfterMs?: number | undefined;
  /** Ends of jobs that have left the queue, as they are found. */
  readonly onEnded?: (ads: readonly Ad[]) => void;
  /** `isBlind` has changed. */
  readonly onSight?: () => void;
}

/** Milliseconds to the next look for an expected end, by how often it was not found. */
const waitsMs = [10, 15, 25, 50, 100, 250, 500, 1_000, 2_000, 5_000] as const;
/** From this many misses on the queue is asked too: a job may stay in it, or have started again. */
const queueFrom = 4;
/** An expected job that is still at work after so many misses has not ended after all. */
const atWorkFrom = 8;
/** The whole history is searched by id at every so many misses. */
const historyEvery = 5;
const deepScan = 50_000;
const retryMs = 1_000;
/** Milliseconds between looks at most while they fail, and after which that is more than a moment. */
const blindMs = 5_000;

interface Expected {
  readonly key: JobKey;
  readonly owner: string | null;
  readonly sinceMs: number;
  misses: number;
}

interface Waiter {
  readonly look: number;
  readonly calledMs: number;
  readonly resolve: () => void;
}

const always: Projection = { fields: new Set(['state', 'owner']), attributes: new Set() };
const told = [...jobKeyAttributes, ...stateAttributes, 'EnteredCurrentStatus', 'Owner'];

export class Ends {
  readonly #expected = new Map<string, Expected>();
  readonly #stop = new AbortController();
  #wake: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #looks = 0;
  readonly #waiting = new Set<Waiter>();
  #soon = false;
  #failingSinceMs: number | undefined;
  #isBlind = false;

  constructor(
    private readonly pool: Pool,
    readonly schedd: Schedd,
    /** Outlives this: what ended while nobody followed is told first. */
    private readonly tail: HistoryTail,
    private readonly rings: JobRings,
    private readonly options: EndsOptions,
  ) {}

  /** Resolves when ends from now on will be told. What can't be asked now is asked again later. */
  async begin(signal: AbortSignal): Promise<void> {
    const first = this.tail.begun ? this.#look(signal) : this.tail.begin(signal);
    await first.catch(() => undefined);
    if (this.#stop.signal.aborted) return;
    this.#running ??= this.#run();
  }

  /** The log says that this job ends. */
  expect(key: JobKey, owner: string | null): void {
    if (this.#expected.size >= maxExpected) return;
    const name = procOf(key);
    if (!this.#expected.has(name)) {
      this.#expected.set(name, { key, owner, sinceMs: performance.now(), misses: 0 });
    }
    this.#wake?.();
  }

  /** True while nothing could be looked for, for some seconds. */
  get isBlind(): boolean {
    return this.#isBlind;
  }

  /** Looks soon: something may have been missed. */
  reconcile(): void {
    this.#soon = true;
    this.#wake?.();
  }

  /** Resolves after a whole look that began after the call, once nothing that was expected then still is. */
  settled(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const waiter = {
        look: this.#looks + 1,
        calledMs: performance.now(),
        resolve: () => {
          signal.removeEventListener('abort', onAbort);
          this.#waiting.delete(waiter);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#waiting.delete(waiter);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiter);
      this.reconcile();
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('The pool is not followed any more.'));
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      let waitMs: number;
      const begunAtMs = performance.now();
      try {
        this.#soon = false;
        const look = ++this.#looks;
        await this.#look(signal);
        this.#looked(undefined);
        const [oldest] = this.#expected.values();
        for (const waiter of [...this.#waiting]) {
          const awaited = oldest !== undefined && oldest.sinceMs <= waiter.calledMs;
          if (waiter.look <= look && !awaited) waiter.resolve();
        }
        waitMs = this.#nextMs();
      } catch {
        // What does not answer is asked again; that it does not is said by the health of the pool.
        this.#looked(begunAtMs);
        waitMs = Math.min(Math.max(retryMs, this.#nextMs()), blindMs);
      }
      if (!this.#soon) await this.#wait(waitMs);
    }
  }

  /** @param failedMs when a look began that failed */
  #looked(failedMs: number | undefined): void {
    this.#failingSinceMs = failedMs && (this.#failingSinceMs ?? failedMs);
    const sinceMs = this.#failingSinceMs;
    const isBlind = sinceMs !== undefined && performance.now() - sinceMs >= blindMs;
    if (isBlind === this.#isBlind || this.#stop.signal.aborted) return;
    this.#isBlind = isBlind;
    this.options.onSight?.();
  }

  /** Everything that has ended by now and that can be found. */
  async #look(signal: AbortSignal): Promise<void> {
    const projection = union(always, this.rings.wanted);
    const { hidden } = await this.pool.policy(signal);
    const shown = attributesFor(projection, jobTable, told, hidden);
    const attributes = shown && [...new Set([...shown, ...told])];
    const maxRows = maxRowsOf(projection);
    const news = await this.tail.news({ attributes, told, maxAds: maxRows }, signal);
    const seenAt = Date.now();
    const toRow = jobRows(this.pool.name, this.schedd.name, projection, hidden);
    const rows = new Map<JobCompletion, JobRow>();
    const completions = news.flatMap((ad): readonly JobCompletion[] => {
      const key = keyOf(this.schedd.name, ad);
      if (key === undefined) return [];
      const completion = this.#completion(key, ad, seenAt);
      // Of a flood those that are told first.
      const row = rows.size < maxRows && toRow(ad, { origin: 'HISTORY', atMs: seenAt });
      if (row) rows.set(completion, row);
      return [completion];
    });
    for (const { key } of completions) this.#expected.delete(procOf(key));
    this.rings.addCompletions(completions, { rows, read: projection });
    if (news.length > 0) this.options.onEnded?.(news);
    await this.#search(hidden.has('Owner'), signal);
  }

  /** Expected ends that the news of the history do not have: they may be in the queue, further back, or nowhere. */
  async #search(ownerHidden: boolean, signal: AbortSignal): Promise<void> {
    for (const one of this.#expected.values()) one.misses += 1;
    const late = [...this.#expected.values()].filter(({ misses }) => misses >= queueFrom);
    if (late.length === 0) return;
    const asked = late.slice(0, maxAsked);
    const queued = await this.#ask(asked, 'QUEUE', signal);
    const left = asked.filter(({ key }) => !queued.has(procOf(key)));
    const deep = left.filter(({ misses }) => misses % historyEvery === 0);
    const past = await this.#ask(deep, 'HISTORY', signal);
    const seenAt = Date.now();
    const { lostAfterMs = 60_000 } = this.options;
    const ended: JobCompletion[] = [];
    for (const { key, owner, sinceMs, misses } of asked) {
      const name = procOf(key);
      const ad = past.get(name) ?? queued.get(name);
      if (ad !== undefined && (past.has(name) || isOver(ad))) {
        ended.push(this.#completion(key, ad, seenAt));
      } else if (ad !== undefined) {
        if (misses < atWorkFrom) continue;
      } else {
        if (performance.now() - sinceMs < lostAfterMs) continue;
        const lost = { state: 'UNKNOWN', revision: lostRevision, owner, ownerHidden } as const;
        ended.push({ gridName: this.pool.name, key, seenAt, ...lost });
      }
      this.#expected.delete(name);
    }
    this.rings.addCompletions(ended);
  }

  async #ask(
    of: readonly Expected[],
    place: JobOrigin,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Ad>> {
    const found = new Map<string, Ad>();
    const scan = { scanLimit: deepScan, since: undefined };
    for (const { keys, constraint } of idChunks(of.map(({ key }) => key))) {
      const query = { attributes: told, constraint };
      const limit = ['-limit', String(keys.length)];
      const command =
        place === 'QUEUE'
          ? queueCommand(this.pool, this.schedd, query, ...limit)
          : historyCommand(this.pool, this.schedd, query, scan, ...limit);
      for (const ad of await collectAds(this.pool, command, signal)) {
        const key = keyOf(this.schedd.name, ad);
        if (key !== undefined) found.set(procOf(key), ad);
      }
    }
    return found;
  }

  #completion(key: JobKey, ad: Ad, seenAt: number): JobCompletion {
    return {
      gridName: this.pool.name,
      key,
      revision: revisionOf(ad),
      state: stateOf(ad),
      owner: ad.string('Owner'),
      seenAt,
    };
  }

  #nextMs(): number {
    let least = this.options.restMs();
    for (const { misses } of this.#expected.values()) {
      least = Math.min(least, waitsMs[Math.min(misses, waitsMs.length - 1)] ?? least);
    }
    return least;
  }

  async #wait(ms: number): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const before = this.#expected.size;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
    // An event woke it: the history has the job a moment later, and perhaps others with it.
    if (this.#expected.size > before && !this.#soon && !this.#stop.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, waitsMs[0]));
    }
  }
}

const procOf = ({ clusterId, procId }: JobKey): string => `${clusterId}.${procId}`;

const maxExpected = 200_000;
const maxAsked = 1_000;
