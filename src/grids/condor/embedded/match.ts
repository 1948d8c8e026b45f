/** Whether a job and a slot want each other, and what the job asks of the slot. */
import type { Ad } from '../../../classad/ad.js';
import { attributeRefs, reachesUnnamed } from '../../../classad/index.js';
import { numberOf, parsed, textOf, truth } from './evaluation.js';
import type { Job } from './job.js';
import { fits, type Resources, type Slot, type Slots } from './slots.js';

/** What a job gets that asks for nothing, or for what is no number. */
const least: Resources = { cpus: 1, memoryMb: 0, diskKb: 0 };

export class Matchmaker {
  readonly #startRefs: readonly string[];

  constructor(private readonly slots: Slots) {
    this.#startRefs = readsOf(slots.settings.start).names;
  }

  /** The best slot that takes the job and that the job takes, claimed for it; undefined where there is none. */
  claim(job: Job, candidates: readonly Slot[], now: number): Slot | undefined {
    const offers = candidates.flatMap((slot) => {
      const ad = this.slots.ad(slot, now);
      const request = requestOf(job.ad, ad);
      const wanted =
        fits(request, this.slots.free(slot)) && accepts(job.ad, ad) && truth(ad, 'Start', job.ad);
      return wanted ? [{ slot, request, rank: numberOf(job.ad, 'Rank', ad) ?? 0 }] : [];
    });
    const [first, ...others] = offers;
    if (first === undefined) return undefined;
    const best = others.reduce((top, offer) => (offer.rank > top.rank ? offer : top), first);
    const occupant = {
      key: job.key,
      globalId: job.ad.string('GlobalJobId') ?? '',
      owner: job.owner,
      user: job.ad.string('User') ?? job.owner,
    };
    return this.slots.claim(best.slot, best.request, occupant, now);
  }

  /** Jobs alike in this are matched alike: one that no slot takes speaks for all of them. */
  significant(job: Job): string {
    job.significant ??= this.#significantOf(job.ad);
    return job.significant;
  }

  #significantOf(ad: Ad): string {
    const names = new Set<string>();
    const waiting = [...significantNames, ...this.#startRefs];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      const lower = name.toLowerCase();
      if (names.has(lower)) continue;
      names.add(lower);
      const reads = readsOf(textOf(ad, name));
      waiting.push(...reads.names);
      // It may read whatever it likes: the job is like no other.
      if (reads.beyond) names.add('globaljobid');
    }
    return [...names]
      .sort()
      .map((name) => `${name}=${textOf(ad, name)}`)
      .join('\n');
  }
}

const significantNames = ['Requirements', 'Rank', 'RequestCpus', 'RequestMemory', 'RequestDisk'];

const accepts = (job: Ad, slot: Ad): boolean =>
  !job.has('Requirements') || truth(job, 'Requirements', slot);

function requestOf(job: Ad, slot: Ad): Resources {
  const ask = (name: string, otherwise: number): number => {
    const asked = numberOf(job, name, slot);
    return asked === undefined || asked < otherwise ? otherwise : Math.ceil(asked);
  };
  return {
    cpus: ask('RequestCpus', least.cpus),
    memoryMb: ask('RequestMemory', least.memoryMb),
    diskKb: ask('RequestDisk', least.diskKb),
  };
}

/** What an expression reads. */
interface Reads {
  /** Names, whichever ad they are looked up in. */
  readonly names: readonly string[];
  /** It may read more than it names. */
  readonly beyond: boolean;
}

/** Texts repeat: a thousand jobs of a cluster have one Requirements. */
const maxTexts = 1000;
const known = new Map<string, Reads>();

function readsOf(text: string): Reads {
  let reads = known.get(text);
  if (reads === undefined) {
    const expression = parsed(text);
    reads = {
      names: expression === undefined ? [] : attributeRefs(expression).map(({ name }) => name),
      beyond: expression !== undefined && reachesUnnamed(expression) !== null,
    };
    if (known.size >= maxTexts) known.clear();
    known.set(text, reads);
  }
  return reads;
}
