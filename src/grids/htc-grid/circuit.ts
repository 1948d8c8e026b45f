/**
 * What calls to one place have come to: after several failures in a row it is left alone for a while,
 * then one call tries it. Health is told from it without a call.
 */
import { GridError } from '../../errors.js';
import type { HealthStatus } from '../grid.js';

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

export class Circuit {
  readonly #settings: Required<CircuitSettings>;
  #failures = 0;
  #openUntil = 0;
  #reason = '';

  constructor(settings: CircuitSettings) {
    this.#settings = { failures: 5, openMs: 10_000, now: Date.now, ...settings };
  }

  /** Throws where the place is left alone; the first call after that time is the one that tries it. */
  enter(): void {
    const { what, failures, openMs, now } = this.#settings;
    if (this.#failures < failures) return;
    const leftMs = this.#openUntil - now();
    if (leftMs > 0)
      throw new GridError(
        'UNAVAILABLE',
        `${what} is left alone after ${String(this.#failures)} failures in a row; the last: ${this.#reason}`,
        { retryAfterMs: leftMs },
      );
    this.#openUntil = now() + openMs;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(reason: string): void {
    const { failures, openMs, now } = this.#settings;
    this.#reason = reason;
    if (++this.#failures >= failures) this.#openUntil = now() + openMs;
  }

  get state(): { readonly status: HealthStatus; readonly detail: string | null } {
    if (this.#failures === 0) return { status: 'OK', detail: null };
    return {
      status: this.#failures < this.#settings.failures ? 'DEGRADED' : 'DOWN',
      detail: `${String(this.#failures)} failed in a row; the last: ${this.#reason}`,
    };
  }
}
