/** The jobs of one schedd as a source of lists: its queue, its history, or one after the other. */
import type { Ad } from '../../classad/ad.js';
import { union, projectionOf, type Projection } from '../../query/plan.js';
import { matches, refsOf, type Predicate, type Ref, type Value } from '../../query/predicate.js';
import type { Source, SourceRequest } from '../../query/source.js';
import type { JobListing, JobOrigin, JobRow } from '../jobs.js';
import { rows } from '../row.js';
import { checkFilter } from './attributes.js';
import { pushdown } from './constraint.js';
import { jobKeyAttributes, jobTable } from './fields.js';
import type { HistoryDepth } from './history-depth.js';
import { historyCommand } from './history.js';
import { jobRows } from './job-row.js';
import { tallyJobs } from './job-tally.js';
import { widenJobs } from './lookup.js';
import { windowOfJobs } from './job-window.js';
import { streamAds, sourceDeadlineMs, type Pool, type Schedd, troubleOf } from './pool.js';
import { attributesFor } from './projection.js';
import { queueCommand } from './queue.js';

export function jobSource(
  pool: Pool,
  schedd: Schedd,
  listing: JobListing,
  depth: HistoryDepth,
): Source<JobRow> {
  const { source } = listing;
  const scan = (request: ScanRequest): AsyncIterable<JobRow> => {
    checkFilter(request.filter);
    if (request.filter.op === 'const' && !request.filter.value) return nothing();
    switch (source) {
      case 'QUEUE':
        return scanQueue(pool, schedd, request);
      case 'HISTORY':
        return scanHistory(pool, schedd, listing, depth, request);
      case 'ALL':
        return scanBoth(pool, schedd, listing, depth, request);
    }
  };
  return {
    grid: pool.name,
    part: source === 'HISTORY' ? `${schedd.name} (history)` : schedd.name,
    deadlineMs: sourceDeadlineMs(pool),
    known: (ref) => knownOf(pool, schedd, listing, ref),
    scan,
    ...(source === 'QUEUE' && {
      tally: (request) => tallyJobs(pool, schedd, request),
      window: (request) => windowOfJobs(pool, schedd, request),
    }),
    widen: (some, request) => widenJobs(pool, schedd, placesOf[source], some, request),
  };
}

/** Where the rows of a page are looked up again: a job may leave the queue behind the scan. */
const placesOf: Readonly<Record<JobListing['source'], readonly JobOrigin[]>> = {
  QUEUE: ['QUEUE', 'HISTORY'],
  HISTORY: ['HISTORY'],
  ALL: ['QUEUE', 'HISTORY'],
};

type ScanRequest = SourceRequest & { readonly projection: Projection };

async function* nothing(): AsyncGenerator<never, void, undefined> {}

/** Fields that every job of the source shares, and (as missing) fields that jobs don't have. */
function knownOf(pool: Pool, schedd: Schedd, listing: JobListing, ref: Ref): Value {
  if ('attribute' in ref) return undefined;
  switch (ref.field) {
    case 'grid':
    case 'gridName':
      return pool.name;
    case 'kind':
      return 'HTCONDOR';
    case '__typename':
      return 'Job';
    case 'schedd':
      return schedd.name;
    case 'origin':
      return listing.source === 'ALL' ? undefined : listing.source;
    case 'id':
      return undefined;
    default:
      return Object.hasOwn(jobTable, ref.field) ? undefined : null;
  }
}

function scanQueue(
  pool: Pool,
  schedd: Schedd,
  request: ScanRequest,
): AsyncGenerator<JobRow, void, undefined> {
  const { constraint, rest, attributes } = compiled(request);
  const command = queueCommand(pool, schedd, { constraint, attributes }, '-stream-results');
  note(request, constraint);
  return read(schedd, pool, request, rest, 'QUEUE', streamAds(pool, command, request.signal));
}

async function* scanHistory(
  pool: Pool,
  schedd: Schedd,
  listing: JobListing,
  depth: HistoryDepth,
  request: ScanRequest,
): AsyncGenerator<JobRow, void, undefined> {
  const { constraint, rest, attributes } = compiled(request);
  const command = historyCommand(pool, schedd, { constraint, attributes }, listing);
  note(request, constraint);
  let records = 0;
  const counted = (async function* (): AsyncGenerator<readonly Ad[], void, undefined> {
    for await (const batch of streamAds(pool, command, request.signal)) {
      records += batch.length;
      yield batch;
    }
  })();
  yield* read(schedd, pool, request, rest, 'HISTORY', counted);
  // With a constraint the ads that came are not those that were read.
  const reached =
    constraint === undefined
      ? records >= listing.scanLimit
      : await depth.reaches(schedd, listing, request.signal);
  if (reached) request.notes.truncated = true;
  if (reached || constraint === undefined)
    request.notes.scanned = reached ? listing.scanLimit : records;
}

/** The queue first: a job that leaves it meanwhile is met again in the history, and left out there. */
async function* scanBoth(
  pool: Pool,
  schedd: Schedd,
  listing: JobListing,
  depth: HistoryDepth,
  request: ScanRequest,
): AsyncGenerator<JobRow, void, undefined> {
  const seen = new Set<number>();
  for await (const row of scanQueue(pool, schedd, request)) {
    seen.add(compactKey(row));
    yield row;
  }
  for await (const row of scanHistory(pool, schedd, listing, depth, request)) {
    if (!seen.has(compactKey(row))) yield row;
  }
}

/** One number per job: 2^22 procs in a cluster are more than a submission may have. */
const compactKey = (row: JobRow): number => row.clusterId * 2 ** 22 + row.procId;

async function* read(
  schedd: Schedd,
  pool: Pool,
  request: ScanRequest,
  rest: Predicate,
  origin: JobOrigin,
  batches: AsyncIterable<readonly Ad[]>,
): AsyncGenerator<JobRow, void, undefined> {
  const everything = rest.op === 'const' && rest.value;
  const projection = everything
    ? request.projection
    : union(request.projection, projectionOf(refsOf(rest)));
  const toRow = jobRows(pool.name, schedd.name, projection);
  const fetched = { origin, atMs: Date.now() };
  try {
    for await (const batch of batches) {
      for (const ad of batch) {
        const row = toRow(ad, fetched);
        if (row !== undefined && (everything || matches(rest, row, readRow))) yield row;
      }
    }
  } catch (error) {
    throw troubleOf(schedd, error);
  }
}

function compiled(request: ScanRequest): {
  readonly constraint: string | undefined;
  readonly rest: Predicate;
  readonly attributes: readonly string[] | undefined;
} {
  const { constraint, rest } = pushdown(request.filter, jobTable);
  const projection = union(request.projection, projectionOf(refsOf(rest)));
  return { constraint, rest, attributes: attributesFor(projection, jobTable, jobKeyAttributes) };
}

const readRow = (row: JobRow, ref: Ref): Value => rows.read(row, ref);

function note(request: SourceRequest, constraint: string | undefined): void {
  if (constraint !== undefined) request.notes.pushedDown = constraint;
  request.notes.asOfMs ??= Date.now();
}
