/**
 * What the schedd can group jobs by. Its constraint is then evaluated over the group's own attributes
 * alone (docs/grids/htcondor.md), so a filter's attributes have to be among them.
 */
import { projectionOf } from '../../query/plan.js';
import { refsOf, type Predicate, type Ref } from '../../query/predicate.js';
import { isScope } from './constraint.js';
import { jobTable } from './fields.js';
import type { HiddenNames } from './hidden.js';
import { attributesFor } from './projection.js';
import { groupWords } from './queue.js';

/** The attributes to group by, or undefined where the groups would not be exact, or one per job. */
export function groupAttributes(
  by: readonly Ref[],
  filter: Predicate,
  hidden: HiddenNames,
): readonly string[] | undefined {
  const refs = [...by, ...refsOf(filter)];
  if (!refs.every(countable)) return undefined;
  const names = attributesFor(projectionOf(refs), jobTable, [], hidden) ?? [];
  // An empty list would group by every attribute there is.
  return names.length === 0 ? ['JobStatus'] : names;
}

/** Groups of one job each: the rows themselves are less to read. */
const onePerJob: ReadonlySet<string> = new Set(['globaljobid', 'procid']);

function countable(ref: Ref): boolean {
  if ('attribute' in ref) {
    const name = ref.attribute.toLowerCase();
    return !groupWords.has(name) && !isScope(name) && !onePerJob.has(name);
  }
  const field = Object.hasOwn(jobTable, ref.field) ? jobTable[ref.field] : undefined;
  return field !== undefined && field.countable !== false;
}
