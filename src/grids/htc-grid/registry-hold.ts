/**
 * The hold on a submission of the shared registry: a lease in Redis, which is renewed, and under which every write is
 * checked. A Redis that is away is waited for; a lease that another took is the end of the hold.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fieldOf, recordOf } from './registry-record.js';
import type { RegistryCommands } from './registry-scripts.js';
import type { Hold, SessionEntry } from './registry.js';
import { HoldLost } from './registry.js';

/** Pauses between tries of a write. */
const againMs = 200;

export interface RedisHoldSettings {
  readonly session: string;
  readonly version: number;
  readonly lease: string;
  readonly token: string;
  readonly leaseMs: number;
  readonly redis: RegistryCommands;
  readonly keys: readonly string[];
  readonly patienceMs: number;
  readonly maxEntries: number;
  readonly written: (entry: SessionEntry) => void;
  readonly over: (hold: RedisHold) => void;
}

export class RedisHold implements Hold {
  readonly #lost = new AbortController();
  readonly #halted = new AbortController();
  version: number;

  constructor(private readonly settings: RedisHoldSettings) {
    this.version = settings.version;
  }

  get lease(): string {
    return this.settings.lease;
  }
  get token(): string {
    return this.settings.token;
  }
  get lost(): AbortSignal {
    return this.#lost.signal;
  }
  get halted(): AbortSignal {
    return this.#halted.signal;
  }

  /** Once it resolves the lease is fresh: who sends next is the only one who may. */
  async put(entry: SessionEntry, signal: AbortSignal): Promise<void> {
    const { redis, keys, session, token, leaseMs, patienceMs, maxEntries } = this.settings;
    const next = { ...entry, version: this.version + 1 };
    const isOver = entry.state !== 'SUBMITTING';
    const until = performance.now() + patienceMs;
    for (;;) {
      this.#throwIfLost();
      const asked = performance.now();
      try {
        const [isMine, isHalted] = await redis.htcRegistryPut(
          ...keys,
          ...[session, token, leaseMs, this.version, isOver ? 1 : 0, fieldOf(next)],
          ...[next.submittedAt, maxEntries, recordOf(next)],
        );
        if (isMine !== 1) this.#lose();
        else if (isOver || performance.now() - asked < leaseMs) {
          if (isHalted === 1) this.halt();
          this.version += 1;
          this.settings.written(next);
          if (isOver) this.settings.over(this);
          return;
        }
      } catch {
        if (performance.now() > until) this.#lose();
        // One that stops leaves the rest to others.
        else await sleep(againMs, undefined, { signal }).catch(() => this.#lose());
      }
    }
  }

  async renew(): Promise<void> {
    const { redis, token, leaseMs } = this.settings;
    const isMine = await redis.htcRegistryRenew(this.lease, token, leaseMs).catch(() => 1);
    if (isMine !== 1) this.#lose();
  }

  async release(): Promise<void> {
    this.settings.over(this);
    await this.settings.redis.htcRegistryRelease(this.lease, this.token).catch(() => undefined);
  }

  halt(): void {
    this.#halted.abort();
  }

  #lose(): void {
    this.#lost.abort();
    this.settings.over(this);
  }

  #throwIfLost(): void {
    if (this.lost.aborted)
      throw new HoldLost('Another replica carries the submission on, or will.');
  }
}
