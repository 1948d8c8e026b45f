/**
 * Ends that replicas offer to the one that writes the log of all of them: a Redis Stream, from which that one takes. What
 * was offered is there until it is written, whoever writes; where there is no such log nothing is offered.
 */
import type { SharedRedis } from '../../replicas/shared-redis.js';
import { pause, type Clock } from '../../streams/clock.js';
import { batchOf } from '../../streams/shared/record.js';
import type { Completion } from '../tasks.js';
import { completionCodec } from './completion-codec.js';

export interface OfferedEndsSettings {
  readonly replicas: Pick<SharedRedis, 'run'>;
  readonly key: string;
  /** The key that is there as long as the log is. */
  readonly logKey: string;
  /** How long offers are kept that nobody takes. */
  readonly keepMs: number;
  readonly clock: Clock;
}

/** Offers that nobody takes for now, and how much of them is taken at once. */
const maxOffers = 2000;
const offersAtOnce = 50;
/** Ends that wait for a Redis that is away, the oldest forgotten first. */
const maxWaiting = 50_000;
const retryMs = 500;
/** Before all offers. */
export const noOffer = '0-0';

export interface Taken {
  readonly ends: readonly Completion[];
  /** The last offer among them. */
  readonly upTo: string;
}

export class OfferedEnds {
  #waiting: string[] = [];
  #isOffering = false;
  readonly #stop = new AbortController();

  constructor(private readonly settings: OfferedEndsSettings) {}

  /** In order; at least once. */
  offer(ends: readonly Completion[]): void {
    for (const end of ends) this.#waiting.push(completionCodec.encode(end));
    this.#waiting.splice(0, this.#waiting.length - maxWaiting);
    if (this.#isOffering || this.#waiting.length === 0 || this.#stop.signal.aborted) return;
    this.#isOffering = true;
    void this.#run();
  }

  /** The next offers behind one, the oldest first; none where there are none. */
  async take(behind: string): Promise<Taken> {
    const { replicas, key } = this.settings;
    const answer = await replicas.run((redis) =>
      redis.xread('COUNT', offersAtOnce, 'STREAMS', key, behind),
    );
    const records = answer?.[0]?.[1] ?? [];
    const ends = records.flatMap(([, [, lines = '']]) =>
      lines.split('\n').map((line) => completionCodec.decode(line)),
    );
    return { ends, upTo: records.at(-1)?.[0] ?? behind };
  }

  /** They are in the log. The last one itself stays: who looks again finds that in the log. */
  async forget(upTo: string): Promise<void> {
    const { replicas, key } = this.settings;
    if (upTo !== noOffer) await replicas.run((redis) => redis.xtrim(key, 'MINID', upTo));
  }

  stop(): void {
    this.#stop.abort(new Error('Nothing more is offered.'));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (this.#waiting.length > 0 && !signal.aborted) {
      const batch = this.#waiting.slice(0, batchOf(this.#waiting, 0));
      try {
        await this.#send(batch.join('\n'));
        // Of what waits, some may have been forgotten meanwhile.
        if (this.#waiting[0] === batch[0]) this.#waiting.splice(0, batch.length);
      } catch {
        await pause(this.settings.clock, retryMs, signal).catch(() => undefined);
      }
    }
    // At once: what is offered from now on begins anew.
    this.#isOffering = false;
  }

  async #send(lines: string): Promise<void> {
    const { replicas, key, logKey, keepMs } = this.settings;
    await replicas.run(async (redis) => {
      if ((await redis.exists(logKey)) === 0) return;
      await redis.xadd(key, 'MAXLEN', '~', maxOffers, '*', 'e', lines);
      await redis.pexpire(key, keepMs);
    });
  }
}
