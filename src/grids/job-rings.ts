/**
 * The logs of a pool in memory: its newest events and ends, whoever feeds them, and the rows of jobs
 * that subscribers look at. Each end is logged once, however often it is told.
 */
import { GridError } from '../errors.js';
import type { Projection } from '../query/plan.js';
import { covers, union } from '../query/plan.js';
import { AppendLog } from '../streams/append-log.js';
import { pause, systemClock } from '../streams/clock.js';
import { endOf, type LogPosition } from '../streams/cursor.js';
import type { CompletionLog } from '../streams/log.js';
import { RecentRows } from '../streams/recent.js';
import type { SharedLogs } from '../streams/shared/shared-logs.js';
import { decodeIdAs, encodeId } from './id.js';
import { EventRing } from './event-ring.js';
import { nameOf, type JobCompletion, type JobEventEntry, type JobLogs } from './job-logs.js';
import type { JobKey, JobPool, JobRow } from './jobs.js';
import { SharedEnds } from './shared-ends.js';

export interface JobRingsSettings {
  readonly gridName: string;
  readonly find: JobPool['findJobs'];
  /** Ends kept. @default 50_000 */
  readonly maxCompletions?: number;
  /** Events kept, about 1 kB each. @default 20_000 */
  readonly maxEvents?: number;
  /** Where the ends are kept, if replicas share them. */
  readonly shared?: SharedLogs | undefined;
}

/** Rows of ends as they were found, and what was read of them. */
export interface RowsOfEnds {
  readonly rows: ReadonlyMap<JobCompletion, JobRow>;
  readonly read: Projection;
}

/** Ends at the end of the log among which those of a schedd are looked for. */
const newestOf = 2_000;
/** Milliseconds between tries to open the log of ends. */
const againMs = 1_000;
/** Sets of fields whose rows are kept; the longest unused goes first. Where more are asked for, some share one. */
const maxProjections = 16;

interface KeptRows {
  readonly projection: Projection;
  readonly rows: RecentRows<JobRow>;
}

/** Rows that are kept for a set of fields: a flood of ends is told without reading it twice. A whole ad is some 10 kB. */
export const maxRowsOf = ({ attributes }: Projection): number =>
  attributes === 'all' ? 2_000 : 10_000;

export const nothing: Projection = { fields: new Set(), attributes: new Set() };
const noRows: RowsOfEnds = { rows: new Map(), read: nothing };

export class JobRings {
  /** The ends of this process alone; unused where replicas share them. */
  readonly #own: AppendLog<JobCompletion>;
  readonly #shared: SharedEnds | undefined;
  readonly #settings: JobRingsSettings;
  #events: EventRing;
  /** Lost, as long as somebody reads it. */
  #lostEvents: WeakRef<EventRing> | undefined;
  /** Ends that are logged, the oldest first: as many as the log keeps. */
  readonly #told = new Set<string>();
  readonly #rows = new Map<string, KeptRows>();
  /** By what it says: many follow with one projection, and each row is kept once for all of them. */
  readonly #wanted = new Map<string, { readonly projection: Projection; holders: number }>();
  #stopped = false;

