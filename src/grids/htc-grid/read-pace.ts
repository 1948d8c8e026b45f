/**
 * The pace of all reads of one table. Free until the table throttles; then all readers together get half
 * of the read units that were used, and the rest back evenly, so that what capacity there is goes to the
 * workers first.
 */
import type { Clock } from '../../streams/clock.js';
import { systemClock } from '../../streams/clock.js';

export interface ReadPaceSettings {
  /** Read units a second that are left to readers however throttled the table is. @default 2 */
  readonly leastUnits?: number;
  /** Time without a throttle after which what was taken is back; after twice that reads are free. @default 20_000 */
  readonly recoverMs?: number;
  /** Longest time that one large read can keep the others waiting. @default 5000 */
  readonly mostWaitMs?: number;
  readonly clock?: Clock;
}

/** A read that comes back without its cost is charged the least there is. */
const leastCost = 0.5;
/** Units of this time make the rate that was used. */
const recentMs = 1000;

export class ReadPace {
  readonly #settings: Required<ReadPaceSettings>;
  /** Set at a throttle, to the units a second that were used then. */
  #cut: { readonly at: number; readonly used: number; readonly since: number } | undefined;
  #nextAt = 0;
  /** Units used lately: a sum that fades. */
  #recent = 0;
  #recentAt = 0;

  constructor(settings: ReadPaceSettings = {}) {
    this.#settings = {
      leastUnits: 2,
      recoverMs: 20_000,
      mostWaitMs: 5000,
      clock: systemClock,
      ...settings,
    };
  }

  /** Units a second; infinite while reads are free. */
  get unitsPerSecond(): number {
    if (this.#cut === undefined) return Infinity;
    const { leastUnits, recoverMs, clock } = this.#settings;
    const forMs = clock.uptime() - this.#cut.at;
    if (forMs >= 2 * recoverMs) return Infinity;
    return Math.max(leastUnits, this.#cut.used / 2) + (this.#cut.used / 2) * (forMs / recoverMs);
  }

  /** Epoch milliseconds since when reads are slowed; null while they are free. */
  get slowedSince(): number | null {
    return this.unitsPerSecond === Infinity ? null : (this.#cut?.since ?? null);
  }

  /** Takes a place in the row of reads. @returns the milliseconds to wait for it */
  enter(): number {
    const rate = this.unitsPerSecond;
    if (rate === Infinity) return 0;
    const now = this.#settings.clock.uptime();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + (leastCost * 1000) / rate;
    return at - now;
  }

  /** Gives the place of a read back that is not made: who asks next has it. */
  leave(): void {
    const rate = this.unitsPerSecond;
    if (rate === Infinity) return;
    const now = this.#settings.clock.uptime();
    this.#nextAt = Math.max(Math.min(now, this.#nextAt), this.#nextAt - (leastCost * 1000) / rate);
  }

  /** How long a read would have to wait that asked now. */
  get waitMs(): number {
    return this.unitsPerSecond === Infinity
      ? 0
      : Math.max(0, this.#nextAt - this.#settings.clock.uptime());
  }

  /** What a read cost beyond the least; those that wait pay for it together. */
  charge(units: number = leastCost): void {
    const now = this.#settings.clock.uptime();
    this.#recent = this.#fading(now) + units;
    this.#recentAt = now;
    const rate = this.unitsPerSecond;
    if (rate === Infinity) return;
    const debt = (Math.max(0, units - leastCost) * 1000) / rate;
    this.#nextAt = Math.min(
      Math.max(this.#nextAt, now) + debt,
      Math.max(this.#nextAt, now + this.#settings.mostWaitMs),
    );
  }

  /** @param startedAt uptime at the start of the read: of several that were throttled together one counts */
  throttled(startedAt: number): void {
    const { clock, leastUnits } = this.#settings;
    const now = clock.uptime();
    if (this.#cut !== undefined && startedAt < this.#cut.at) return;
    const since = this.slowedSince ?? clock.now();
    const used = Math.max(leastUnits, Math.min(this.unitsPerSecond, this.#fading(now)));
    this.#cut = { at: now, used, since };
    // Nobody reads for a moment: what was taken at once fills up again.
    this.#nextAt = Math.max(this.#nextAt, now + (leastCost * 1000) / this.unitsPerSecond);
  }

  #fading(now: number): number {
    return this.#recent * Math.exp(-(now - this.#recentAt) / recentMs);
  }
}
