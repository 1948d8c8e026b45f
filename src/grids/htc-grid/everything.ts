/**
 * The ends of all sessions in one log. A source that tells of sessions whether they are followed or not, and the logs
 * of those that are, both tell of an end, in either order: it is taken from who is first.
 */
import { GridError } from '../../errors.js';
import { AppendLog } from '../../streams/append-log.js';
import type { CompletionLog } from '../../streams/log.js';
import type { Completion } from '../tasks.js';
import { isSameRevision } from './change.js';

/** The log of all ends, of this process alone or of all replicas. */
export interface AllEnds {
  /** Fed until `signal` is aborted, and for a while after it. */
  follow(signal: AbortSignal): Promise<CompletionLog<Completion>>;
  /** Whether it has all of the grid, or the sessions that somebody follows. */
  coverage(): 'GRID' | 'FOLLOWED';
  /** What the source tells. */
  told(ends: readonly Completion[]): void;
  /** What the log of a session tells. @param isNews false for what it begins with: a source has told that before */
  logged(ends: readonly Completion[], isNews: boolean): void;
  /** The source has left some out. */
  interrupted?(): void;
  stop(): Promise<void>;
}

export interface EverythingSettings {
  readonly grid: string;
  /** True while there is such a source; else the logs of sessions are all there is. */
  readonly hasSource: () => boolean;
  /** True while it tells of sessions that nobody follows. @default hasSource */
  readonly isGridWide?: () => boolean;
  /** Keeps the source attached where that is not so without a follower. */
  readonly hold?: (signal: AbortSignal) => Promise<void>;
  /** Ends that are kept. @default 50_000 */
  readonly limit?: number;
}

export class Everything implements AllEnds {
  #log: AppendLog<Completion>;
  readonly #tellers = new Tellers();
  #stopped = false;

  constructor(private readonly settings: EverythingSettings) {
    this.#log = this.#begin();
  }

  get log(): AppendLog<Completion> {
    return this.#log;
  }

  async follow(signal: AbortSignal): Promise<CompletionLog<Completion>> {
    await this.settings.hold?.(signal);
    if (this.#stopped) throw stopped();
    return this.log;
  }

  coverage(): 'GRID' | 'FOLLOWED' {
    const { hasSource, isGridWide = hasSource } = this.settings;
    return isGridWide() ? 'GRID' : 'FOLLOWED';
  }

  told(ends: readonly Completion[]): void {
    this.#append('SOURCE', ends);
  }

  logged(ends: readonly Completion[], isNews: boolean): void {
    if (!this.settings.hasSource()) this.log.append(ends);
    else if (isNews) this.#append('LOG', ends);
  }

  /** Some ends may be missing from here on: what was read before is continued by no position. */
  interrupted(): void {
    this.#log.fail(
      new GridError(
        'UNAVAILABLE',
        'Some ends of tasks were not told by the grid; look at the table.',
      ),
    );
    this.#log = this.#begin();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.log.fail(stopped());
  }

  #begin(): AppendLog<Completion> {
    const { grid, limit = 50_000 } = this.settings;
    const log = new AppendLog<Completion>(everythingOf(grid), { limit });
    // Nothing comes before 0, in whatever epoch: here something does.
    log.skipTo(1);
    return log;
  }

  #append(teller: Teller, ends: readonly Completion[]): void {
    const news = ends.filter((end) => this.#tellers.isFirst(teller, end));
    if (news.length > 0) this.log.append(news);
  }
}

const stopped = () => new GridError('UNAVAILABLE', 'The grid has been stopped.');

export const everythingOf = (grid: string): string => `htc:${grid}`;

export type Teller = 'SOURCE' | 'LOG';

/** Ends that wait for their second teller, the oldest forgotten first: of sessions that nobody follows there is none. */
const maxTold = 10_000;
/** … of one task in one state, which was submitted again in between. */
const maxLives = 4;

interface Telling {
  readonly teller: Teller;
  readonly revision: string;
}

export class Tellers {
  /** By task and state: a poll may not know the revision. */
  readonly #told = new Map<string, readonly Telling[]>();

  isFirst(teller: Teller, end: Completion): boolean {
    const told = this.#told.get(nameOf(end)) ?? [];
    const before = told.find(
      (one) => one.teller !== teller && isSameRevision(one.revision, end.revision),
    );
    if (before !== undefined) {
      this.#put(
        end,
        told.filter((one) => one !== before),
      );
      return false;
    }
    const { revision } = end;
    this.#put(end, [...told, { teller, revision }].slice(-maxLives));
    const [oldest] = this.#told.keys();
    if (this.#told.size > maxTold && oldest !== undefined) this.#told.delete(oldest);
    return true;
  }

  /** It was told before any of them did. */
  forget(end: Completion): void {
    const told = this.#told.get(nameOf(end)) ?? [];
    this.#put(
      end,
      told.filter(({ revision }) => revision !== end.revision),
    );
  }

  #put(end: Completion, told: readonly Telling[]): void {
    const name = nameOf(end);
    this.#told.delete(name);
    if (told.length > 0) this.#told.set(name, told);
  }
}

const nameOf = ({ taskId, state }: Completion): string => `${taskId} ${state}`;
