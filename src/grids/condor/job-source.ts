/** The jobs of one schedd as a source of lists: its queue, its history, or one after the other. */
import type { Ad } from '../../classad/ad.js';
import { union, projectionFor, type Projection } from '../../query/plan.js';
import {
  hasConstraint,
  matches,
  type Predicate,
  type Ref,
  type Value,
} from '../../query/predicate.js';
import { Slice } from '../../query/slice.js';
import type { Source, SourceNotes, SourceRequest } from '../../query/source.js';
import type { JobListing, JobOrigin, JobRow } from '../jobs.js';
import { rows } from '../row.js';
import { checkRefs } from './attributes.js';
import { pushdown } from './constraint.js';
import { jobKeyAttributes, jobTable } from './fields.js';
import type { HiddenNames } from './hidden.js';
import type { HistoryDepth } from './history-depth.js';
import { historyCommand } from './history.js';
import type { JobCounters } from './job-counters.js';
import { jobRows } from './job-row.js';
import { tallyJobs } from './job-tally.js';
import { widenJobs } from './job-search.js';
import { windowOfJobs } from './job-window.js';
import type { PoolPolicy } from './policy.js';
import { streamAds, sourceDeadlineMs, type Pool, type Schedd, troubleOf } from './pool.js';
import { attributesFor } from './projection.js';
import { queueCommand } from './queue.js';
import type { ReadAhead } from './read-ahead.js';

