/**
 * What calls to one place have come to. Closed, all go there; after several in a row without an answer it
 * is open and the place is left alone for a while; then it is half open, and one call tries it. Health is
 * told from it without a call.
 */
import { asGridError, GridError } from '../../errors.js';
import type { HealthStatus } from '../grid.js';
import { isUnanswered } from './calls.js';

export interface CircuitSettings {
  /** The words for the place in messages. */
  readonly what: string;
  /** Failures in a row after which it is left alone. @default 5 */
  readonly failures?: number;
  /** How long it is left alone. @default 10_000 */
  readonly openMs?: number;
  /** @default Date.now */
  readonly now?: () => number;
}

export interface CircuitState {
  readonly status: HealthStatus;
  readonly detail: string | null;
  /** Epoch milliseconds of the first failure of those in a row; null where there is none. */
  readonly since: number | null;
}

export class Circuit {
  readonly #settings: Required<CircuitSettings>;
  #failures = 0;
  /** Counts failures for ever. */
  #moment = 0;
  #since = 0;
  #failedAt = 0;
  #openUntil = 0;
  #reason = '';

  constructor(settings: CircuitSettings) {
    this.#settings = { failures: 5, openMs: 10_000, now: Date.now, ...settings };
  }

  /** One call to the place, or a refusal. What answers in any way is there; who leaves tells nothing. */
  async through<T>(signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
    this.enter();
    const moment = this.#moment;
    try {
      const answer = await run();
      this.succeeded();
      return answer;
    } catch (error) {
      if (signal?.aborted === true) throw error;
      if (!isUnanswered(error)) this.succeeded();
      // Calls beside each other that fail together are one failure.
      else if (moment === this.#moment) this.failed(asGridError(error).message);
      throw error;
    }
  }

  /** Throws where the place is left alone; the first call after that time is the one that tries it. */
  enter(): void {
    const { what, openMs, now } = this.#settings;
    if (this.leftAlone)
      throw new GridError(
        'UNAVAILABLE',
        `${what} is left alone after ${String(this.#failures)} failures in a row; the last: ${this.#reason}`,
        { retryAfterMs: this.#openUntil - now() },
      );
    if (this.#failures >= this.#settings.failures) this.#openUntil = now() + openMs;
  }

  /** True while it is open. */
  get leftAlone(): boolean {
    return this.#failures >= this.#settings.failures && this.#openUntil > this.#settings.now();
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(reason: string): void {
    const { failures, openMs, now } = this.#settings;
    this.#moment++;
    this.#reason = reason;
    this.#failedAt = now();
    if (this.#failures === 0) this.#since = this.#failedAt;
    if (++this.#failures >= failures) this.#openUntil = this.#failedAt + openMs;
  }

  /** A probe beside the calls went well: failures that have not come again since are over. */
  probed(): void {
    const { openMs, now } = this.#settings;
    if (now() - this.#failedAt >= openMs) this.#failures = 0;
  }

  get state(): CircuitState {
    if (this.#failures === 0) return { status: 'OK', detail: null, since: null };
    return {
      status: this.#failures < this.#settings.failures ? 'DEGRADED' : 'DOWN',
      detail: `${String(this.#failures)} failed in a row; the last: ${this.#reason}`,
      since: this.#since,
    };
  }
}
