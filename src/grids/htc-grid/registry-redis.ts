/**
 * The session registry that replicas share: Redis has it, each replica mirrors it in memory. Who carries a submission
 * on holds a lease, and every write is checked against it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { GridError } from '../../errors.js';
import type { SharedRedis } from '../../replicas/shared-redis.js';
import { RegistryChanges } from './registry-changes.js';
import { fieldOf, parseRecord, recordOf } from './registry-record.js';
import type { RegistryCommands } from './registry-scripts.js';
import { withScripts } from './registry-scripts.js';
import type { Begun, Hold, SessionEntry, SessionRegistry } from './registry.js';
import { maxEntries } from './registry.js';
import { RedisHold } from './registry-hold.js';
import { RegistryMirror } from './registry-mirror.js';

export interface RedisRegistrySettings {
  readonly shared: SharedRedis;
  readonly grid: string;
  /** Hears of submissions that ended at another replica. */
  readonly ended?: (entry: SessionEntry) => void;
  /** How long the start waits for a Redis that does not answer. @default 3000 */
  readonly startMs?: number;
  /** How long a write waits for a Redis that is away before its hold is given up. @default 60_000 */
  readonly patienceMs?: number;
  /** Sessions that are remembered. @default 100_000 */
  readonly maxEntries?: number;
}

const callMs = 2000;
const restoredAtOnce = 200;
const lookedAtOnce = 500;

export class RedisRegistry extends RegistryMirror implements SessionRegistry {
  readonly #shared: SharedRedis;
  readonly #settings: Required<Omit<RedisRegistrySettings, 'shared' | 'grid'>>;
  readonly #redis: Redis & RegistryCommands;
  readonly #changes: RegistryChanges;
  readonly #holds = new Map<string, RedisHold>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #stop = new AbortController();
  readonly #renewing: NodeJS.Timeout;
  readonly #keys: Readonly<
    Record<'sessions' | 'order' | 'keys' | 'changes' | 'halts' | 'epoch', string>
  >;
  #terms = 0;

