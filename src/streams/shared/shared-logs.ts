/**
 * Logs that replicas of one server share: each is a Redis Stream that one replica at a time appends to (a lease) and
 * every replica reads into memory. This is one process's part of them: two connections, and the logs it has open.
 */
import type { Redis, RedisOptions } from 'ioredis';
import { systemClock, type Clock } from '../clock.js';
import { RecordReader } from './record-reader.js';
import { LogScripts } from './scripts.js';
import { SharedLog, type SharedLogOptions } from './shared-log.js';

/** The Redis of the replicas. */
export interface SharedStore {
  /** This process among its replicas. */
  readonly replica: string;
  /** How long a replica that is silent keeps what it leases. */
  readonly leaseMs: number;
  key(...parts: readonly string[]): string;
  /** A connection of its own; who asks for it ends it. */
  connection(options?: RedisOptions): Redis;
}

export interface SharedLogsSettings {
  /** How long Redis keeps a log that nobody appends to and nobody leads. @default 3_600_000 */
  readonly keepMs?: number;
  readonly clock?: Clock;
}

/**
 * Of what stands in Redis: the keys, the fields of records, entries and notes as their writers encode them. A change of
 * any of these takes another number. Servers that differ in it have logs of their own, so none misreads or ends
 * another's; a cursor of one gets a GAP and a snapshot at the other.
 */
export const formatVersion = 'log-1';

export class SharedLogs {
  readonly #store: SharedStore;
  readonly #keepMs: number;
  readonly #clock: Clock;
  readonly #commands: Redis;
  readonly #blocking: Redis;
  readonly #scripts: LogScripts;
  readonly #reader: RecordReader;
  readonly #open = new Set<{ close(): Promise<void> }>();
  /** Logs whose lease is left to others, and until when by the clock's uptime: who opens one again is no more able. */
  readonly #rests = new Map<string, number>();

  constructor(
    store: SharedStore,
    { keepMs = 3_600_000, clock = systemClock }: SharedLogsSettings = {},
  ) {
    this.#store = store;
    this.#keepMs = keepMs;
    this.#clock = clock;
    // What broke off is not sent again: whether it was done is seen in the log.
    const once = { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false };
    this.#commands = store.connection({ ...once, commandTimeout: store.leaseMs });
    this.#blocking = store.connection(once);
    this.#scripts = new LogScripts(this.#commands);
    this.#reader = new RecordReader({
      redis: this.#blocking,
      commands: this.#commands,
      wakeKey: store.key('wake', store.replica),
      clock,
    });
  }

  /** A log by its name; one process opens it once at a time, and who opens it closes it. */
  open<Entry>(
    name: string,
    {
      keepMs = this.#keepMs,
      ...options
    }: SharedLogOptions<Entry> & Pick<SharedLogsSettings, 'keepMs'> = {},
  ): SharedLog<Entry> {
    const { leaseMs } = this.#store;
    // One slot of a cluster: a script touches all three.
    const key = (part: string) => this.#store.key(formatVersion, `{${name}}`, part);
    const log = new SharedLog<Entry>(name, options, {
      keys: { lease: key('lease'), head: key('head'), log: key('records') },
      scripts: this.#scripts,
      commands: this.#commands,
      reader: this.#reader,
      clock: this.#clock,
      keepMs,
      leaseMs,
      rest: {
        isOn: () => (this.#rests.get(name) ?? -Infinity) > this.#clock.uptime(),
        begin: () => {
          this.#rest(name);
        },
      },
      closed: () => this.#open.delete(log),
    });
    this.#open.add(log);
    return log;
  }

  /** For the time of a lease: three times others look for it meanwhile. */
  #rest(name: string): void {
    const now = this.#clock.uptime();
    for (const [other, until] of this.#rests) if (until <= now) this.#rests.delete(other);
    this.#rests.set(name, now + this.#store.leaseMs);
  }

  /** Gives all leases back, as far as Redis answers, and ends both connections. */
  async stop(): Promise<void> {
    await Promise.all([...this.#open].map((log) => log.close()));
    this.#reader.stop();
    this.#commands.disconnect();
    this.#blocking.disconnect();
  }
}
