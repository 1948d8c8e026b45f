/** Which events of jobs a subscriber is shown: those that it may see and that pass its filter. */
import { maySee } from '../src/access/caller.js';
import type { JobEventEntry } from '../src/grids/job-logs.js';
import type { JobKey, JobRow } from '../src/grids/jobs.js';
import { rows } from '../src/grids/row.js';
import { projectionFor, projectionOf, union } from '../src/query/plan.js';
import {
  hasConstraint,
  matches,
  type Predicate,
  refsOf,
  type Ref,
  type Value,
} from '../src/query/predicate.js';
import { filtered } from '../src/query/slice.js';
import type { GraphContext } from './context.js';
import { followedRows } from './followed-rows.js';
import type { FollowedPool } from './job-ends.js';

/**
 * Events that the caller may see and that pass the filter. What an event does not carry is read from the
 * job, which is fetched with those of others; without one, an event of an unknown owner is an admin's.
 */
export async function visibleEvents(
  entries: readonly JobEventEntry[],
  pools: readonly FollowedPool[],
  filter: Predicate,
  { caller }: GraphContext,
  signal: AbortSignal,
): Promise<readonly JobEventEntry[]> {
  const refs = refsOf(filter);
  const mine = entries.filter(({ owner }) => owner === null || maySee(caller, owner));
  // An expression is about the whole ad, of which an event carries a part.
  const wholeAd = hasConstraint(filter);
  const known = (entry: JobEventEntry) =>
    !wholeAd &&
    (entry.owner !== null || maySee(caller, null)) &&
    refs.every((ref) => valueOf(entry, ref) !== undefined);
  const unknown = mine.filter((entry) => !known(entry));
  const jobs = new Map<JobEventEntry, JobRow>();
  const projection = union(projectionFor(filter), projectionOf([{ field: 'owner' }]));
  await Promise.all(
    pools.map(async ({ name, logs }) => {
      const asked = unknown.filter(({ gridName }) => gridName === name);
      if (asked.length === 0) return;
      const keys = asked.map(({ key, type, at }) => ({ key, revision: `${type} ${at}` }));
      const found = await followedRows(logs, [keys, projection], signal);
      for (const [i, entry] of asked.entries()) {
        const row = found[i];
        if (row !== undefined) jobs.set(entry, row);
      }
    }),
  );
  const isShown = (entry: JobEventEntry): boolean => {
    const job = jobs.get(entry);
    const owner = entry.owner ?? job?.ownedBy ?? job?.owner ?? null;
    if (!maySee(caller, owner)) return false;
    return matches(filter, entry, (_entry, ref) => {
      const value = valueOf(entry, ref);
      return value === undefined && job !== undefined ? rows.read(job, ref) : value;
    });
  };
  return filtered(mine, isShown, signal);
}

/** What the event itself says; undefined where it does not. */
function valueOf(entry: JobEventEntry, ref: Ref): Value {
  if ('attribute' in ref) return entry.record.value(ref.attribute);
  const { clusterId, procId, schedd }: JobKey = entry.key;
  switch (ref.field) {
    case 'gridName':
      return entry.gridName;
    case 'schedd':
      return schedd;
    case 'clusterId':
      return clusterId;
    case 'procId':
      return procId;
    case 'owner':
      return entry.owner ?? undefined;
    case 'state':
      return entry.state ?? undefined;
    case 'batchName':
      return entry.record.value('JobBatchName');
    default:
      return undefined;
  }
}
