/**
 * Attributes that HTCondor itself writes as expressions over others of the same ad (docs/grids/htcondor.md,
 * "Values"): what is to be fetched beside them, what they come to, and what they would tell of a hidden one.
 */
import type { Ad } from '../../classad/ad.js';
import { evaluate } from '../../classad/index.js';

const sources = new Map(
  [
    ['MemoryUsage', 'ResidentSetSize'],
    ['RequestDisk', 'DiskUsage', 'TransferInputSizeMB'],
    ['RequestMemory', 'MemoryUsage', 'ResidentSetSize', 'ImageSize', 'JobVMMemory'],
    ['SlotWeight', 'Cpus'],
  ].map(([name = '', ...reads]) => [
    name.toLowerCase(),
    { reads, known: new Set([name, ...reads].map((each) => each.toLowerCase())) },
  ]),
);

/** The attributes behind one, also through others; none where it stands for itself. */
export const readBy = (name: string): readonly string[] =>
  sources.get(name.toLowerCase())?.reads ?? [];

/** What it comes to as a number. Undefined where it reads more than HTCondor's own expression: that may not be there. */
export function derivedNumber(ad: Ad, name: string): number | undefined {
  const known = sources.get(name.toLowerCase())?.known;
  if (known === undefined) return undefined;
  let readsMore = false;
  const my = {
    lookup(asked: string) {
      if (known.has(asked.toLowerCase())) return ad.lookup(asked);
      readsMore = true;
      return undefined;
    },
    names: () => [],
  };
  const value = evaluate({ kind: 'attribute', name, base: null, absolute: false }, { my });
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  return isNumber && !readsMore ? Number(value) : undefined;
}
