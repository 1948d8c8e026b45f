/** Where lists of jobs are read: the pools of a filter, how far into their histories, and where their logs of ends stand. */
import type { GraphQLResolveInfo } from 'graphql';
import { GridError } from '../src/errors.js';
import type { JobListing, JobPool, JobRow } from '../src/grids/jobs.js';
import type { Source } from '../src/query/source.js';
import { type LogPosition, nowhere } from '../src/streams/index.js';
import type { JobFilter } from '../schema/job.js';
import type { GraphContext } from './context.js';
import { logNameOf } from './job-ends.js';
import { along, selection } from './selection.js';
import { sourcesOf } from './sources.js';

const maxScanLimit = 10_000_000;

/**
 * Where the logs of ends stand, if that is asked for: before the list is read, so that what ends meanwhile
 * comes after it. A pool that does not answer has no position: its stream begins with a snapshot.
 */
export async function positionsOf(
  pools: readonly JobPool[],
  { signal }: GraphContext,
  info: GraphQLResolveInfo,
): Promise<readonly LogPosition[]> {
  if (along(selection(info), 'streamCursor').length === 0) return [];
  return Promise.all(
    pools.flatMap(({ name, logs }) =>
      logs ? [logs.position(signal).catch(() => nowhere(logNameOf(name)))] : [],
    ),
  );
}

/** UNKNOWN_SCHEDD where the filter names one, alone or in a list, that no pool has. */
export async function jobSources(
  pools: readonly JobPool[],
  listing: JobListing,
  filter: JobFilter | null | undefined,
  { signal }: GraphContext,
): Promise<readonly Source<JobRow>[]> {
  const sources = await sourcesOf(pools, (pool) => pool.jobs(listing, signal));
  const wanted = [filter?.schedd?.eq, ...(filter?.schedd?.in ?? [])].filter((name) => name != null);
  const known = sources.map((source) => source.known({ field: 'schedd' }));
  // A pool that can't say what it has might have it.
  const unknown = known.includes(undefined)
    ? undefined
    : wanted.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw unknownSchedd(pools.map(({ name }) => name).join(', '), unknown, known.map(String));
  }
  return sources;
}

export const unknownSchedd = (
  pool: string,
  name: string | undefined,
  known: readonly string[],
): GridError =>
  new GridError(
    'UNKNOWN_SCHEDD',
    `Expected a schedd of ${pool} (${[...new Set(known)].slice(0, 20).join(', ') || 'it has none now'}), came ${JSON.stringify(name)}.`,
  );

export function checkedScanLimit(limit: number): number {
  if (limit >= 1 && limit <= maxScanLimit) return limit;
  throw new GridError(
    'BAD_USER_INPUT',
    `Expected scanLimit from 1 to ${maxScanLimit}, came ${limit}.`,
  );
}
