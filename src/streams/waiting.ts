/** Those who wait until something is so, each with a signal of its own; all look again when it may have changed. */

export class Waiting {
  readonly #looks = new Set<() => void>();

  /** How many wait at this moment. */
  get size(): number {
    return this.#looks.size;
  }

  /** Resolves once `is` says so, now or behind a change; rejects when aborted. */
  until(is: () => boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (is()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const leave = () => {
        signal.removeEventListener('abort', abort);
        this.#looks.delete(look);
      };
      const look = () => {
        if (!is()) return;
        leave();
        resolve();
      };
      const abort = () => {
        leave();
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#looks.add(look);
    });
  }

  changed(): void {
    for (const look of this.#looks) look();
  }
}
