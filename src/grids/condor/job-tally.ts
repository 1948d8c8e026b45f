/** Counting jobs inside the schedd: one line per distinct tuple instead of one per job. */
import type { Ad } from '../../classad/ad.js';
import { projectionOf } from '../../query/plan.js';
import type { Ref } from '../../query/predicate.js';
import type { SourceRequest, Tally } from '../../query/source.js';
import type { JobRow } from '../jobs.js';
import { checkRefs } from './attributes.js';
import { pushdown } from './constraint.js';
import { eachAttributes, groupAttributes } from './countable.js';
import { jobTable } from './fields.js';
import type { HiddenNames } from './hidden.js';
import type { JobCounters } from './job-counters.js';
import { tallyRows } from './job-row.js';
import { isQualified, qualified } from './job-state.js';
import type { PoolPolicy } from './policy.js';
import { collectAds, streamAds, type AdQuery, type Pool, type Schedd, troubleOf } from './pool.js';
import { groupCommand, groupCount, queueCommand } from './queue.js';

/** Undefined where the schedd's groups would not be exactly ours. */
export function tallyJobs(
  pool: Pool,
  schedd: Schedd,
  { hidden, maxJobs }: PoolPolicy,
  counters: JobCounters,
  request: SourceRequest & { readonly by: readonly Ref[] },
): Tallies | undefined {
  const { by, filter } = request;
  checkRefs(by, hidden);
  const { constraint, rest } = pushdown(filter, jobTable, hidden);
  if (rest.op !== 'const' || !rest.value) return undefined;
  const attributes = groupAttributes(by, filter, hidden);
  if (attributes) {
    const query = { attributes, constraint };
    return tallies(pool, schedd, hidden, counters, request, query);
  }
  // What is read is limited, what the schedd counts is not.
  const read = maxJobs === undefined ? eachAttributes(by, filter, hidden) : undefined;
  return read && eachJob(pool, schedd, hidden, request, { attributes: read, constraint });
}

type Tallies = AsyncGenerator<readonly Tally<JobRow>[], void, undefined>;
type Query = AdQuery & { readonly attributes: readonly string[] };
type Ask = (query: Query) => Promise<readonly Ad[]>;

async function* tallies(
  pool: Pool,
  schedd: Schedd,
  hidden: HiddenNames,
  counters: JobCounters,
  { filter, by, notes, signal }: SourceRequest & { readonly by: readonly Ref[] },
  query: Query,
): Tallies {
  if (filter.op === 'const' && !filter.value) return;
  if (query.constraint !== undefined) notes.pushedDown = query.constraint;
  const atMs = Date.now();
  notes.asOfMs ??= atMs;
  const toRow = tallyRows(pool.name, schedd.name, projectionOf(by), hidden);
  const ask: Ask = (asked) => collectAds(pool, groupCommand(pool, schedd, asked), signal);
  const narrow = groupAttributes(by.map(byStatus), filter, hidden) ?? query.attributes;
  const isWhole = narrow.length === query.attributes.length;
  let groups: readonly Ad[];
  try {
    const counted =
      query.constraint === undefined ? await counters.groups(schedd, by, signal) : undefined;
    const first = counted ?? (await ask({ ...query, attributes: narrow }));
    groups = isWhole ? first : await completed(ask, query, first);
  } catch (error) {
    throw troubleOf(schedd, error);
  }
  const fetched = { origin: 'QUEUE', atMs } as const;
  yield groups.map((ad) => ({ row: toRow(ad, fetched), count: groupCount(ad) }));
}

/** Job by job, without the ids that a list needs: each attribute more is a quarter more to wait. */
async function* eachJob(
  pool: Pool,
  schedd: Schedd,
  hidden: HiddenNames,
  { by, notes, signal }: SourceRequest & { readonly by: readonly Ref[] },
  query: Query,
): Tallies {
  if (query.constraint !== undefined) notes.pushedDown = query.constraint;
  const fetched = { origin: 'QUEUE', atMs: Date.now() } as const;
  notes.asOfMs ??= fetched.atMs;
  const toRow = tallyRows(pool.name, schedd.name, projectionOf(by), hidden);
  try {
    const command = queueCommand(pool, schedd, query, '-stream-results');
    for await (const batch of streamAds(pool, command, signal)) {
      yield batch.map((ad) => ({ row: toRow(ad, fetched), count: 1 }));
    }
  } catch (error) {
    throw troubleOf(schedd, error);
  }
}

/** The state of most jobs follows from JobStatus, which alone makes a shorter key. */
const byStatus = (ref: Ref): Ref =>
  'field' in ref && ref.field === 'state' ? { field: 'nativeState' } : ref;

/**
 * Each attribute of the key costs the schedd a sixth more. So all jobs are counted by the narrow key, and with the
 * whole key only those whose state it does not say; where the queue has moved in between, all are, at once.
 */
async function completed(ask: Ask, whole: Query, groups: readonly Ad[]): Promise<readonly Ad[]> {
  const open = groups.filter(isQualified);
  if (open.length === 0) return groups;
  const { constraint } = whole;
  const limited = constraint === undefined ? qualified : `${qualified} && (${constraint})`;
  const parts = await ask({ ...whole, constraint: limited });
  const unmoved = jobsIn(parts) === jobsIn(open);
  return unmoved ? [...groups.filter((ad) => !isQualified(ad)), ...parts] : ask(whole);
}

const jobsIn = (groups: readonly Ad[]): number =>
  groups.reduce((sum, ad) => sum + groupCount(ad), 0);
