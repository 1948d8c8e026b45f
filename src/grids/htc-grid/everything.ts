/**
 * The ends of all sessions in one log. A source that tells of sessions whether they are followed or not, and the logs
 * of those that are, both tell of an end, in either order: it is taken from who is first.
 */
import { AppendLog } from '../../streams/append-log.js';
import type { Completion } from '../tasks.js';

export interface EverythingSettings {
  readonly grid: string;
  /** True while there is such a source; else the logs of sessions are all there is. */
  readonly hasSource: () => boolean;
  /** Ends that are kept. @default 50_000 */
  readonly limit?: number;
}

type Teller = 'SOURCE' | 'LOG';

/** Ends that wait for their second teller, the oldest forgotten first: of sessions that nobody follows there is none. */
const maxTold = 10_000;

export class Everything {
  readonly log: AppendLog<Completion>;
  readonly #told = new Map<string, Teller>();

  constructor(private readonly settings: EverythingSettings) {
    this.log = new AppendLog(`htc:${settings.grid}`, { limit: settings.limit ?? 50_000 });
  }

  /** What the source tells. */
  told(ends: readonly Completion[]): void {
    this.#append('SOURCE', ends);
  }

  /** What the log of a session tells. @param isNews false for what it begins with: a source has told that before */
  logged(ends: readonly Completion[], isNews: boolean): void {
    if (!this.settings.hasSource()) this.log.append(ends);
    else if (isNews) this.#append('LOG', ends);
  }

  #append(teller: Teller, ends: readonly Completion[]): void {
    const news = ends.filter((end) => this.#isFirst(teller, end));
    if (news.length > 0) this.log.append(news);
  }

  #isFirst(teller: Teller, { taskId, state }: Completion): boolean {
    const name = `${taskId} ${state}`;
    const before = this.#told.get(name);
    this.#told.delete(name);
    if (before !== undefined && before !== teller) return false;
    this.#told.set(name, teller);
    const [oldest] = this.#told.keys();
    if (this.#told.size > maxTold && oldest !== undefined) this.#told.delete(oldest);
    return true;
  }
}
