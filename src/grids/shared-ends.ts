/**
 * The ends of a pool's jobs in a log that replicas share: each replica that follows the pool finds them, the one that
 * has the lease writes them. What a replica found and the log does not have yet it keeps, for its own term. One that
 * does not reach the pool leaves the lease to others.
 */
import type { SharedLog } from '../streams/shared/shared-log.js';
import type { SharedLogs } from '../streams/shared/shared-logs.js';
import type { LogTerm } from '../streams/shared/term.js';
import { lostRevision, nameOf, type JobCompletion } from './job-logs.js';
import { readable } from './readable.js';

export interface SharedEndsSettings {
  readonly logs: SharedLogs;
  readonly name: string;
  /** Ends kept. */
  readonly limit: number;
  /** Hears of each end that is in the log. */
  readonly heard: (completion: JobCompletion) => void;
}

export class SharedEnds {
  readonly #settings: SharedEndsSettings;
  readonly #found = new Map<string, JobCompletion>();
  #log: SharedLog<JobCompletion>;
  /** The log that this replica asks to write. */
  #led: SharedLog<JobCompletion> | undefined;
  #term: LogTerm<JobCompletion> | undefined;
  #isBlind = false;

  constructor(settings: SharedEndsSettings) {
    this.#settings = settings;
    this.#log = this.#open();
  }

  get log(): SharedLog<JobCompletion> {
    return this.#log;
  }

  /** Resolves when the log can be read, and is written to by this replica or another. */
  async ready(signal: AbortSignal): Promise<void> {
    if (this.#log.lost !== undefined) {
      void this.#log.close();
      this.#log = this.#open();
    }
    const log = this.#log;
    if (this.#led !== log) log.lead({ run: (term) => this.#lead(term) });
    this.#led = log;
    await readable(log, signal);
    await log.caughtUp(signal);
  }

  /** Written here, or found by the replica that writes. */
  add(completions: readonly JobCompletion[]): void {
    for (const completion of completions) this.#found.set(nameOf(completion), completion);
    for (const oldest of this.#found.keys()) {
      if (this.#found.size <= this.#settings.limit) break;
      this.#found.delete(oldest);
    }
    this.#term?.append(completions);
  }

  /** Resolves when all that was added of a schedd's jobs is in the log. */
  async written(schedd: string, signal: AbortSignal): Promise<void> {
    const isOf = ({ key }: JobCompletion) => key.schedd === schedd;
    await this.#log.until(() => ![...this.#found.values()].some(isOf), signal);
  }

  /** Whether the pool does not answer this replica: then what ends is found by others, if by any. */
  set isBlind(isBlind: boolean) {
    this.#isBlind = isBlind;
    if (this.#term !== undefined) void this.#leaveBlind(this.#term);
  }

  /** Lets another replica write. What was found and not written is kept. */
  rest(): Promise<void> {
    this.#isBlind = false;
    return this.#log.close();
  }

  /** The same for a replica that does not reach the pool: others have the time of a lease to take it. */
  giveUp(): Promise<void> {
    this.#term?.leave();
    return this.rest();
  }

  #open(): SharedLog<JobCompletion> {
    const { logs, name, limit, heard } = this.#settings;
    return logs.open<JobCompletion>(name, {
      limit,
      heard: (completions) => {
        for (const completion of completions) {
          this.#found.delete(nameOf(completion));
          // What this replica alone gave up has been found: it must not be told behind its end one day.
          this.#found.delete(nameOf({ ...completion, revision: lostRevision }));
          heard(completion);
        }
      },
    });
  }

  async #lead(term: LogTerm<JobCompletion>): Promise<void> {
    this.#term = term;
    term.append([...this.#found.values()]);
    void this.#leaveBlind(term);
    await new Promise<void>((resolve) => {
      if (term.signal.aborted) resolve();
      term.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    if (this.#term === term) this.#term = undefined;
  }
  /** What was found before is written first. Never rejects. */
  async #leaveBlind(term: LogTerm<JobCompletion>): Promise<void> {
    if (!this.#isBlind) return;
    await term.written().catch(() => undefined);
    if (this.#isBlind) term.leave();
  }
}
