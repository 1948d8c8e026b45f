/** Counting jobs inside the schedd: one line per distinct tuple instead of one per job. */
import { projectionOf } from '../../query/plan.js';
import type { Ref } from '../../query/predicate.js';
import type { SourceRequest, Tally } from '../../query/source.js';
import type { JobRow } from '../jobs.js';
import { checkFilter, checkRefs } from './attributes.js';
import { isScope, pushdown } from './constraint.js';
import { jobTable } from './fields.js';
import { tallyRows } from './job-row.js';
import { collectAds, type Pool, type Schedd } from './pool.js';
import { attributesFor } from './projection.js';
import { groupCommand, groupCount, groupWords } from './queue.js';

/** Undefined where the schedd's groups would not be exactly ours. */
export function tallyJobs(
  pool: Pool,
  schedd: Schedd,
  request: SourceRequest & { readonly by: readonly Ref[] },
): AsyncIterable<Tally<JobRow>> | undefined {
  checkFilter(request.filter);
  checkRefs(request.by);
  const { constraint, rest } = pushdown(request.filter, jobTable);
  const complete = rest.op === 'const' && rest.value;
  return complete && request.by.every(countable)
    ? tallies(pool, schedd, request, constraint)
    : undefined;
}

function countable(ref: Ref): boolean {
  if ('attribute' in ref) {
    const name = ref.attribute.toLowerCase();
    return !groupWords.has(name) && !isScope(name) && name !== 'procid';
  }
  const field = Object.hasOwn(jobTable, ref.field) ? jobTable[ref.field] : undefined;
  return field !== undefined && field.countable !== false;
}

async function* tallies(
  pool: Pool,
  schedd: Schedd,
  { filter, by, notes, signal }: SourceRequest & { readonly by: readonly Ref[] },
  constraint: string | undefined,
): AsyncGenerator<Tally<JobRow>, void, undefined> {
  if (filter.op === 'const' && !filter.value) return;
  if (constraint !== undefined) notes.pushedDown = constraint;
  const atMs = Date.now();
  notes.asOfMs ??= atMs;
  const projection = projectionOf(by);
  const attributes = attributesFor(projection, jobTable, []) ?? [];
  const toRow = tallyRows(pool.name, schedd.name, projection);
  // An empty list would group by every attribute there is.
  const keys = attributes.length === 0 ? ['JobStatus'] : attributes;
  const command = groupCommand(pool, schedd, { attributes: keys, constraint });
  for (const ad of await collectAds(pool, command, signal)) {
    yield { row: toRow(ad, { origin: 'QUEUE', atMs }), count: groupCount(ad) };
  }
}
