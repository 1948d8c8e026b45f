/** At most N at once, with a bounded queue behind: the schedd itself serves eight queries at a time. */
import { GridError } from '../../errors.js';

export interface PlacesOptions {
  /** How many at once. */
  readonly concurrency: number;
  /** How many may wait for a place. */
  readonly queueLimit: number;
  /** Milliseconds one may wait for a place. */
  readonly waitMs: number;
}

export class Places {
  private taken = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly coolDowns = new Set<NodeJS.Timeout>();

  constructor(private readonly options: PlacesOptions) {}

  /** Resolves with the function that gives the place back, at once or after a cool-down. */
  async take(signal: AbortSignal): Promise<(coolDownMs?: number) => void> {
    signal.throwIfAborted();
    if (this.taken < this.options.concurrency) this.taken += 1;
    else await this.wait(signal);
    let given = false;
    return (coolDownMs = 0) => {
      if (given) return;
      given = true;
      if (coolDownMs === 0) return this.next();
      const timer = setTimeout(() => {
        this.coolDowns.delete(timer);
        this.next();
      }, coolDownMs);
      timer.unref();
      this.coolDowns.add(timer);
    };
  }

  stop(): void {
    for (const timer of this.coolDowns) clearTimeout(timer);
    this.coolDowns.clear();
  }

  private wait(signal: AbortSignal): Promise<void> {
    const { queueLimit, waitMs } = this.options;
    if (this.waiting.length >= queueLimit) {
      return Promise.reject(throttled(`${queueLimit} commands are waiting already`));
    }
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        const at = this.waiting.indexOf(go);
        if (at !== -1) this.waiting.splice(at, 1);
        act();
      };
      const go = (): void => settle(resolve);
      const onAbort = (): void => settle(() => reject(signal.reason as Error));
      const timer = setTimeout(
        () => settle(() => reject(throttled(`no place for a command within ${waitMs} ms`))),
        waitMs,
      );
      signal.addEventListener('abort', onAbort, { once: true });
      this.waiting.push(go);
    });
  }

  /** The place goes straight to the first that waits. */
  private next(): void {
    const first = this.waiting[0];
    if (first === undefined) this.taken -= 1;
    else first();
  }
}

const throttled = (why: string): GridError =>
  new GridError('THROTTLED', `The pool is busy: ${why}. Try again shortly.`, {
    retryAfterMs: 1000,
  });
