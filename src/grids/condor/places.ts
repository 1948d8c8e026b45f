/**
 * At most N at once, with a bounded queue behind: the schedd itself serves eight queries at a time. Requests take turns in
 * the queue, so that one with many commands does not hold the others back.
 */
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
  /** By whose turn it is; the first goes next, then behind the others. */
  private readonly turns = new Map<object, (() => void)[]>();
  private waiting = 0;
  private readonly coolDowns = new Set<NodeJS.Timeout>();

  constructor(private readonly options: PlacesOptions) {}

  /** Resolves with the function that gives the place back, at once or after a cool-down. Those of one turn wait for each other. */
  async take(signal: AbortSignal, turn: object = signal): Promise<(coolDownMs?: number) => void> {
    signal.throwIfAborted();
    if (this.taken < this.options.concurrency) this.taken += 1;
    else await this.wait(signal, turn);
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

  private wait(signal: AbortSignal, turn: object): Promise<void> {
    const { queueLimit, waitMs } = this.options;
    if (this.waiting >= queueLimit) {
      return Promise.reject(throttled(`${queueLimit} commands are waiting already`));
    }
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.leave(turn, go);
        act();
      };
      const go = (): void => settle(resolve);
      const onAbort = (): void => settle(() => reject(signal.reason as Error));
      const timer = setTimeout(
        () => settle(() => reject(throttled(`no place for a command within ${waitMs} ms`))),
        waitMs,
      );
      signal.addEventListener('abort', onAbort, { once: true });
      this.waiting += 1;
      this.turns.set(turn, [...(this.turns.get(turn) ?? []), go]);
    });
  }

  private leave(turn: object, go: () => void): void {
    const others = this.turns.get(turn)?.filter((one) => one !== go) ?? [];
    this.waiting -= 1;
    if (others.length === 0) this.turns.delete(turn);
    else this.turns.set(turn, others);
  }

  /** The place goes straight to the first that waits. */
  private next(): void {
    const [first] = this.turns;
    if (first === undefined) {
      this.taken -= 1;
      return;
    }
    const [turn, [go]] = first;
    go?.();
    const others = this.turns.get(turn);
    if (others === undefined) return;
    this.turns.delete(turn);
    this.turns.set(turn, others);
  }
}

const throttled = (why: string): GridError =>
  new GridError('THROTTLED', `The pool is busy: ${why}. Try again shortly.`, {
    retryAfterMs: 1000,
  });
