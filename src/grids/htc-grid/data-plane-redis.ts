/** The data plane of a deployed grid: Redis, the keys and values of HTC-Grid's own client. */
import { setImmediate as immediate } from 'node:timers/promises';
import type { Redis, RedisOptions } from 'ioredis';
import type { OnCall } from './calls.js';
import { timed } from './calls.js';
import type { DataPlane, StoredText } from './data-plane.js';
import { RedisHeads } from './redis-heads.js';

export interface RedisSettings {
  readonly host: string;
  /** @default 6379 */
  readonly port?: number;
  /** True for the cache of a deployed grid, which speaks nothing else. @default false */
  readonly tls?: boolean;
  /** The certificates that are trusted, in place of those of the system: PEM. */
  readonly ca?: string | undefined;
  readonly password?: string | undefined;
  /** How long one command may take. @default 5000 */
  readonly callMs?: number;
  readonly onCall?: OnCall;
}

/** What is written at once, in one command for many pairs: bounds what is buffered here and in Redis. */
const pairsLimit = 500;
const charsLimit = 4 * 1024 * 1024;
const label = 'The data plane (Redis)';

/** Values that are read at once for callers that ask for one each. */
interface Round {
  readonly maxChars: number;
  readonly keys: string[];
  readonly answers: Promise<readonly (StoredText | undefined)[]>;
}
/** A page is a few rounds: what one brings is decoded while Redis reads for the next. */
const keysLimit = 250;

export class RedisDataPlane implements DataPlane {
  readonly #heads: RedisHeads;
  #round: Round | undefined;

  private constructor(
    private readonly redis: Redis,
    private readonly onCall: OnCall | undefined,
  ) {
    this.#heads = new RedisHeads(redis);
  }

  /** Connects on first use: a Redis that is down does not keep the server from starting. */
  static async open(settings: RedisSettings): Promise<RedisDataPlane> {
    const { Redis } = await import('ioredis');
    const redis = new Redis(redisOptions(settings));
    // Failures reach whoever waits for a command; without a listener they would be printed.
    redis.on('error', () => undefined);
    return new RedisDataPlane(redis, settings.onCall);
  }

  async put(entries: Iterable<readonly [string, string]>, signal?: AbortSignal): Promise<void> {
    let pairs: string[] = [];
    let chars = 0;
    const flush = () => {
      const full = pairs;
      pairs = [];
      chars = 0;
      return timed('data-write', label, this.onCall, signal, () => this.redis.mset(full));
    };
    for (const [key, text] of entries) {
      pairs.push(key, text);
      chars += text.length;
      if (pairs.length >= 2 * pairsLimit || chars >= charsLimit) await flush();
    }
    if (pairs.length > 0) await flush();
  }

  /** What is asked for in one turn of the event loop, such as the outputs of a page, is one round. */
  async get(key: string, maxChars: number, signal?: AbortSignal): Promise<StoredText | undefined> {
    signal?.throwIfAborted();
    let round = this.#round;
    if (round?.maxChars !== maxChars || round.keys.length >= keysLimit)
      this.#round = round = this.#begin(maxChars);
    const index = round.keys.push(key) - 1;
    // The round is of others as well: who gives up leaves it alone.
    return (await unlessAborted(round.answers, signal))[index];
  }

  #begin(maxChars: number): Round {
    const keys: string[] = [];
    const answers = immediate().then(() => {
      if (this.#round?.keys === keys) this.#round = undefined;
      return this.getMany(keys, maxChars);
    });
    return { maxChars, keys, answers };
  }

  getMany(
    keys: readonly string[],
    maxChars: number,
    signal?: AbortSignal,
  ): Promise<(StoredText | undefined)[]> {
    return timed('data-read', label, this.onCall, signal, () =>
      this.#heads.read(keys, maxChars, signal),
    );
  }

  probe(signal?: AbortSignal): Promise<string> {
    return timed('data-read', label, this.onCall, signal, async () => {
      await this.redis.ping();
      return 'Redis answers';
    });
  }

  async stop(): Promise<void> {
    this.redis.disconnect();
  }
}

function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return answer;
  return new Promise((resolve, reject) => {
    const leave = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', leave, { once: true });
    answer.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', leave);
    });
  });
}

export const redisOptions = (settings: RedisSettings): RedisOptions => ({
  host: settings.host,
  port: settings.port ?? 6379,
  lazyConnect: true,
  connectTimeout: 2000,
  commandTimeout: settings.callMs ?? 5000,
  maxRetriesPerRequest: 2,
  retryStrategy: (times) => Math.min(2000, 50 * 2 ** Math.min(times, 6)),
  ...(settings.password === undefined ? {} : { password: settings.password }),
  ...(settings.tls === true ? { tls: settings.ca === undefined ? {} : { ca: settings.ca } } : {}),
});
