/**
 * The ends of all sessions in a log that replicas share. The one that has the lease follows the source of the grid for
 * it, from where the one before was; what the logs of sessions tell, at any replica, that one is offered.
 */
import { GridError } from '../../errors.js';
import type { SharedRedis } from '../../replicas/shared-redis.js';
import { pause, systemClock, type Clock } from '../../streams/clock.js';
import type { CompletionLog } from '../../streams/log.js';
import type { SharedLog } from '../../streams/shared/shared-log.js';
import { formatVersion, type SharedLogs } from '../../streams/shared/shared-logs.js';
import type { LogTerm } from '../../streams/shared/term.js';
import { readable } from '../readable.js';
import type { Completion } from '../tasks.js';
import { completionCodec } from './completion-codec.js';
import { everythingOf, Tellers, type AllEnds, type Teller } from './everything.js';
import { noOffer, OfferedEnds } from './offered-ends.js';
import { longestBackMs } from './push/grid-place.js';
import { RecentNames } from './recent-names.js';

/** A source of every change of the grid, while it is one. */
export interface WholeSource {
  readonly gridWide: boolean;
  readonly place: string | undefined;
  holdAll(signal: AbortSignal, from?: string): Promise<void>;
}

export interface SharedEverythingSettings {
  readonly grid: string;
  readonly shared: SharedLogs;
  readonly replicas: Pick<SharedRedis, 'run' | 'key'>;
  readonly source: WholeSource;
  /** How long it is fed when nobody follows it any more. @default 60_000 */
  readonly lingerMs?: number | undefined;
  /** Ends that are kept. @default 50_000 */
  readonly limit?: number;
  readonly clock?: Clock;
}

/** Between two looks for offers. */
const takeMs = 200;
/** Looks for offers from one note of how far the source was followed to the next. */
const notedEvery = 5;
/** How long who comes waits for the first replica to read the source. */
const firstNoteMs = 10_000;
/** Its key outlives the log: one that is still there is gone on with from where it was. */
const placeMs = 2 * longestBackMs;
/** Ends that several replicas offer. */
const maxOffered = 10_000;

/** What is known in a term of this replica. */
interface Led {
  readonly log: SharedLog<Completion>;
  readonly term: LogTerm<Completion>;
  readonly tellers: Tellers;
  /** By the logs of sessions. */
  readonly offered: RecentNames;
  /** Whether it is in the log by now or not. */
  readonly appended: RecentNames;
  /** How many of them. */
  sent: number;
  written: number;
  /** The last offer. */
  taken: string;
  /** Whether the source is attached. */
  isAttached: boolean;
  /** Whether the source has left some out. */
  isTorn: boolean;
}

export class SharedEverything implements AllEnds {
  readonly #settings: Required<SharedEverythingSettings>;
  readonly #offers: OfferedEnds;
  readonly #placeKey: string;
  /** Of the log: without it there is none. */
  readonly #headKey: string;
  #inLog: RecentNames;
  #log: SharedLog<Completion> | undefined;
  #holders = 0;
  #linger: () => void = () => undefined;
  #led: Led | undefined;
  /** What was last noted here, for a Redis that lost it. */
  #noted: { readonly place: string; readonly until: number } | undefined;
  #stopped = false;

