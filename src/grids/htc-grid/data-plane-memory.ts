/** A data plane in this process: gone with it, and bounded. */
import { GridError } from '../../errors.js';
import type { OnCall } from './calls.js';
import { timed } from './calls.js';
import type { DataPlane, StoredText } from './data-plane.js';
import { headOf } from './data-plane.js';

export interface MemorySettings {
  /** Characters kept, keys included. @default 268_435_456 (256 MiB) */
  readonly maxBytes?: number;
  readonly onCall?: OnCall;
}

const label = 'The data plane in memory';

export class MemoryDataPlane implements DataPlane {
  readonly #values = new Map<string, string>();
  readonly #maxBytes: number;
  readonly #onCall: OnCall | undefined;
  #bytes = 0;

  constructor(settings: MemorySettings = {}) {
    this.#maxBytes = settings.maxBytes ?? 256 * 1024 * 1024;
    this.#onCall = settings.onCall;
  }

  put(entries: Iterable<readonly [string, string]>, signal?: AbortSignal): Promise<void> {
    return timed('data-write', label, this.#onCall, signal, async () => {
      for (const [key, text] of entries) this.#set(key, text);
    });
  }

  async get(key: string, maxChars: number, signal?: AbortSignal): Promise<StoredText | undefined> {
    return (await this.getMany([key], maxChars, signal))[0];
  }

  getMany(
    keys: readonly string[],
    maxChars: number,
    signal?: AbortSignal,
  ): Promise<(StoredText | undefined)[]> {
    return timed('data-read', label, this.#onCall, signal, async () =>
      keys.map((key) => {
        const text = this.#values.get(key);
        return text === undefined ? undefined : headOf(text, maxChars);
      }),
    );
  }

  async probe(): Promise<string> {
    return `${String(this.#values.size)} values in memory, ${String(this.#bytes)} of ${String(this.#maxBytes)} bytes`;
  }

  async stop(): Promise<void> {
    this.#values.clear();
    this.#bytes = 0;
  }

  #set(key: string, text: string): void {
    const before = this.#values.get(key);
    const grown = text.length - (before?.length ?? -key.length);
    if (this.#bytes + grown > this.#maxBytes)
      throw new GridError(
        'LIMIT_EXCEEDED',
        `The data plane in memory is full: ${String(this.#bytes)} of ${String(this.#maxBytes)} bytes are used. Give the grid a folder or a Redis, or raise the limit.`,
      );
    this.#values.set(key, text);
    this.#bytes += grown;
  }
}