  constructor(settings: JobRingsSettings) {
    this.#settings = settings;
    const { gridName, maxCompletions: limit = 50_000, shared: logs } = settings;
    const name = `condor:${gridName}`;
    this.#own = new AppendLog(name, { limit });
    this.#shared =
      logs && new SharedEnds({ logs, name, limit, heard: (end) => this.#tell(nameOf(end)) });
    this.#events = this.#newEvents();
  }

  get completions(): CompletionLog<JobCompletion> {
    return this.#shared?.log ?? this.#own;
  }

  /** Resolves when the log of ends can be read and is written to. */
  async begin(signal: AbortSignal): Promise<void> {
    await this.#shared?.ready(signal);
  }

  /** Resolves whenever that is; rejects when aborted. */
  async begun(signal: AbortSignal): Promise<void> {
    while (this.#shared !== undefined && !this.#shared.log.isRead) {
      const isOpen = await this.begin(signal).then(
        () => true,
        () => false,
      );
      // One that can't be read on is refused as soon as it is open.
      if (!isOpen) await pause(systemClock, againMs, signal);
    }
  }

  /** Resolves when the ends that were found of a schedd's jobs are in the log. */
  async written(schedd: string, signal: AbortSignal): Promise<void> {
    await this.#shared?.written(schedd, signal);
  }

  /** Whether the pool does not answer: another replica may reach it, and should write the ends. */
  set isBlind(isBlind: boolean) {
    if (this.#shared !== undefined) this.#shared.isBlind = isBlind;
  }

  /** Nobody follows for now. */
  async rest(): Promise<void> {
    await this.#shared?.rest();
  }

  /** Nobody can follow: the pool does not answer. */
  async giveUp(): Promise<void> {
    await this.#shared?.giveUp();
  }

  /** The newest ends of a schedd's jobs that the log has, the newest first. */
  newest(schedd: string): readonly JobCompletion[] {
    const { start, end } = this.completions;
    const from = Math.max(start, end - newestOf);
    return this.completions
      .read(from, newestOf)
      .filter(({ key }) => key.schedd === schedd)
      .reverse();
  }

  get events(): EventRing {
    return this.#events;
  }

  /** After a time in which nobody followed: positions from before mean nothing any more. */
  beginEvents(): void {
    this.#events = this.#newEvents();
  }

  /**
   * Some may have been missed: readers get what there is, then a GAP, and go on in another log. A reader that is still
   * behind when that is lost as well gets no more of this one.
   */
  loseEvents(): void {
    const lost = this.#events;
    this.#lostEvents?.deref()?.clear();
    this.#lostEvents = new WeakRef(lost);
    this.#events = this.#newEvents();
    this.#events.isWhole = lost.isWhole;
    lost.fail(new GridError('UNAVAILABLE', 'Events of the pool may have been missed.'));
  }

  addEvents(entries: readonly JobEventEntry[]): void {
    if (entries.length > 0 && !this.#stopped) this.#events.append(entries);
  }

  /**
   * The rows are kept for those who want no more than what was read of them: somebody may have come
   * meanwhile. Gives back what is news.
   */
  addCompletions(
    completions: readonly JobCompletion[],
    { rows, read }: RowsOfEnds = noRows,
  ): readonly JobCompletion[] {
    if (this.#stopped) return [];
    const news = completions.filter((completion) => {
      const name = nameOf(completion);
      if (this.#told.has(name)) return false;
      this.#tell(name);
      return true;
    });
    if (news.length === 0) return news;
    const served = [...this.#wanted.values()].filter(({ projection }) => covers(read, projection));
    // Where some share one it may have to have more than was read.
    const keeping = new Set(
      served
        .map(({ projection }) => this.#keptFor(projection))
        .filter(({ projection }) => covers(read, projection)),
    );
    for (const completion of news) {
      const row = rows.get(completion);
      if (row === undefined) continue;
      for (const kept of keeping) kept.rows.remember(this.#rowKey(completion), row);
    }
    if (this.#shared === undefined) this.#own.append(news);
    else this.#shared.add(news);
    return news;
  }

  /** Notes what rows of ends will be asked for, until `signal` is aborted. */
  want(projection: Projection, signal: AbortSignal): void {
    if (signal.aborted) return;
    const name = textOf(projection);
    const wanted = this.#wanted.get(name) ?? { projection, holders: 0 };
    wanted.holders += 1;
    this.#wanted.set(name, wanted);
    const leave = (): void => {
      wanted.holders -= 1;
      if (wanted.holders === 0) this.#wanted.delete(name);
    };
    signal.addEventListener('abort', leave, { once: true });
  }

  /** What everybody wants of the rows of ends together. */
  get wanted(): Projection {
    return [...this.#wanted.values()].map(({ projection }) => projection).reduce(union, nothing);
  }

  readonly rows: JobLogs['rows'] = (of, projection) =>
    this.#keptFor(projection).rows.load(of.map((one) => this.#rowKey(one)));

  position(): LogPosition {
    return endOf(this.completions);
  }

  stop(): void {
    this.#stopped = true;
    for (const { rows } of this.#rows.values()) rows.close();
    this.#rows.clear();
  }

  #tell(name: string): void {
    this.#told.add(name);
    const { maxCompletions = 50_000 } = this.#settings;
    for (const oldest of this.#told) {
      if (this.#told.size <= maxCompletions) break;
      this.#told.delete(oldest);
    }
  }

  #newEvents(): EventRing {
    const { gridName, maxEvents = 20_000 } = this.#settings;
    return new EventRing(`condor-events:${gridName}`, maxEvents);
  }

  #rowKey({ key, revision }: { readonly key: JobKey; readonly revision: string }) {
    const { schedd, clusterId, procId } = key;
    return { id: encodeId('Job', this.#settings.gridName, schedd, clusterId, procId), revision };
  }

  #keptFor(asked: Projection): KeptRows {
    const own = this.#rows.get(textOf(asked));
    const isFull = this.#rows.size >= maxProjections;
    const others = own === undefined && isFull ? [...this.#rows.values()] : [];
    const kept =
      own ??
      others.find(({ projection }) => covers(projection, asked)) ??
      this.#newRows(isFull ? union(asked, this.wanted) : asked);
    // A reader of one that is dropped keeps its reads under way: they end by themselves.
    const name = textOf(kept.projection);
    this.#rows.delete(name);
    this.#rows.set(name, kept);
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > maxProjections && oldest !== undefined) this.#rows.delete(oldest);
    return kept;
  }

  #newRows(projection: Projection): KeptRows {
    const { find } = this.#settings;
    const rows = new RecentRows<JobRow>({
      limit: maxRowsOf(projection),
      fetch: (keys, signal) =>
        find(
          keys.map(({ id }) => keyOf(id)),
          projection,
          signal,
        ),
    });
    return { projection, rows };
  }
}

function keyOf(id: string): JobKey {
  const [schedd, clusterId, procId] = decodeIdAs('Job', id).parts;
  return { schedd, clusterId, procId };
}

const textOf = ({ fields, attributes }: Projection): string =>
  JSON.stringify([
    [...fields].sort(),
    attributes === 'all' ? attributes : [...attributes].map((name) => name.toLowerCase()).sort(),
  ]);
