/** Matches waiting jobs with slots: fair between owners, best priority first, both sides asked. */
import type { Clock } from '../../../streams/clock.js';
import type { Job } from './job.js';
import { Matchmaker } from './match.js';
import type { Queue } from './queue.js';
import type { Slot, Slots } from './slots.js';
import { Turns } from './turns.js';

export interface NegotiatorSettings {
  readonly clock: Clock;
  readonly queue: Queue;
  readonly slots: Slots;
  readonly start: (job: Job, slot: Slot) => void;
}

/** What the last cycle did. */
export interface Cycle {
  readonly endedAt: number;
  readonly matches: number;
  readonly rejections: number;
  readonly idle: number;
  readonly owners: number;
}

export class Negotiator {
  last: Cycle | undefined;
  readonly #matchmaker: Matchmaker;
  readonly #cycles: Turns;

  constructor(private readonly settings: NegotiatorSettings) {
    this.#matchmaker = new Matchmaker(settings.slots);
    this.#cycles = new Turns(settings.clock, () => this.#cycle());
  }

  /** A cycle follows shortly; one for all that happens until then. */
  wake(): void {
    this.#cycles.ask();
  }

  stop(): void {
    this.#cycles.stop();
  }

  *#cycle(): Generator<void> {
    const { clock, queue, slots, start } = this.settings;
    const idle = [...queue.waiting.values()].reduce((sum, list) => sum + list.length, 0);
    const shares = this.#shares();
    const owners = shares.size;
    const refused = new Set<string>();
    let matches = 0;
    for (; shares.size > 0; yield) {
      const now = clock.now();
      const candidates = slots.candidates();
      if (candidates.length === 0) break;
      const share = leastServed(shares.values());
      const job = share.next(refused);
      if (job === undefined) {
        shares.delete(share.owner);
        continue;
      }
      const slot = this.#matchmaker.claim(job, candidates, now);
      if (slot === undefined) refused.add(this.#matchmaker.significant(job));
      else {
        matches += 1;
        share.cpus += slot.total.cpus;
        start(job, slot);
      }
    }
    this.last = { endedAt: clock.now(), matches, rejections: refused.size, idle, owners };
  }

  #shares(): Map<string, Share> {
    const { queue, slots } = this.settings;
    const shares = new Map(
      [...queue.waiting].map(([owner, list]) => [
        owner,
        new Share(owner, [...list], (job) => this.#matchmaker.significant(job)),
      ]),
    );
    for (const { occupant, total } of slots.all) {
      const share = occupant && shares.get(occupant.owner);
      if (share) share.cpus += total.cpus;
    }
    return shares;
  }
}

/** One owner in one cycle: the cores in use, and how far the list has been looked through. */
class Share {
  cpus = 0;
  #at = 0;

  constructor(
    readonly owner: string,
    /** As it was when the cycle began. */
    private readonly waiting: readonly Job[],
    private readonly significant: (job: Job) => string,
  ) {}

  /** The best job that is not alike one that no slot took. */
  next(refused: ReadonlySet<string>): Job | undefined {
    for (;;) {
      const job = this.waiting[this.#at];
      if (job === undefined) return undefined;
      this.#at += 1;
      if (job.startable && !refused.has(this.significant(job))) return job;
    }
  }
}

const leastServed = (shares: Iterable<Share>): Share =>
  [...shares].reduce((least, share) => (share.cpus < least.cpus ? share : least));
