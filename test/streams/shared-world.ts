/** Replicas in one process: each has connections and leases of its own to one real Redis. */
import { once } from 'node:events';
import { Redis, type RedisOptions } from 'ioredis';
import type { CompletionLog } from '../../src/streams/log.js';
import type { SharedLog, SharedLogOptions } from '../../src/streams/shared/shared-log.js';
import { SharedLogs, type SharedLogsSettings } from '../../src/streams/shared/shared-logs.js';
import type { LogTerm } from '../../src/streams/shared/term.js';
import type { RealRedis, RedisServer } from '../real/redis.js';

/** Short, so that another takes over soon. */
const shortMs = 900;
/** Longer than any pause of the machine: nobody takes over. */
export const steadyMs = 60_000;

export class SharedWorld {
  readonly #replicas: SharedLogs[] = [];
  readonly #connections = new Map<SharedLogs, Redis[]>();
  readonly #own: Redis[] = [];
  /** Every server that is started in its place listens there too. */
  readonly #port: number;
  #names = 0;

  private constructor(
    private readonly real: RealRedis,
    public server: RedisServer,
  ) {
    this.#port = server.port;
  }

  static async start(real: RealRedis, ...args: readonly string[]): Promise<SharedWorld> {
    return new SharedWorld(real, await real.start(...args));
  }

  /** A Redis on the same port, without what the one before had. */
  async restart(...args: readonly string[]): Promise<void> {
    this.server = await this.real.start('--port', String(this.#port), ...args);
  }

  get redis(): Redis {
    const redis = new Redis(this.#port, { lazyConnect: true });
    redis.on('error', () => undefined);
    this.#own.push(redis);
    return redis;
  }

  key(name: string, part: 'lease' | 'head' | 'records'): string {
    return `test:log-1:{${name}}:${part}`;
  }

  replica(settings?: SharedLogsSettings, leaseMs = shortMs): SharedLogs {
    const connections: Redis[] = [];
    const logs = new SharedLogs(
      {
        replica: String(this.#replicas.length),
        leaseMs,
        key: (...parts) => ['test', ...parts].join(':'),
        connection: (options: RedisOptions = {}) => {
          const redis = new Redis(this.#port, {
            lazyConnect: true,
            retryStrategy: () => 20,
            ...options,
          });
          redis.on('error', () => undefined);
          connections.push(redis);
          return redis;
        },
      },
      settings,
    );
    this.#replicas.push(logs);
    this.#connections.set(logs, connections);
    return logs;
  }

  /** The process is gone as far as Redis can tell: nothing is given back. */
  sever(replica: SharedLogs): void {
    for (const redis of this.#connections.get(replica) ?? []) redis.disconnect();
  }

  /** From now on it hears of no new record by itself. */
  async deafen(replica: SharedLogs): Promise<void> {
    const reading = this.#connections.get(replica)?.at(1);
    if (reading === undefined) return;
    // One that is just being made may still bring something.
    if (reading.status !== 'ready') await once(reading, 'ready');
    const ended = once(reading, 'end');
    reading.disconnect();
    await ended;
  }

  /** A log in a replica of its own. */
  open<Entry>(name: string, options?: SharedLogOptions<Entry>, leaseMs?: number): SharedLog<Entry> {
    return this.replica({}, leaseMs).open(name, options);
  }

  nextName(): string {
    return `log-${(this.#names += 1)}`;
  }

  async writable(limit: number | undefined, from: 'LEADER' | 'OTHER') {
    const options = limit === undefined ? {} : { limit };
    const name = this.nextName();
    const leader = this.open<number>(name, options, steadyMs);
    const { term, fail } = await lead(leader);
    const log = from === 'LEADER' ? leader : this.open<number>(name, options, steadyMs);
    const has = (is: () => boolean) => log.until(is, AbortSignal.timeout(60_000));
    await has(() => log.isRead);
    let sent = 0;
    return {
      log: log as CompletionLog<number>,
      append: async (...entries: readonly number[]) => {
        term.append(entries);
        sent += entries.length;
        await has(() => log.end === sent);
      },
      finish: async () => {
        term.finish();
        await has(() => log.complete);
      },
      fail: async () => {
        if (from === 'LEADER') fail(new Error('gone'));
        else log.fail(new Error('gone'));
        await log.changed(Infinity, AbortSignal.timeout(60_000));
      },
    };
  }

  async closeLogs(): Promise<void> {
    await Promise.all(this.#replicas.splice(0).map((logs) => logs.stop()));
    for (const redis of this.#own.splice(0)) redis.disconnect();
  }

  async stop(): Promise<void> {
    await this.closeLogs();
    await this.server.stop();
  }
}

export interface Led<Entry> {
  readonly term: LogTerm<Entry>;
  readonly fail: (error: Error) => void;
}

/** Asks for the lease, and holds the first term, which the test drives; `again` drives those behind it. */
export function lead<Entry>(
  log: SharedLog<Entry>,
  note?: () => string,
  again: (term: LogTerm<Entry>) => void = () => undefined,
): Promise<Led<Entry>> {
  return new Promise((resolve) => {
    let isFirst = true;
    log.lead({
      run: (term) =>
        new Promise((over, fail) => {
          term.signal.addEventListener('abort', () => over(), { once: true });
          if (isFirst) resolve({ term, fail });
          else again(term);
          isFirst = false;
        }),
      ...(note === undefined ? {} : { note }),
    });
  });
}
