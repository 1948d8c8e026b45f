/** The data plane of a deployed grid: Redis, the keys and values of HTC-Grid's own client. */
import type { ChainableCommander, Redis, RedisOptions } from 'ioredis';
import type { OnCall } from './calls.js';
import { timed } from './calls.js';
import type { DataPlane, StoredText } from './data-plane.js';
import { headOf } from './data-plane.js';

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

/** Pairs in one pipeline: bounds what is buffered here and in Redis. */
const pipelineLimit = 500;
const pipelineChars = 4 * 1024 * 1024;
const label = 'The data plane (Redis)';

export class RedisDataPlane implements DataPlane {
  private constructor(
    private readonly redis: Redis,
    private readonly onCall: OnCall | undefined,
  ) {}

  /** Connects on first use: a Redis that is down does not keep the server from starting. */
  static async open(settings: RedisSettings): Promise<RedisDataPlane> {
    const { Redis } = await import('ioredis');
    const options: RedisOptions = {
      host: settings.host,
      port: settings.port ?? 6379,
      lazyConnect: true,
      connectTimeout: 2000,
      commandTimeout: settings.callMs ?? 5000,
      maxRetriesPerRequest: 2,
      retryStrategy: (times) => Math.min(2000, 50 * 2 ** Math.min(times, 6)),
      ...(settings.password === undefined ? {} : { password: settings.password }),
      ...(settings.tls === true
        ? { tls: settings.ca === undefined ? {} : { ca: settings.ca } }
        : {}),
    };
    const redis = new Redis(options);
    // Failures reach whoever waits for a command; without a listener they would be printed.
    redis.on('error', () => undefined);
    return new RedisDataPlane(redis, settings.onCall);
  }

  async put(entries: Iterable<readonly [string, string]>, signal?: AbortSignal): Promise<void> {
    let pipeline = this.redis.pipeline();
    let chars = 0;
    const flush = () => {
      const full = pipeline;
      pipeline = this.redis.pipeline();
      chars = 0;
      return timed('data-write', label, this.onCall, signal, async () => {
        for (const [error] of (await full.exec()) ?? []) if (error !== null) throw error;
      });
    };
    for (const [key, text] of entries) {
      pipeline.set(key, text);
      chars += text.length;
      if (pipeline.length >= pipelineLimit || chars >= pipelineChars) await flush();
    }
    if (pipeline.length > 0) await flush();
  }

  async get(key: string, maxChars: number, signal?: AbortSignal): Promise<StoredText | undefined> {
    return (await this.getMany([key], maxChars, signal))[0];
  }

  getMany(
    keys: readonly string[],
    maxChars: number,
    signal?: AbortSignal,
  ): Promise<(StoredText | undefined)[]> {
    return timed('data-read', label, this.onCall, signal, async () => {
      // One character more than asked for: a value that ends before it is whole, and needs no more commands.
      const last = Number.isFinite(maxChars) ? Math.max(0, maxChars) : -1;
      const heads = await this.#each(keys, (pipeline, key) => pipeline.getrange(key, 0, last));
      const long = keys.filter((_key, index) => String(heads[index]).length > maxChars);
      const sizes = await this.#each(long, (pipeline, key) => pipeline.strlen(key));
      const ends = await this.#each(long, (pipeline, key) => pipeline.getrange(key, -2, -1));
      const place = new Map(long.map((key, index) => [key, index]));
      return heads.map((head, index) => {
        const text = String(head);
        // An empty value cannot be told from a missing one, and no value of the grid is empty.
        if (text === '') return undefined;
        const cut = place.get(keys[index] ?? '');
        if (cut === undefined) return headOf(text, maxChars);
        return {
          text: text.slice(0, maxChars),
          chars: Number(sizes[cut]),
          end: String(ends[cut]),
        };
      });
    });
  }

  probe(signal?: AbortSignal): Promise<string> {
    return timed('data-read', label, this.onCall, signal, async () => {
      await this.redis.ping();
      return 'Redis answers';
    });
  }

  async #each(
    keys: readonly string[],
    ask: (pipeline: ChainableCommander, key: string) => unknown,
  ): Promise<unknown[]> {
    if (keys.length === 0) return [];
    const pipeline = this.redis.pipeline();
    for (const key of keys) ask(pipeline, key);
    return ((await pipeline.exec()) ?? []).map(valueOf);
  }

  async stop(): Promise<void> {
    this.redis.disconnect();
  }
}

function valueOf([error, value]: readonly [Error | null, unknown]): unknown {
  if (error !== null) throw error;
  return value;
}
