/** Two data planes as one: a store that keeps everything, and a cache before it that may lose it. */
import { asGridError } from '../../errors.js';
import { Circuit } from './circuit.js';
import type { DataPlane, StoredText } from './data-plane.js';

/** Values that go from the store into the cache are not larger than this. */
const maxRefillChars = 1024 * 1024;

export class LayeredDataPlane implements DataPlane {
  /** @param circuit of the cache: one that is away costs one reader its time, not all of them */
  constructor(
    private readonly cache: DataPlane,
    private readonly store: DataPlane,
    private readonly circuit = new Circuit({ what: 'The cache', failures: 1 }),
  ) {}

  /**
   * The store first: what the cache has, the store has too. A cache that is away loses nothing by it, as no key is
   * ever written with another value: who reads there finds nothing, and asks the store.
   */
  async put(entries: Iterable<readonly [string, string]>, signal?: AbortSignal): Promise<void> {
    let batch: (readonly [string, string])[] = [];
    let chars = 0;
    const flush = async () => {
      await this.store.put(batch, signal);
      await this.#ofCache(() => this.cache.put(batch, signal), signal);
      batch = [];
      chars = 0;
    };
    for (const entry of entries) {
      batch.push(entry);
      chars += entry[1].length;
      if (batch.length >= 1000 || chars >= 8 * 1024 * 1024) await flush();
    }
    if (batch.length > 0) await flush();
  }

  async get(key: string, maxChars: number, signal?: AbortSignal): Promise<StoredText | undefined> {
    return (await this.getMany([key], maxChars, signal))[0];
  }

  async getMany(
    keys: readonly string[],
    maxChars: number,
    signal?: AbortSignal,
  ): Promise<(StoredText | undefined)[]> {
    const cached = await this.#ofCache(() => this.cache.getMany(keys, maxChars, signal), signal);
    const values = cached ?? keys.map(() => undefined);
    const missing = keys.filter((_key, index) => values[index] === undefined);
    if (missing.length === 0) return values;
    const found = await this.store.getMany(missing, maxChars, signal);
    const stored = new Map(missing.map((key, index) => [key, found[index]]));
    const whole = [...stored].flatMap(([key, value]): [string, string][] =>
      value !== undefined && value.text.length === value.chars && value.chars <= maxRefillChars
        ? [[key, value.text]]
        : [],
    );
    // The answer is there already: a cache that takes nothing is not the reader's concern.
    if (whole.length > 0 && this.circuit.state.status === 'OK')
      await this.cache.put(whole, signal).catch(() => undefined);
    return keys.map((key, index) => values[index] ?? stored.get(key));
  }

  async probe(signal?: AbortSignal): Promise<string> {
    return (await Promise.all([this.store.probe(signal), this.cache.probe(signal)])).join('; ');
  }

  async stop(): Promise<void> {
    await Promise.all([this.cache.stop(), this.store.stop()]);
  }

  /** Undefined where the cache is away: the store alone counts then. */
  async #ofCache<T>(call: () => Promise<T>, signal: AbortSignal | undefined) {
    try {
      this.circuit.enter();
      const answer = await call();
      this.circuit.succeeded();
      return answer;
    } catch (error) {
      signal?.throwIfAborted();
      const { retryable, retryAfterMs, message } = asGridError(error);
      if (!retryable) throw error;
      // An open circuit's own refusal is no further failure.
      if (retryAfterMs === undefined) this.circuit.failed(message);
      return undefined;
    }
  }
}
