/** When tasks started and ended, as far as this process saw it: bounded, the oldest are forgotten first. */
import type { ChangeSink } from './change.js';

export interface SeenTimes {
  /** Epoch milliseconds. */
  readonly startedAt?: number;
  readonly endedAt?: number;
}

export class Seen {
  readonly #times = new Map<string, SeenTimes>();

  /** @param limit tasks remembered, some 150 bytes each */
  constructor(private readonly limit: number = 200_000) {}

  of(taskId: string): SeenTimes | undefined {
    return this.#times.get(taskId);
  }

  readonly note: ChangeSink = (changes) => {
    const now = Date.now();
    for (const { taskId, state } of changes) {
      const before = this.#times.get(taskId);
      if (state === 'processing') this.#keep(taskId, { startedAt: now });
      else if (state === 'failed' || state === 'cancelled')
        this.#keep(taskId, { ...before, endedAt: now });
    }
  };

  #keep(taskId: string, times: SeenTimes): void {
    this.#times.set(taskId, times);
    if (this.#times.size <= this.limit) return;
    for (const oldest of this.#times.keys()) {
      this.#times.delete(oldest);
      return;
    }
  }
}
