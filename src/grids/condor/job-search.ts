/**
 * Jobs of one schedd by their ids, told as they are found: those in its queue, and those in its history. A miss in the
 * history is asked once more shortly after, because a job leaves the queue about 10 ms before the history shows it.
 */
import { union, type Projection } from '../../query/plan.js';
import type { SourceRequest } from '../../query/source.js';
import type { JobKey, JobOrigin, JobRow } from '../jobs.js';
import type { Command } from './command.js';
import { jobFields, jobKeyAttributes, jobTable } from './fields.js';
import { historyCommand } from './history.js';
import { idChunks, type IdChunk } from './id-set.js';
import { jobRows } from './job-row.js';
import { streamAds, troubleOf, type AdQuery, type Pool, type Schedd } from './pool.js';
import { attributesFor } from './projection.js';
import { queueCommand } from './queue.js';

export interface JobSearch {
  readonly pool: Pool;
  readonly schedd: Schedd;
  readonly projection: Projection;
  readonly signal: AbortSignal;
  /** Those that are still looked for. */
  readonly missing: () => readonly JobKey[];
  readonly tell: (row: JobRow) => void;
  /** Whether whole ads keep `2.0` a real. @default false */
  readonly exactReals?: boolean;
}

/** History records that a look-up reads at most. */
const historyScanLimit = 50_000;
/** Records that can have come since the first ask: only a job that has just ended is still missing. */
const recentRecords = 500;

export const searchQueue = (search: JobSearch): Promise<void> =>
  // The scan ends with the last of the ids.
  ask('QUEUE', search, (query, limit) => ({
    ...queueCommand(search.pool, search.schedd, query, '-stream-results', '-limit', String(limit)),
    lineByLine: limit <= fewRows,
  }));

/** As many rows are wanted one by one: more of them fill a block soon enough. */
const fewRows = 64;

export async function searchHistory(search: JobSearch, askAgainMs = 30): Promise<void> {
  await askHistory(search, historyScanLimit);
  if (search.missing().length === 0) return;
  await pause(askAgainMs, search.signal);
  await askHistory(search, recentRecords);
}

const askHistory = (search: JobSearch, scanLimit: number): Promise<void> =>
  // The scan ends with the last match, so that recent jobs cost little.
  ask('HISTORY', search, (query, limit) => {
    const scan = { scanLimit, since: undefined };
    return historyCommand(search.pool, search.schedd, query, scan, '-limit', String(limit));
  });

/** The same rows with more of their fields; what is gone in between stays as it is. */
export async function widenJobs(
  pool: Pool,
  schedd: Schedd,
  places: readonly JobOrigin[],
  rows: readonly JobRow[],
  { projection, signal }: Pick<SourceRequest, 'signal'> & { readonly projection: Projection },
): Promise<readonly JobRow[]> {
  const found = new Map<string, JobRow>();
  const search: JobSearch = {
    pool,
    schedd,
    projection: rows.reduce((all, row) => union(all, heldBy(row)), projection),
    signal,
    missing: () => rows.filter((row) => !found.has(nameOf(row))),
    tell: (row) => found.set(nameOf(row), row),
  };
  try {
    if (places.includes('QUEUE')) await searchQueue(search);
    if (places.includes('HISTORY')) await searchHistory(search);
  } catch (error) {
    throw troubleOf(schedd, error);
  }
  return rows.map((row) => found.get(nameOf(row)) ?? row);
}

/** One name for a job, to find it in a map. */
export const nameOf = ({ schedd, clusterId, procId }: JobKey): string =>
  `${schedd} ${clusterId}.${procId}`;

/** What the row has already: the new one has to have it too. */
function heldBy(row: JobRow): Projection {
  return {
    fields: new Set(Object.keys(row).filter((name) => Object.hasOwn(jobFields, name))),
    attributes: new Set(row.record?.names() ?? []),
  };
}

async function ask(
  origin: JobOrigin,
  { pool, schedd, projection, signal, missing, tell, exactReals = false }: JobSearch,
  commandFor: (query: AdQuery, limit: number) => Command,
): Promise<void> {
  const { hidden } = await pool.policy(signal);
  const attributes = attributesFor(projection, jobTable, jobKeyAttributes, hidden);
  const options = { exactReals: exactReals && attributes === undefined };
  const toRow = jobRows(pool.name, schedd.name, projection, hidden);
  const keys = missing();
  const wanted = new Set(keys.map(nameOf));
  const read = async ({ keys: { length }, constraint }: IdChunk<JobKey>): Promise<void> => {
    const command = commandFor({ attributes, constraint }, length);
    for await (const ads of streamAds(pool, command, signal, options)) {
      const fetched = { origin, atMs: Date.now() };
      for (const ad of ads) {
        const row = toRow(ad, fetched);
        if (row !== undefined && wanted.has(nameOf(row))) tell(row);
      }
    }
  };
  await Promise.all(idChunks(keys).map(read));
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
