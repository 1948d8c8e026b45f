/** How many operations each caller has running, and the refusal of one too many. */
import type { LimitSettings } from '../config/settings.js';
import { GridError } from '../errors.js';

type Kind = 'operations' | 'subscriptions';

/** How long a refused caller should wait: about the time of a short operation. */
const retryAfterMs = 1_000;

export class Concurrency {
  readonly #running: Record<Kind, Map<string, number>> = {
    operations: new Map(),
    subscriptions: new Map(),
  };
  readonly #limits: Record<Kind, number>;

  constructor(limits: Pick<LimitSettings, 'operationsPerCaller' | 'subscriptionsPerCaller'>) {
    this.#limits = {
      operations: limits.operationsPerCaller,
      subscriptions: limits.subscriptionsPerCaller,
    };
  }

  /** Takes a place and gives back its release, to be called once; throws where none is free. */
  enter(kind: Kind, identity: string): () => void {
    const running = this.#running[kind];
    const count = running.get(identity) ?? 0;
    if (count >= this.#limits[kind]) {
      throw new GridError(
        'TOO_MANY_REQUESTS',
        `${identity} has ${count} ${kind} running; at most ${this.#limits[kind]} are allowed at once. Wait for one to end.`,
        { retryAfterMs },
      );
    }
    running.set(identity, count + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const now = (running.get(identity) ?? 1) - 1;
      if (now > 0) running.set(identity, now);
      else running.delete(identity);
    };
  }
}
