/**
 * What replicas write into the shared session registry, as it is written: the sessions there are, then a stream of
 * changes by position. Behind a broken connection it goes on at its position; where that can't be, it reads all again.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { SharedRedis } from '../../replicas/shared-redis.js';

export interface RegistryChangesSettings {
  readonly shared: SharedRedis;
  readonly keys: { readonly sessions: string; readonly changes: string; readonly epoch: string };
  readonly records: (records: readonly string[]) => void;
  readonly halted: (session: string) => void;
  /** Redis has not what it had: it is given what this replica knows. */
  readonly restore: () => Promise<void>;
}

const blockMs = 2000;
/** An answer that is so late will not come: the other end has gone without a word. */
const lateMs = 2000;
const changesAtOnce = 500;
const scanCount = 500;
const pauseMs = { first: 50, longest: 1000 };

export class RegistryChanges {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #redis: Redis | undefined;
  #epoch: string | undefined;
  /** When the epoch was last looked at, by the process's own clock. */
  #checkedAt = 0;
  /** The id of the last change that is known. */
  #last = '0-0';
  #loaded: () => void = () => undefined;
  /** Resolves once all sessions have been read. */
  readonly loaded = new Promise<void>((resolve) => (this.#loaded = resolve));

  constructor(private readonly settings: RegistryChangesSettings) {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#redis?.disconnect();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        // A connection that ends is an error here, and a new one goes on.
        const redis = this.settings.shared.connection({
          commandTimeout: blockMs + lateMs,
          retryStrategy: () => null,
        });
        this.#redis = redis;
        await this.#reconcile(redis);
        this.#loaded();
        failures = 0;
        while (!signal.aborted) await this.#read(redis);
      } catch {
        this.#redis?.disconnect();
        const wait = Math.min(pauseMs.longest, pauseMs.first * 2 ** Math.min(failures, 10));
        await sleep(wait, undefined, { signal }).catch(() => undefined);
      }
    }
    this.#redis?.disconnect();
  }

  /** Whether the position still stands; if not, all is read again from before the next change. */
  async #reconcile(redis: Redis): Promise<void> {
    const { changes, epoch } = this.settings.keys;
    await redis.set(epoch, randomBytes(9).toString('base64url'), 'NX');
    const [now, [first], [newest]] = await Promise.all([
      redis.get(epoch),
      redis.xrange(changes, '-', '+', 'COUNT', 1),
      redis.xrevrange(changes, '+', '-', 'COUNT', 1),
    ]);
    const end = newest?.[0] ?? '0-0';
    const had = this.#epoch;
    const isLost = had !== undefined && (had !== now || isBefore(end, this.#last));
    const isWhole = !isBefore(this.#last, first?.[0] ?? '0-0');
    if (had !== undefined && !isLost && isWhole) return;
    if (isLost) await this.settings.restore();
    await this.#load(redis);
    // Changes that were made meanwhile are read twice, which does no harm.
    this.#last = end;
    this.#epoch = now ?? undefined;
  }

  async #load(redis: Redis): Promise<void> {
    const { sessions } = this.settings.keys;
    const records: string[] = [];
    let cursor = '0';
    do {
      const [next, pairs] = await redis.hscan(sessions, cursor, 'COUNT', scanCount);
      for (let at = 1; at < pairs.length; at += 2) records.push(pairs[at] ?? '');
      cursor = next;
    } while (cursor !== '0');
    this.settings.records(records);
  }

  async #read(redis: Redis): Promise<void> {
    const { changes, epoch } = this.settings.keys;
    const found = await redis.xread(
      ...(['COUNT', changesAtOnce, 'BLOCK', blockMs, 'STREAMS', changes, this.#last] as const),
    );
    this.#tell(found ?? []);
    const now = performance.now();
    if (found !== null && now - this.#checkedAt < blockMs) return;
    this.#checkedAt = now;
    // Silence may be that of a Redis that was emptied, and one that was may be written again at once.
    if ((await redis.get(epoch)) !== this.#epoch) await this.#reconcile(redis);
  }

  #tell(found: readonly (readonly [string, readonly Change[]])[]): void {
    for (const [, entries] of found) {
      const records: string[] = [];
      for (const [id, fields] of entries) {
        this.#last = id;
        const [, session, kind, value] = fields;
        if (kind === 'r' && value !== undefined) records.push(value);
        else if (kind === 'h' && session !== undefined) this.settings.halted(session);
      }
      this.settings.records(records);
    }
  }
}

type Change = readonly [id: string, fields: readonly string[]];

/** Ids of a stream are two numbers, each of which may be longer than a number here. */
function isBefore(a: string, b: string): boolean {
  const [aTime, aCount] = a.split('-').map(BigInt);
  const [bTime, bCount] = b.split('-').map(BigInt);
  if (aTime === undefined || bTime === undefined) return false;
  return aTime < bTime || (aTime === bTime && (aCount ?? 0n) < (bCount ?? 0n));
}
