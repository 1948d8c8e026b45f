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
  // What an expression reads is in the groups anyway.
  const names = attributesFor(projectionOf(refs), jobTable, [], hidden, () => []) ?? [];
  // An empty list would group by every attribute there is.
  return names.length === 0 ? ['JobStatus'] : names;
}

/** The attributes to read of every job where groups of them would be one per job, or undefined. */
export function eachAttributes(
  by: readonly Ref[],
  filter: Predicate,
  hidden: HiddenNames,
): readonly string[] | undefined {
  if (!by.some(isOnePerJob)) return undefined;
  const others = by.filter((ref) => !isOnePerJob(ref));
  const named = groupAttributes(others, filter, hidden) && projectionOf([...by, ...refsOf(filter)]);
  return named && attributesFor(named, jobTable, [], hidden);
}

/** Every job has them: one that is read by them alone is never empty, which condor_q would leave out. */
const onePerJob: ReadonlySet<string> = new Set(['globaljobid', 'procid']);

const isOnePerJob = (ref: Ref): boolean =>
  'attribute' in ref && onePerJob.has(ref.attribute.toLowerCase());

function countable(ref: Ref): boolean {
  if (isOnePerJob(ref)) return false;
  if ('attribute' in ref) {
    const name = ref.attribute.toLowerCase();
    return !groupWords.has(name) && !isScope(name);
  }
  const field = Object.hasOwn(jobTable, ref.field) ? jobTable[ref.field] : undefined;
  return field !== undefined && field.countable !== false;
}