  private constructor({ shared, grid, ...settings }: RedisRegistrySettings) {
    super(settings.maxEntries);
    this.#shared = shared;
    this.#settings = {
      ...{ ended: () => undefined, startMs: 3000, patienceMs: 60_000, maxEntries },
      ...settings,
    };
    this.#redis = withScripts(shared.connection({ commandTimeout: callMs }));
    const key = (part: string) => shared.key('sessions', grid, part);
    this.#keys = {
      ...{ sessions: key('entries'), order: key('order'), keys: key('keys') },
      ...{ changes: key('changes'), halts: key('halts'), epoch: key('epoch') },
    };
    this.#renewing = setInterval(() => {
      for (const hold of this.#holds.values()) void hold.renew();
    }, shared.leaseMs / 3);
    this.#changes = new RegistryChanges({
      shared,
      keys: this.#keys,
      records: (records) => {
        this.#mirror(records);
      },
      halted: (session) => this.#holds.get(session)?.halt(),
      restore: () => this.#restore(),
    });
  }

  /** A Redis that does not answer keeps nobody from starting: what it has comes later. */
  static async open(settings: RedisRegistrySettings): Promise<RedisRegistry> {
    const registry = new RedisRegistry(settings);
    const enough = new AbortController();
    const limit = sleep(registry.#settings.startMs, undefined, { signal: enough.signal });
    limit.catch(() => undefined);
    const connected = registry.#redis.connect().catch(() => undefined);
    await Promise.race([Promise.all([connected, registry.#changes.loaded]), limit]);
    enough.abort();
    return registry;
  }

  async look(sessions: readonly string[]): Promise<void> {
    // Reads go on without a Redis that is away.
    if (this.#redis.status !== 'ready') return;
    const unknown = [...new Set(sessions)].filter((one) => this.memory.get(one) === undefined);
    try {
      for (let at = 0; at < unknown.length; at += lookedAtOnce) {
        const asked = unknown.slice(at, at + lookedAtOnce);
        const found = await this.#redis.hmget(this.#keys.sessions, ...asked);
        this.#mirror(found.filter((record) => record !== null));
      }
    } catch {
      // As above.
    }
  }

  async begin(entry: SessionEntry): Promise<Begun> {
    const { sessions, order, keys, changes } = this.#keys;
    const { session, submittedAt } = entry;
    const first = { ...entry, version: 1 };
    const hold = this.#holdOf(session, 1);
    // What waits for a connection is sent when there is one, also when its caller has given up.
    if (this.#redis.status !== 'ready') await this.#run(() => this.#redis.ping());
    const [earlier, record = ''] = await this.#run(() =>
      this.#redis.htcRegistryBegin(
        ...[sessions, order, keys, changes, hold.lease],
        ...[session, hold.token, this.#shared.leaseMs, fieldOf(first), submittedAt],
        ...[this.#settings.maxEntries, recordOf(first)],
      ),
    );
    if (earlier !== undefined) {
      this.#mirror([record]);
      const found = this.memory.get(earlier) ?? parseRecord(record);
      if (found !== undefined) return { earlier: found };
      throw new GridError('UNAVAILABLE', 'The session of the idempotency key can not be read.');
    }
    this.#holds.set(session, hold);
    this.#know(first);
    return { hold };
  }

  async take(session: string): Promise<{ entry: SessionEntry; hold: Hold } | undefined> {
    const { sessions, halts } = this.#keys;
    if (this.#holds.has(session)) return undefined;
    const hold = this.#holdOf(session, 0);
    const [record, isHalted] = await this.#run(() =>
      this.#redis.htcRegistryTake(
        ...[sessions, hold.lease, halts, session, hold.token, this.#shared.leaseMs],
      ),
    );
    const entry = record === undefined ? undefined : parseRecord(record);
    if (entry === undefined) return undefined;
    hold.version = entry.version ?? 0;
    if (isHalted === 1) hold.halt();
    this.#holds.set(session, hold);
    this.#know(entry);
    return { entry: withOwnClock(entry), hold };
  }

  async halt(session: string): Promise<void> {
    const { sessions, halts, changes } = this.#keys;
    if (this.memory.get(session)?.state !== 'SUBMITTING') return;
    await this.#run(() => this.#redis.htcRegistryHalt(sessions, halts, changes, session));
  }

  async settled(session: string, signal: AbortSignal): Promise<void> {
    const isOpen = () => this.memory.get(session)?.state === 'SUBMITTING';
    if (!isOpen() || this.#holds.has(session)) return;
    const limit = AbortSignal.any([signal, this.#stop.signal]);
    limit.throwIfAborted();
    const waiting = this.#waiting.get(session) ?? new Set();
    this.#waiting.set(session, waiting);
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        limit.removeEventListener('abort', abort);
        waiting.delete(over);
        if (waiting.size === 0) this.#waiting.delete(session);
      };
      const over = (): void => {
        leave();
        resolve();
      };
      const abort = (): void => {
        leave();
        reject(limit.reason as Error);
      };
      limit.addEventListener('abort', abort, { once: true });
      waiting.add(over);
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort(new GridError('UNAVAILABLE', 'The server stops.'));
    clearInterval(this.#renewing);
    await this.#changes.stop();
    this.#redis.disconnect();
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#shared.explain(error);
    }
  }

  #holdOf(session: string, version: number): RedisHold {
    const { sessions, order, keys, changes, halts } = this.#keys;
    const { leaseMs, replica } = this.#shared;
    const lease = `${sessions}:lease:${session}`;
    return new RedisHold({
      session,
      version,
      lease,
      token: `${replica}.${String(this.#terms++)}`,
      leaseMs,
      redis: this.#redis,
      keys: [sessions, order, keys, changes, lease, halts],
      patienceMs: this.#settings.patienceMs,
      maxEntries: this.#settings.maxEntries,
      written: (entry) => {
        this.#know(entry);
      },
      over: (hold) => {
        if (this.#holds.get(session) === hold) this.#holds.delete(session);
      },
    });
  }

  #mirror(records: readonly string[]): void {
    const entries = records.map(parseRecord).filter((entry) => entry !== undefined);
    // The order of a hash is no order; of one stream it is kept.
    for (const entry of entries.sort((a, b) => a.submittedAt - b.submittedAt)) this.#know(entry);
  }

  /** The newest version of an entry counts, however it came. */
  #know(entry: SessionEntry): void {
    const { session, state, version = 0 } = entry;
    if ((this.memory.get(session)?.version ?? 0) >= version) return;
    void this.memory.put(entry);
    if (state === 'SUBMITTING') return;
    for (const over of [...(this.#waiting.get(session) ?? [])]) over();
    if (!this.#holds.has(session)) this.#settings.ended(entry);
  }

  async #restore(): Promise<void> {
    const { sessions, order, keys, changes } = this.#keys;
    const known = [...this.memory.entries()].reverse();
    for (let at = 0; at < known.length; at += restoredAtOnce)
      await Promise.all(
        known
          .slice(at, at + restoredAtOnce)
          .map((entry) =>
            this.#redis.htcRegistryRestore(
              ...[sessions, order, keys, changes, entry.session, fieldOf(entry)],
              ...[entry.submittedAt, this.#settings.maxEntries, recordOf(entry)],
            ),
          ),
      );
  }
}

/** A part that may still be under way began before it was taken up: by this clock that is now at the latest. */
const withOwnClock = (entry: SessionEntry): SessionEntry =>
  entry.sending === undefined
    ? entry
    : { ...entry, sending: { ...entry.sending, at: Math.max(entry.sending.at, Date.now()) } };
