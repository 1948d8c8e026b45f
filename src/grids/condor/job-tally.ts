/** Counting jobs inside the schedd: one line per distinct tuple instead of one per job. */
import { projectionOf } from '../../query/plan.js';
import type { Ref } from '../../query/predicate.js';
import type { SourceRequest, Tally } from '../../query/source.js';
import type { JobRow } from '../jobs.js';
import { checkFilter, checkRefs } from './attributes.js';
import { pushdown } from './constraint.js';
import { groupAttributes } from './countable.js';
import { jobTable } from './fields.js';
import { tallyRows } from './job-row.js';
import { collectAds, type AdQuery, type Pool, type Schedd, troubleOf } from './pool.js';
import { groupCommand, groupCount } from './queue.js';

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
  const attributes = complete ? groupAttributes(request.by, request.filter) : undefined;
  return attributes && tallies(pool, schedd, request, { attributes, constraint });
}

async function* tallies(
  pool: Pool,
  schedd: Schedd,
  { filter, by, notes, signal }: SourceRequest & { readonly by: readonly Ref[] },
  query: AdQuery & { readonly attributes: readonly string[] },
): AsyncGenerator<Tally<JobRow>, void, undefined> {
  if (filter.op === 'const' && !filter.value) return;
  if (query.constraint !== undefined) notes.pushedDown = query.constraint;
  const atMs = Date.now();
  notes.asOfMs ??= atMs;
  const toRow = tallyRows(pool.name, schedd.name, projectionOf(by));
  const groups = await collectAds(pool, groupCommand(pool, schedd, query), signal).catch(
    (error) => {
      throw troubleOf(schedd, error);
    },
  );
  for (const ad of groups) {
    yield { row: toRow(ad, { origin: 'QUEUE', atMs }), count: groupCount(ad) };
  }
}
