/** A source that may be taken, and what came of the tries: behind each failure it is left alone for longer. */
import { asGridError, type GridError } from '../../../errors.js';
import type { Clock } from '../../../streams/clock.js';
import type { Push } from './push.js';

export interface TrialSettings {
  readonly clock: Clock;
  /** Longest pause before a source that did not work is tried again. */
  readonly probeMs: number;
}

const firstRetryMs = 1000;

export class Trial {
  #trouble: GridError | undefined;
  #failures = 0;
  #retryAt = -Infinity;

  constructor(
    readonly push: Push,
    private readonly settings: TrialSettings,
  ) {}

  /** Why it is not there. */
  get trouble(): GridError | undefined {
    return this.#trouble;
  }

  /** When it may be tried again, by the clock's uptime. */
  get retryAt(): number {
    return this.#retryAt;
  }

  works(): void {
    this.#trouble = undefined;
  }

  /** @param lastedMs how long it had worked before */
  failed(error: unknown, lastedMs = 0): void {
    const { clock, probeMs } = this.settings;
    if (lastedMs >= probeMs) this.#failures = 0;
    this.#trouble = asGridError(error);
    const isOperators = this.#trouble.code === 'CAPABILITY_MISSING';
    const waitMs = isOperators ? probeMs : Math.min(probeMs, firstRetryMs * 2 ** this.#failures);
    this.#failures = Math.min(20, this.#failures + 1);
    this.#retryAt = clock.uptime() + waitMs;
  }
}
