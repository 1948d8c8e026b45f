/** Which jobs an action is about: found by id, cluster or filter, with the caller's scope, before anything is done. */
import { maySee } from '../src/access/caller.js';
import { InputError } from '../src/grids/action.js';
import { GridError } from '../src/errors.js';
import { decodeIdAs } from '../src/grids/id.js';
import { type JobKey, type JobPool, type JobRow, ownerOf } from '../src/grids/jobs.js';
import { rows } from '../src/grids/row.js';
import { list } from '../src/query/list.js';
import type { Projection } from '../src/query/plan.js';
import { and, type Predicate } from '../src/query/predicate.js';
import type { JobTargets } from '../schema/job-action.js';
import type { GraphContext } from './context.js';
import { jobPredicate } from './filter.js';
import { ofCluster } from './job-nodes.js';
import { namedGrid, sourcesOf } from './sources.js';

export interface Target {
  readonly pool: JobPool;
  readonly key: JobKey;
  /** Undefined: there is no such job, or not for this caller. An error: nobody could say. */
  readonly found: JobRow | Error | undefined;
}

const needed: Projection = {
  fields: new Set(['owner', 'state', 'nativeState', 'origin']),
  attributes: new Set(),
};
const inQueue = { source: 'QUEUE', scanLimit: 1, since: undefined, uncapped: true } as const;

export async function jobTargets(
  input: JobTargets,
  context: GraphContext,
): Promise<readonly Target[]> {
  const { ids, cluster, filter } = input;
  const ways = [ids, cluster, filter].filter((way) => way != null);
  if (ways.length !== 1) {
    throw invalid(`Expected exactly one of ids, cluster and filter, came ${ways.length}.`, []);
  }
  const limit = limitOf(input, context);
  if (ids != null) return byIds(ids, limit, context);
  if (cluster != null) return byCluster(cluster, limit, context);
  if (filter == null) throw new Error('One of three is given.');
  if (input.expectAtMost == null) {
    throw invalid('A filter needs expectAtMost: how many jobs it may match.', ['expectAtMost']);
  }
  const predicate = jobPredicate(filter);
  if (predicate.op === 'const' && predicate.value) {
    const message = 'The filter of an action may not be empty: it would match every job.';
    throw new InputError('BAD_FILTER', message, ['filter']);
  }
  const only = namedGrid(context.grids, filter.grid);
  const pools = context.grids.of('HTCONDOR').filter(({ name }) => (only ?? name) === name);
  return matching(pools, predicate, limit, 'filter', context);
}

/** Found by id at once, and the call refused where there are too many. */
async function byIds(
  ids: readonly string[],
  limit: number,
  { grids, caller, signal }: GraphContext,
): Promise<readonly Target[]> {
  const unique = [...new Set(ids)];
  if (unique.length < 1) throw invalid('Expected at least one id.', ['ids']);
  tooMany(unique.length, limit, 'ids');
  const keys = unique.map((id) => {
    const { grid, parts } = decodeIdAs('Job', id);
    const [schedd, clusterId, procId] = parts;
    return { pool: grids.one('HTCONDOR', grid), key: { schedd, clusterId, procId } };
  });
  const targets = new Map<object, Target>();
  await Promise.all(
    [...new Set(keys.map(({ pool }) => pool))].map(async (pool) => {
      const asked = keys.filter((each) => each.pool === pool);
      const found = await pool.findJobs(
        asked.map(({ key }) => key),
        needed,
        signal,
      );
      asked.forEach((each, i) => {
        const row = found[i];
        const visible = row instanceof Error || (row && maySee(caller, ownerOf(row)));
        targets.set(each, { ...each, found: visible ? row : undefined });
      });
    }),
  );
  return keys.map((key) => targets.get(key) as Target);
}

async function byCluster(
  id: string,
  limit: number,
  context: GraphContext,
): Promise<readonly Target[]> {
  const { grid, parts } = decodeIdAs('JobCluster', id);
  const [schedd, clusterId] = parts;
  const pool = context.grids.one('HTCONDOR', grid);
  const jobs = await matching([pool], and(...ofCluster(schedd, clusterId)), limit, 'cluster', {
    ...context,
  });
  if (jobs.length > 0) return jobs;
  if (await context.loaders.clusters.load({ grid, schedd, clusterId })) return [];
  const message = `There is no cluster ${clusterId} on ${schedd}, or not for this caller.`;
  throw new InputError('NOT_FOUND', message, ['cluster']);
}

/** Every job in the queues that matches: where one source is silent nobody knows them all, and nothing is done. */
async function matching(
  pools: readonly JobPool[],
  predicate: Predicate,
  limit: number,
  argument: string,
  { own, signal, caller }: GraphContext,
): Promise<readonly Target[]> {
  const sources = await sourcesOf(pools, (pool) => pool.jobs(inQueue, signal));
  const {
    page,
    totalCount,
    sources: reports,
  } = await list(
    {
      scope: own,
      filter: predicate,
      order: [],
      page: { from: 'front', limit: limit + 1, after: undefined, before: undefined },
      projection: needed,
      count: true,
      groupings: [],
      aggregates: undefined,
    },
    sources,
    { type: rows, signal },
  );
  const trouble = reports.find(({ error }) => error)?.error;
  if (trouble) throw new GridError(trouble.code, trouble.message);
  if (reports.some(({ truncated }) => truncated)) {
    throw invalid('The pool shows only a part of what matches; narrow it.', [argument]);
  }
  tooMany(Math.max(totalCount, page.rows.length), limit, argument);
  const byName = new Map(pools.map((pool) => [pool.name, pool]));
  return page.rows.flatMap(({ row }) => {
    const pool = byName.get(row.gridName);
    if (!pool || !maySee(caller, ownerOf(row))) return [];
    const { schedd, clusterId, procId } = row;
    return { pool, key: { schedd, clusterId, procId }, found: row };
  });
}

function limitOf({ expectAtMost }: JobTargets, { limits: { maxActionJobs } }: GraphContext) {
  if (expectAtMost == null) return maxActionJobs;
  if (expectAtMost >= 1 && expectAtMost <= maxActionJobs) return expectAtMost;
  throw invalid(`Expected expectAtMost from 1 to ${maxActionJobs}, came ${expectAtMost}.`, [
    'expectAtMost',
  ]);
}

function tooMany(count: number, limit: number, argument: string): void {
  if (count <= limit) return;
  const message = `Expected at most ${limit} jobs, ${argument === 'ids' ? 'came' : 'matched'} ${count}. Nothing was done; act in parts.`;
  throw new InputError('LIMIT_EXCEEDED', message, [argument]);
}

const invalid = (message: string, path: readonly string[]): InputError =>
  new InputError('BAD_USER_INPUT', message, path);