  constructor(settings: SharedEverythingSettings) {
    this.#settings = {
      limit: 50_000,
      clock: systemClock,
      ...settings,
      lingerMs: settings.lingerMs ?? 60_000,
    };
    const { replicas, clock, limit } = this.#settings;
    const key = (part: string) => replicas.key(formatVersion, `{${this.#name}}`, part);
    this.#inLog = new RecentNames(limit);
    this.#placeKey = key('place');
    this.#headKey = key('head');
    this.#offers = new OfferedEnds({
      ...{ replicas, clock, keepMs: longestBackMs },
      key: key('offers'),
      logKey: this.#headKey,
    });
  }

  async follow(signal: AbortSignal): Promise<CompletionLog<Completion>> {
    signal.throwIfAborted();
    if (this.#stopped) throw new GridError('UNAVAILABLE', 'The grid has been stopped.');
    this.#linger();
    this.#holders++;
    const leave = () => {
      this.#leave();
    };
    signal.addEventListener('abort', leave, { once: true });
    try {
      const log = this.#open();
      await readable(log, signal);
      await this.#fed(log, signal);
      await log.caughtUp(signal);
      return log;
    } catch (error) {
      signal.removeEventListener('abort', leave);
      if (!signal.aborted) leave();
      throw error;
    }
  }

  coverage(): 'GRID' | 'FOLLOWED' {
    return this.#log?.note === 'GRID' ? 'GRID' : 'FOLLOWED';
  }

  /** Another replica that has the lease has a source of its own. */
  told(ends: readonly Completion[]): void {
    if (this.#led !== undefined) this.#append(this.#led, 'SOURCE', ends);
  }

  /** Through Redis, also to this replica: what was offered outlives the term of who takes it. */
  logged(ends: readonly Completion[], isNews: boolean): void {
    // What a session begins with is news only for those who know that nobody has told it.
    if (!isNews && (this.#log === undefined || this.coverage() === 'GRID')) return;
    this.#offers.offer(ends.filter((end) => !this.#inLog.has(nameOf(end))));
  }

  /** Where another replica leads that one has a source of its own. */
  interrupted(): void {
    if (this.#led !== undefined) this.#led.isTorn = true;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#linger();
    this.#offers.stop();
    await this.#close();
  }

  get #name(): string {
    return everythingOf(this.#settings.grid);
  }

  #open(): SharedLog<Completion> {
    if (this.#log !== undefined && this.#log.lost === undefined) return this.#log;
    void this.#close();
    const { shared, limit } = this.#settings;
    this.#inLog = new RecentNames(limit);
    const log = shared.open<Completion>(this.#name, {
      codec: completionCodec,
      limit,
      // Position 0 stands before the first entry in every epoch: of this log something comes before it.
      first: 1,
      // Behind that nobody can say any more what the source told meanwhile.
      keepMs: longestBackMs,
      heard: (ends) => {
        if (log !== this.#log) return;
        for (const end of ends) this.#inLog.add(nameOf(end));
        // While this replica leads nobody else writes.
        if (this.#led !== undefined) this.#led.written += ends.length;
      },
    });
    this.#log = log;
    log.lead({
      run: (term) => this.#lead(log, term),
      note: () => (this.#led?.isAttached === true ? this.#covered : log.note),
    });
    return log;
  }

  async #close(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    await log?.close();
  }

  /** Resolves once this replica, or another, reads the source for the log. */
  async #fed(log: SharedLog<Completion>, signal: AbortSignal): Promise<void> {
    const late = new AbortController();
    const cancel = this.#settings.clock.after(firstNoteMs, () => {
      const message = `No replica has read the grid as a whole in ${firstNoteMs / 1000} s. Try again.`;
      late.abort(new GridError('UNAVAILABLE', message));
    });
    const isFed = () => log.note !== '' && (!log.leads || this.#led?.isAttached === true);
    try {
      await log.until(isFed, AbortSignal.any([signal, late.signal]));
    } finally {
      cancel();
    }
  }

  #leave(): void {
    if (--this.#holders > 0 || this.#stopped) return;
    const { clock, lingerMs } = this.#settings;
    this.#linger = clock.after(lingerMs, () => void this.#close());
  }

  get #covered(): 'GRID' | 'FOLLOWED' {
    return this.#settings.source.gridWide ? 'GRID' : 'FOLLOWED';
  }

  async #lead(log: SharedLog<Completion>, term: LogTerm<Completion>): Promise<void> {
    const { source, limit } = this.#settings;
    const led: Led = {
      ...{ log, term, tellers: new Tellers(), sent: 0, written: 0, taken: noOffer },
      offered: new RecentNames(maxOffered),
      appended: new RecentNames(limit),
      isAttached: false,
      isTorn: false,
    };
    this.#led = led;
    try {
      await source.holdAll(term.signal, await this.#place());
      await this.#note(led);
      led.isAttached = true;
      term.noted();
      await this.#feed(led);
    } catch {
      // Redis is away, or the grid is stopped: the lease is given back, and asked for again where there is need.
    } finally {
      if (this.#led === led) this.#led = undefined;
    }
  }

  async #feed(led: Led): Promise<void> {
    for (let look = 1; ; look++) {
      await pause(this.#settings.clock, takeMs, led.term.signal);
      if (led.isTorn) return this.#tear(led);
      for (;;) {
        const { ends, upTo } = await this.#offers.take(led.taken);
        led.taken = upTo;
        if (ends.length === 0) break;
        this.#append(led, 'LOG', ends);
      }
      if (look % notedEvery === 0) await this.#note(led);
    }
  }

  /** Ends the log at all replicas, for another in which what comes from now on is whole. */
  async #tear({ log }: Led): Promise<void> {
    await this.#settings.replicas.run((redis) => redis.del(this.#headKey, this.#placeKey));
    this.#noted = undefined;
    log.fail(new GridError('UNAVAILABLE', `Some ends of ${this.#name} were not told by the grid.`));
  }

  /** How far the source was followed, and offers were taken, once all of it is written. */
  async #note(led: Led): Promise<void> {
    const { replicas, source, clock } = this.#settings;
    const { place } = source;
    const { taken, sent } = led;
    // The next term is to find out as well.
    if (led.isTorn) return;
    await led.log.until(() => led.written >= sent, led.term.signal);
    if (place !== undefined) {
      await replicas.run((redis) => redis.set(this.#placeKey, place, 'PX', placeMs));
      this.#noted = { place, until: clock.uptime() + placeMs };
    }
    await this.#offers.forget(taken);
  }

  /** Where the source was when that was last noted. */
  async #place(): Promise<string | undefined> {
    const { replicas, clock } = this.#settings;
    const text = await replicas.run((redis) => redis.get(this.#placeKey));
    if (text !== null) return text;
    return this.#noted && this.#noted.until > clock.uptime() ? this.#noted.place : undefined;
  }

  #append(led: Led, teller: Teller, ends: readonly Completion[]): void {
    const news = ends.filter((end) => this.#isNews(led, teller, end));
    for (const end of news) led.appended.add(nameOf(end));
    led.sent += news.length;
    led.term.append(news);
  }

  #isNews({ tellers, offered, appended }: Led, teller: Teller, end: Completion): boolean {
    const name = nameOf(end);
    if (teller === 'LOG') {
      if (offered.has(name)) return false;
      offered.add(name);
    }
    if (this.#settings.source.gridWide && !tellers.isFirst(teller, end)) return false;
    if (!appended.has(name) && !this.#inLog.has(name)) return true;
    tellers.forget(end);
    return false;
  }
}

const nameOf = ({ taskId, revision }: Completion): string => `${taskId} ${revision}`;