export function jobSource(
  pool: Pool,
  schedd: Schedd,
  listing: JobListing,
  { hidden, ...policy }: PoolPolicy,
  {
    depth,
    ahead,
    counters,
  }: { readonly depth: HistoryDepth; readonly ahead: ReadAhead; readonly counters: JobCounters },
): Source<JobRow> {
  const { source } = listing;
  const maxJobs = listing.uncapped ? undefined : policy.maxJobs;
  const limits = { hidden, maxJobs };
  const scan = (request: ScanRequest): AsyncIterable<JobRow> => {
    if (request.filter.op === 'const' && !request.filter.value) return nothing();
    return atMost(scanned(request), maxJobs, request.notes);
  };
  const scanned = (request: ScanRequest): AsyncIterable<JobRow> => {
    switch (source) {
      case 'QUEUE':
        return scanQueue(pool, schedd, limits, request);
      case 'HISTORY':
        return scanHistory(pool, schedd, listing, limits, depth, request);
      case 'ALL':
        return scanBoth(pool, schedd, listing, limits, depth, request);
    }
  };
  return {
    grid: pool.name,
    part: source === 'HISTORY' ? `${schedd.name} (history)` : schedd.name,
    deadlineMs: sourceDeadlineMs(pool),
    known: (ref) => knownOfJob(pool.name, schedd.name, listing, ref),
    admits: async (refs) => checkRefs(refs, hidden, jobTable),
    ...(maxJobs !== undefined && { maxRows: maxJobs }),
    scan,
    ...(source === 'QUEUE' && {
      tally: (request) => tallyJobs(pool, schedd, limits, counters, request),
      window: (request) => windowOfJobs(pool, schedd, limits, ahead, request),
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

/** No more rows than the pool allows in a list: whether there was one more is said. */
async function* atMost(
  rows: AsyncIterable<JobRow>,
  maxJobs: number | undefined,
  notes: SourceNotes,
): AsyncGenerator<JobRow, void, undefined> {
  let left = maxJobs ?? Infinity;
  for await (const row of rows) {
    if (left === 0) {
      notes.truncated = true;
      return;
    }
    left -= 1;
    yield row;
  }
}

/** Killing a command does not stop the schedd's worker behind it, so that is told the limit too. */
const limitOf = ({ maxJobs }: PoolPolicy, rest: Predicate): readonly string[] =>
  maxJobs !== undefined && rest.op === 'const' && rest.value ? ['-limit', String(maxJobs + 1)] : [];

/** Fields that every job of the source shares, and (as missing) fields that jobs don't have. */
export function knownOfJob(gridName: string, schedd: string, listing: JobListing, ref: Ref): Value {
  if ('attribute' in ref) return undefined;
  switch (ref.field) {
    case 'grid':
    case 'gridName':
      return gridName;
    case 'kind':
      return 'HTCONDOR';
    case '__typename':
      return 'Job';
    case 'schedd':
      return schedd;
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
  policy: PoolPolicy,
  request: ScanRequest,
): AsyncGenerator<JobRow, void, undefined> {
  const { constraint, rest, attributes } = compiled(request, policy.hidden);
  const options = ['-stream-results', ...limitOf(policy, rest)];
  const command = queueCommand(pool, schedd, { constraint, attributes }, ...options);
  note(request, constraint);
  const batches = streamAds(pool, command, request.signal, { exactReals: hasConstraint(rest) });
  return read(schedd, pool, policy.hidden, request, rest, 'QUEUE', batches);
}

async function* scanHistory(
  pool: Pool,
  schedd: Schedd,
  listing: JobListing,
  policy: PoolPolicy,
  depth: HistoryDepth,
  request: ScanRequest,
): AsyncGenerator<JobRow, void, undefined> {
  const { constraint, rest, attributes } = compiled(request, policy.hidden);
  const query = { constraint, attributes };
  const command = historyCommand(pool, schedd, query, listing, ...limitOf(policy, rest));
  note(request, constraint);
  const exactReals = hasConstraint(rest);
  let records = 0;
  const counted = (async function* (): AsyncGenerator<readonly Ad[], void, undefined> {
    for await (const batch of streamAds(pool, command, request.signal, { exactReals })) {
      records += batch.length;
      yield batch;
    }
  })();
  yield* read(schedd, pool, policy.hidden, request, rest, 'HISTORY', counted);
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
  policy: PoolPolicy,
  depth: HistoryDepth,
  request: ScanRequest,
): AsyncGenerator<JobRow, void, undefined> {
  const seen = new Set<number>();
  for await (const row of scanQueue(pool, schedd, policy, request)) {
    seen.add(compactKey(row));
    yield row;
  }
  for await (const row of scanHistory(pool, schedd, listing, policy, depth, request)) {
    if (!seen.has(compactKey(row))) yield row;
  }
}

/** One number per job: 2^22 procs in a cluster are more than a submission may have. */
const compactKey = (row: JobRow): number => row.clusterId * 2 ** 22 + row.procId;

async function* read(
  schedd: Schedd,
  pool: Pool,
  hidden: HiddenNames,
  request: ScanRequest,
  rest: Predicate,
  origin: JobOrigin,
  batches: AsyncIterable<readonly Ad[]>,
): AsyncGenerator<JobRow, void, undefined> {
  const everything = rest.op === 'const' && rest.value;
  const projection = everything
    ? request.projection
    : union(request.projection, projectionFor(rest));
  const toRow = jobRows(pool.name, schedd.name, projection, hidden);
  const fetched = { origin, atMs: Date.now() };
  const slice = new Slice();
  try {
    for await (const batch of batches) {
      for (const ad of batch) {
        const row = toRow(ad, fetched);
        if (row !== undefined && (everything || matches(rest, row, readRow))) yield row;
        if (slice.isOver) await slice.next();
      }
    }
  } catch (error) {
    throw troubleOf(schedd, error);
  }
}

function compiled(
  request: ScanRequest,
  hidden: HiddenNames,
): {
  readonly constraint: string | undefined;
  readonly rest: Predicate;
  readonly attributes: readonly string[] | undefined;
} {
  const { constraint, rest } = pushdown(request.filter, jobTable, hidden);
  const projection = union(request.projection, projectionFor(rest));
  const attributes = attributesFor(projection, jobTable, jobKeyAttributes, hidden);
  return { constraint, rest, attributes };
}

const readRow = (row: JobRow, ref: Ref): Value => rows.read(row, ref);

function note(request: SourceRequest, constraint: string | undefined): void {
  if (constraint !== undefined) request.notes.pushedDown = constraint;
  request.notes.asOfMs ??= Date.now();
}
