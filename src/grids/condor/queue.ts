/** The queue of one schedd: what condor_q is asked. */
import type { Ad } from '../../classad/ad.js';
import type { Command } from './command.js';
import { addressed, selecting, type AdQuery, type Pool, type Schedd } from './pool.js';

/** Without `-allusers` condor_q lists the caller's own jobs only. */
export const queueCommand = (
  pool: Pool,
  schedd: Schedd,
  query: AdQuery,
  ...options: readonly string[]
): Command => ({
  program: 'condor_q',
  args: [...addressed(pool, schedd), '-allusers', '-json', ...options, ...selecting(query)],
});

/** Rows alike in all named attributes, counted inside the schedd: one ad per distinct tuple. */
export const groupCommand = (
  pool: Pool,
  schedd: Schedd,
  query: AdQuery & { readonly attributes: readonly string[] },
): Command => queueCommand(pool, schedd, query, '-group-by');

/** What `-group-by` adds to each tuple; an attribute of these names can't be told from them. */
export const groupWords: ReadonlySet<string> = new Set(['id', 'jobcount', 'jobids']);

export const groupCount = (ad: Ad): number => ad.number('JobCount') ?? 0;

export type ProcKey = readonly [clusterId: number, procId: number];

/** First and last id of a group: `"14.0"`, `"16.0 17.0"` or `"14.0 ... 15.2"`. */
export function groupRange(ad: Ad): readonly [first: ProcKey, last: ProcKey] | undefined {
  const ids = ad.string('JobIds')?.match(/\d+\.\d+/g);
  const first = ids?.[0];
  const last = ids?.at(-1);
  return first === undefined || last === undefined ? undefined : [keyOf(first), keyOf(last)];
}

function keyOf(id: string): ProcKey {
  const [cluster, proc] = id.split('.').map(Number);
  return [cluster ?? 0, proc ?? 0];
}
