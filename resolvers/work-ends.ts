/** Ends of work on all grids that a filter admits: their logs, who may see which, and all that came before. */
import { asGridError, GridError } from '../src/errors.js';
import type { AnyGrid } from '../src/grids/grid.js';
import type { JobPool, JobRow } from '../src/grids/jobs.js';
import type { GridRegistry } from '../src/grids/registry.js';
import type { TaskGrid, TaskRow } from '../src/grids/tasks.js';
import { projectionFor, type Projection, union } from '../src/query/plan.js';
import { and, decide, type Predicate, refsOf } from '../src/query/predicate.js';
import { missing, type SourceReport } from '../src/query/report.js';
import {
  type CompletionLog,
  endOf,
  type LogPosition,
  mapLog,
  nowhere,
  type Snapshot,
} from '../src/streams/index.js';
import type { GraphContext } from './context.js';
import { type FollowedPool, type JobEnd, JobEnds, logNameOf } from './job-ends.js';
import { type TaskEnd, taskEnds, taskLogOf } from './task-ends.js';

/** An end on any grid, with its row once the filter has looked at it. */
export interface WorkEnd {
  readonly gridName: string;
  readonly seenAt: number;
  readonly row?: TaskRow | JobRow;
}

/** One grid as a stream of all work follows it. */
export interface FollowedWork {
  readonly gridName: string;
  readonly log: CompletionLog<WorkEnd>;
  keep(ends: readonly WorkEnd[], signal: AbortSignal): Promise<readonly WorkEnd[]>;
  past(signal: AbortSignal): Snapshot<WorkEnd>;
}

/** What is left of a filter on one grid; undefined where that excludes the whole grid. */
function filterOn(filter: Predicate, { name, kind }: AnyGrid): Predicate | undefined {
  const decided = decide(filter, (ref) =>
    'field' in ref ? { gridName: name, kind }[ref.field] : undefined,
  );
  return decided.op === 'const' && !decided.value ? undefined : decided;
}

interface Followable {
  readonly grid: TaskGrid | FollowedPool;
  readonly filter: Predicate;
}

const canBeFollowed = (pool: JobPool): pool is FollowedPool => pool.logs !== undefined;

/** The grids that a filter admits and that can be followed, each with what is left of the filter there. */
function followable(filter: Predicate, grids: GridRegistry): readonly Followable[] {
  return grids.all.flatMap((grid): readonly Followable[] => {
    const own = filterOn(filter, grid);
    if (own === undefined) return [];
    if (grid.kind === 'HTC_GRID') return [{ grid, filter: own }];
    return canBeFollowed(grid) ? [{ grid, filter: own }] : [];
  });
}

/** Follows all grids that a filter admits, once each of them admits what it reads. */
export async function followWork(
  filter: Predicate,
  shown: Projection,
  context: GraphContext,
): Promise<readonly FollowedWork[]> {
  const grids = followable(filter, context.grids);
  if (grids.length === 0) {
    throw new GridError('CAPABILITY_MISSING', 'The filter leaves no grid that can be followed.');
  }
  return Promise.all(
    grids.map(({ grid, filter: own }) =>
      grid.kind === 'HTC_GRID'
        ? followTasks(grid, own, shown, context)
        : followJobs(grid, own, shown, context),
    ),
  );
}

export interface WorkPositions {
  readonly positions: readonly LogPosition[];
  /** Grids whose place is not known: there a stream from these positions begins with a GAP and a snapshot. */
  readonly missing: readonly SourceReport[];
}

/** Where the logs that `followWork` follows stand. */
export async function positionsOfWork(
  filter: Predicate,
  { grids, signal }: GraphContext,
): Promise<WorkPositions> {
  const reports: SourceReport[] = [];
  const positions = await Promise.all(
    followable(filter, grids).map(async ({ grid }) => {
      try {
        if (grid.kind === 'HTC_GRID') return endOf(await grid.followAll(signal));
        return await grid.logs.position(signal);
      } catch (error) {
        signal.throwIfAborted();
        reports.push(missing(grid.name, 'streamCursor', asGridError(error)));
        return nowhere(grid.kind === 'HTC_GRID' ? taskLogOf(grid.name) : logNameOf(grid.name));
      }
    }),
  );
  return { positions, missing: reports };
}

async function followTasks(
  grid: TaskGrid,
  filter: Predicate,
  shown: Projection,
  context: GraphContext,
): Promise<FollowedWork> {
  const { name: gridName } = grid;
  const request = {
    grid,
    filter: and(context.own, filter),
    shown: union(projectionFor(and(context.own, filter)), shown),
  };
  const ends = await grid.followAll(context.signal);
  const log = mapLog(ends, (end): WorkEnd & TaskEnd => ({ ...end, gridName }));
  return {
    gridName,
    log,
    // What came from this log is an end of a task.
    keep: (kept) => taskEnds(kept as readonly (WorkEnd & TaskEnd)[], request, context),
    async *past() {
      const { end } = log;
      for (let at = log.start; at < end;) {
        const batch = log.read(Math.max(at, log.start), Math.min(pastBatch, end - at));
        at = Math.max(at, log.start) + batch.length;
        yield batch;
      }
      return `${gridName} tells of the ends that this server has seen; ask tasks(filter: {state: …}) for earlier ones.`;
    },
  };
}

async function followJobs(
  pool: FollowedPool,
  filter: Predicate,
  shown: Projection,
  { caller, own, signal }: GraphContext,
): Promise<FollowedWork> {
  const listing = { source: 'QUEUE', scanLimit: 1, since: undefined } as const;
  for (const source of await pool.jobs(listing, signal)) {
    await source.admits?.(refsOf(filter), signal);
  }
  const ends = new JobEnds(new Map([[pool.name, pool]]), { caller, scope: own, filter, shown });
  const log = await pool.logs.completions(signal, ends.projection);
  return {
    gridName: pool.name,
    log,
    // What came from this log is an end of a job.
    keep: (kept, until) => ends.keep(kept as readonly JobEnd[], until),
    past: (until) => ends.past(log, until),
  };
}

const pastBatch = 1000;
