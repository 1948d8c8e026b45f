/** A clock that stands still until a test moves it. */
import type { Clock } from '../../src/streams/index.js';

/** Lets everything run that is due without time passing. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

export class HandClock implements Clock {
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  #elapsed = 0;

  constructor(readonly epoch = 1_700_000_000_000) {}

  now = () => this.epoch + this.#elapsed;
  uptime = () => this.#elapsed;

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#elapsed + ms, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that are set at this moment. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Moves on, stopping at each timer on the way. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    for (;;) {
      await this.settle();
      let next: { readonly at: number; readonly callback: () => void } | undefined;
      for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
      if (!next || next.at > until) break;
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.callback();
    }
    this.#elapsed = until;
    await this.settle();
  }

  protected settle(): Promise<void> {
    return settle();
  }
}
