/**
 * The Redis that replicas of one server share: a connection for commands, more of them for reads that
 * block, and the names of keys. It connects on first use, and no wait is without a bound.
 */
import { randomBytes } from 'node:crypto';
import type { Redis, RedisOptions } from 'ioredis';
import { GridError } from '../errors.js';
import type { ComponentHealth } from '../grids/grid.js';

export interface SharedRedisSettings {
  /** `redis://HOST:PORT/DB`, `rediss://` for TLS; a user and a password may be in it. */
  readonly url: string;
  /** Wins over that of the URL. */
  readonly password?: string | undefined;
  /** The certificates that are trusted, in place of those of the system: PEM. */
  readonly ca?: string | undefined;
  /** How keys begin: servers with the same one are replicas of each other. @default 'htc-graph' */
  readonly prefix?: string;
  /** How long a replica that is silent keeps what it leases. @default 3000 */
  readonly leaseMs?: number;
  /** How long one command may take. @default 2000 */
  readonly callMs?: number;
}

export class SharedRedis {
  /** This process among its replicas. */
  readonly replica = randomBytes(9).toString('base64url');
  readonly leaseMs: number;
  /** Where it is, without secrets. */
  readonly address: string;
  readonly #prefix: string;
  readonly #commands: Redis;
  /** Connections that were handed out and not ended. */
  readonly #others = new Set<Redis>();
  #stopped = false;

  private constructor(
    { url, prefix = 'htc-graph', leaseMs = 3000 }: SharedRedisSettings,
    commands: Redis,
  ) {
    this.address = new URL(url).host;
    this.leaseMs = leaseMs;
    this.#prefix = prefix;
    this.#commands = quiet(commands);
  }

  static async open(settings: SharedRedisSettings): Promise<SharedRedis> {
    const { Redis } = await import('ioredis');
    return new SharedRedis(settings, new Redis(addressOf(settings), optionsOf(settings)));
  }

  /** A key of this server and its replicas. */
  key(...parts: readonly string[]): string {
    return [this.#prefix, ...parts].join(':');
  }

  /**
   * Runs commands and puts what fails into words; answers of scripts with errors of their own pass.
   * A command whose connection broke off before its answer may run twice.
   */
  async run<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      return await work(this.#commands);
    } catch (error) {
      throw this.explain(error);
    }
  }

  /** A connection of its own, for reads that block and for subscriptions; who asks for it ends it, or `stop` does. */
  connection(options: RedisOptions = {}): Redis {
    if (this.#stopped) throw new GridError('UNAVAILABLE', 'The server stops.');
    const redis = quiet(this.#commands.duplicate({ commandTimeout: undefined, ...options }));
    this.#others.add(redis);
    redis.once('end', () => this.#others.delete(redis));
    return redis;
  }

  explain(error: unknown): unknown {
    if (error instanceof GridError || !(error instanceof Error)) return error;
    const { name, message } = error;
    const what = `The Redis of the replicas (${this.address})`;
    if (name !== 'ReplyError')
      return new GridError('UNAVAILABLE', `${what} does not answer.`, { cause: error });
    if (/^(NOAUTH|WRONGPASS|NOPERM)/.test(message))
      return new GridError('UNAVAILABLE', `${what} refuses the credentials of this server.`, {
        cause: error,
      });
    if (/^(OOM|LOADING|READONLY|MISCONF|CLUSTERDOWN|MOVED|CROSSSLOT|MASTERDOWN)/.test(message))
      return new GridError('UNAVAILABLE', `${what} can't take it: ${message}`, { cause: error });
    return error;
  }

  /** Never rejects. A Redis that throws keys away when it is full is no place for logs: all of theirs expire, so `volatile-…` drops them too. Nor is one that takes none. */
  async health(): Promise<ComponentHealth> {
    const name = 'replicas';
    try {
      const policy = await this.run(async (redis) => {
        await redis.set(this.key('health', this.replica), '1', 'PX', this.leaseMs);
        return evictionOf(redis);
      });
      if (policy !== undefined && policy !== 'noeviction')
        return {
          name,
          status: 'DEGRADED',
          detail: `Redis ${this.address} drops keys when it is full: set maxmemory-policy to noeviction, not ${policy}`,
          count: null,
        };
      return { name, status: 'OK', detail: `Redis ${this.address} answers`, count: null };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { name, status: 'DOWN', detail, count: null };
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const redis of [this.#commands, ...this.#others]) redis.disconnect();
  }
}

/** With the password in it: ioredis prefers that of the address to that of the options. */
function addressOf({ url, password }: SharedRedisSettings): string {
  if (password === undefined) return url;
  const address = new URL(url);
  address.password = encodeURIComponent(password);
  return address.href;
}

function optionsOf({ url, ca, callMs = 2000 }: SharedRedisSettings): RedisOptions {
  return {
    lazyConnect: true,
    connectTimeout: callMs,
    commandTimeout: callMs,
    maxRetriesPerRequest: 2,
    retryStrategy: (times) => Math.min(1000, 50 * 2 ** Math.min(times, 5)),
    ...(ca !== undefined && url.startsWith('rediss:') ? { tls: { ca } } : {}),
  };
}

/** What it does when it is full; undefined where this server may not ask. */
async function evictionOf(redis: Redis): Promise<string | undefined> {
  try {
    const [, policy] = (await redis.config('GET', 'maxmemory-policy')) as readonly string[];
    return policy;
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined;
    throw error;
  }
}

/** Failures reach whoever waits for a command; without a listener they would be printed. */
const quiet = (redis: Redis): Redis => redis.on('error', () => undefined);
