/**
 * Reads the new records of all logs of this process over one connection that blocks. Behind a broken connection each
 * log is looked at before it is read on: the Redis that answers again may have lost what was read.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.js';
import type { RawRecord } from './record.js';

export interface ReadLog {
  /** The key of its stream. */
  readonly key: string;
  /** The id of the last record that was read. */
  lastId(): string;
  records(records: readonly RawRecord[]): void;
  /** Resolves once the log can be read on; rejects where Redis does not answer. */
  look(): Promise<void>;
}

export interface RecordReaderSettings {
  /** Blocks; nobody else uses it. */
  readonly redis: Redis;
  /** For what must not wait behind a blocking read. */
  readonly commands: Redis;
  /** A stream of this process alone: an entry in it ends a blocking read. */
  readonly wakeKey: string;
  readonly clock: Clock;
}

const blockMs = 2000;
/** An answer that is so late will not come: the other end has gone without a word. */
const lateMs = 3000;
const recordsAtOnce = 16;
const longestPauseMs = 1000;
const wakeLifeMs = 60_000;

export class RecordReader {
  readonly #logs = new Map<string, ReadLog>();
  /** Those that were looked at since the connection last broke, or came since. */
  #sound = new Set<ReadLog>();
  #wakeId = '0-0';
  #isReading = false;
  #stopped = false;
  #resume: () => void = () => undefined;

  constructor(private readonly settings: RecordReaderSettings) {}

  add(log: ReadLog): void {
    this.#logs.set(log.key, log);
    this.#sound.add(log);
    this.#wake();
  }

  remove(log: ReadLog): void {
    // The read under way may still bring records of it; nobody is given them.
    if (this.#logs.get(log.key) === log) this.#logs.delete(log.key);
    this.#sound.delete(log);
  }

  stop(): void {
    this.#stopped = true;
    this.#logs.clear();
    this.#resume();
  }

  /** A read that blocks does not know of logs that came later. */
  #wake(): void {
    if (!this.#isReading) {
      this.#isReading = true;
      void this.#run();
      return;
    }
    const { commands, wakeKey } = this.settings;
    // Without it they are read once the present read has ended.
    commands
      .multi()
      .xadd(wakeKey, 'MAXLEN', 1, '*', 'w', '1')
      .pexpire(wakeKey, wakeLifeMs)
      .exec()
      .catch(() => undefined);
  }

  async #run(): Promise<void> {
    let failed = 0;
    while (!this.#stopped && this.#logs.size > 0) {
      try {
        if (failed > 0) await this.#inTime(this.settings.redis.ping());
        await this.#lookAtUnsound();
        await this.#read();
        failed = 0;
      } catch {
        this.#sound = new Set();
        await this.#pause(Math.min(longestPauseMs, 20 * 2 ** Math.min(failed++, 10)));
      }
    }
    this.#isReading = false;
  }

  async #read(): Promise<void> {
    const { redis, wakeKey } = this.settings;
    const logs = [...this.#logs.values()].filter((log) => this.#sound.has(log));
    const found = await this.#inTime(
      redis.xread(
        'COUNT',
        recordsAtOnce,
        'BLOCK',
        blockMs,
        'STREAMS',
        wakeKey,
        ...logs.map(({ key }) => key),
        this.#wakeId,
        ...logs.map((log) => log.lastId()),
      ),
    );
    const asked = new Map(logs.map((log) => [log.key, log]));
    for (const [key, records] of found ?? []) {
      const log = asked.get(key);
      if (key === wakeKey) this.#wakeId = records.at(-1)?.[0] ?? this.#wakeId;
      else if (log !== undefined && this.#logs.get(key) === log) log.records(records);
    }
  }

  /** One that can't be read on holds up no other: it is looked at again before the next read. */
  async #lookAtUnsound(): Promise<void> {
    const sound = this.#sound;
    const unsound = [...this.#logs.values()].filter((log) => !sound.has(log));
    await Promise.allSettled(
      unsound.map(async (log) => {
        await log.look();
        if (this.#logs.get(log.key) === log) sound.add(log);
      }),
    );
  }

  async #inTime<T>(answer: Promise<T>): Promise<T> {
    const { redis, clock } = this.settings;
    const cancel = clock.after(blockMs + lateMs, () => {
      redis.disconnect(true);
    });
    try {
      return await answer;
    } finally {
      cancel();
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.settings.clock.after(ms, resolve);
      this.#resume = () => {
        cancel();
        resolve();
      };
    });
  }
}
