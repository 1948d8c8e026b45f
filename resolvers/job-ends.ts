/** Ends of jobs as a stream tells them: who may see which, with their rows, and all that came before. */
import type { Caller } from '../src/access/caller.js';
import { maySee } from '../src/access/caller.js';
import { GridError } from '../src/errors.js';
import type { JobCompletion, JobLogs } from '../src/grids/job-logs.js';
import type { JobKey, JobPool, JobRow } from '../src/grids/jobs.js';
import { lostJob } from '../src/grids/lost-job.js';
import { rows } from '../src/grids/row.js';
import { terminalStates } from '../src/grids/state.js';
import { list } from '../src/query/list.js';
import {
  type Projection,
  projectionFor,
  projectionOf as readOf,
  union,
} from '../src/query/plan.js';
import { and, matches, not, type Predicate } from '../src/query/predicate.js';
import { filtered } from '../src/query/slice.js';
import type { CompletionLog, Snapshot } from '../src/streams/index.js';
import { followedRows } from './followed-rows.js';
import { ofCluster } from './job-nodes.js';

/** A pool that can be followed. */
export type FollowedPool = JobPool & { readonly logs: JobLogs };

/** An end, with its row once the filter has looked at it. */
export type JobEnd = JobCompletion & { readonly row?: JobRow };

export interface JobEndsRequest {
  readonly caller: Caller;
  readonly scope: Predicate;
  readonly filter: Predicate;
  /** What the rows show. */
  readonly shown: Projection;
  readonly past?: PastLimits;
}

/** What a snapshot has at most. */
export interface PastLimits {
  /** Ends: the newest. @default 10_000 */
  readonly ends?: number;
  /** History records of each schedd that are looked at, newest first. @default 50_000 */
  readonly records?: number;
}

const ended: Predicate = {
  op: 'in',
  ref: { field: 'state' },
  values: [...terminalStates],
};

export class JobEnds {
  readonly projection: Projection;
  /** Told by the last snapshot of each log, which may tell them again. */
  readonly #past = new Map<string, ReadonlySet<string>>();

  constructor(
    private readonly pools: ReadonlyMap<string, FollowedPool>,
    private readonly request: JobEndsRequest,
  ) {
    const needed = ['state', 'owner', 'revision', 'endedAt'].map((field) => ({ field }));
    this.projection = [projectionFor(request.filter), readOf(needed)].reduce(union, request.shown);
  }

  /** Those that the caller may see and that pass the filter, each with its row as it ended. */
  readonly keep = async (
    entries: readonly JobEnd[],
    signal: AbortSignal,
  ): Promise<readonly JobEnd[]> => {
    const { caller, filter } = this.request;
    const visible = entries.filter(
      (end) => end.row !== undefined || (maySee(caller, end.owner) && !this.#isPast(end)),
    );
    const found = new Map<JobEnd, JobRow>();
    await Promise.all(
      [...this.pools.values()].map(async ({ name, logs }) => {
        const asked = visible.filter(({ gridName, row }) => gridName === name && !row);
        if (asked.length === 0) return;
        const loaded = await followedRows(logs, [asked, this.projection], signal);
        for (const [i, end] of asked.entries()) {
          const row = loaded[i] ?? (end.state === 'UNKNOWN' ? lostJob(end) : undefined);
          if (row !== undefined) found.set(end, row);
        }
      }),
    );
    const isWanted = (end: JobEnd): boolean => {
      // One that brings its row has passed already.
      if (end.row !== undefined) return true;
      const row = found.get(end);
      return row !== undefined && matches(filter, row, rows.read);
    };
    const wanted = await filtered(visible, isWanted, signal);
    return wanted.map((end) => {
      const row = found.get(end);
      return row === undefined ? end : { ...end, row };
    });
  };

  /** The newest ends that history and queue have, the oldest of them first; then what is left out. */
  async *past(log: CompletionLog<JobEnd>, signal: AbortSignal): Snapshot<JobEnd> {
    const pool = [...this.pools.values()].find(({ name }) => log.name === logNameOf(name));
    if (pool === undefined) return;
    const { ends: maxPast = 10_000, records: pastScanLimit = 50_000 } = this.request.past ?? {};
    const listing = {
      source: 'ALL',
      scanLimit: pastScanLimit,
      since: undefined,
      uncapped: true,
    } as const;
    const { scope, filter } = this.request;
    const answer = await list(
      {
        scope: and(scope, ended),
        filter,
        order: [{ ref: { field: 'endedAt' }, direction: 'DESC' }],
        page: { from: 'front', limit: maxPast, after: undefined, before: undefined },
        projection: this.projection,
        count: false,
        groupings: [],
        aggregates: undefined,
      },
      await pool.jobs(listing, signal),
      { type: rows, signal },
    );
    const trouble = answer.sources.find(({ error }) => error)?.error;
    if (trouble) throw new GridError(trouble.code, trouble.message);
    const seenAt = Date.now();
    const past = answer.page.rows.map(({ row }) => row).sort(oldestFirst);
    const ends = past.map((row) => endOf(row, seenAt));
    this.#past.set(log.name, new Set(ends.map(nameOf)));
    yield ends;
    if (answer.page.hasNextPage) return `${pool.name} has more ends than the newest ${maxPast}.`;
    const cut = answer.sources.filter(({ truncated }) => truncated).map(({ part }) => part);
    if (cut.length === 0) return;
    return `${pool.name} has more history than the newest ${pastScanLimit} records of ${cut.join(', ')}.`;
  }

  #isPast(end: JobEnd): boolean {
    return this.#past.get(logNameOf(end.gridName))?.has(nameOf(end)) ?? false;
  }
}

/** Those of one second stay in the order of their ids. */
const oldestFirst = (a: JobRow, b: JobRow): number => (a.endedAt ?? 0) - (b.endedAt ?? 0);

/** The name of the log of a pool's ends, as cursors have it. */
export const logNameOf = (pool: string): string => `condor:${pool}`;

const endOf = (row: JobRow, seenAt: number): JobEnd => ({
  gridName: row.gridName,
  key: row,
  revision: row.revision ?? '',
  state: row.state ?? 'UNKNOWN',
  owner: row.owner ?? null,
  seenAt,
  row,
});

const nameOf = ({ key, revision }: JobCompletion): string =>
  JSON.stringify([key.schedd, key.clusterId, key.procId, revision]);

/** Milliseconds after which the queue is asked again though not all of the cluster's jobs were met. */
const askAgainMs = 15_000;

/**
 * Resolves when no job of the cluster that the caller may see is left to end, and the ends of all of them
 * are in the log. The queue is asked at the start, and again when as many have ended as it had. Rejects with
 * the loss of the log.
 */
export async function clusterOver(
  pool: FollowedPool,
  cluster: Omit<JobKey, 'procId'>,
  log: CompletionLog<JobCompletion>,
  scope: Predicate,
  signal: AbortSignal,
): Promise<void> {
  /** Undefined where the pool does not answer now. */
  const count = (): Promise<number | undefined> =>
    countLeft(pool, cluster, scope, signal).catch((error: unknown) => {
      if (signal.aborted) throw error;
      return undefined;
    });
  let position = log.end;
  for (;;) {
    let left = await count();
    if (left === 0) {
      await pool.logs.settled(cluster.schedd, signal);
      // One more may have come out of a cluster that is made bit by bit.
      left = await count();
      if (left === 0) return;
    }
    const again = AbortSignal.any([signal, AbortSignal.timeout(askAgainMs)]);
    let missing = left ?? Infinity;
    while (missing > 0 && !again.aborted) {
      await log.changed(position, again).catch(() => undefined);
      signal.throwIfAborted();
      // Nothing comes of it any more, and there is nothing to wait for.
      if (log.lost !== undefined) throw log.lost;
      position = Math.max(position, log.start);
      const entries = log.read(position, 1000);
      position += entries.length;
      missing -= entries.filter(
        ({ key }) => key.schedd === cluster.schedd && key.clusterId === cluster.clusterId,
      ).length;
    }
  }
}

async function countLeft(
  pool: JobPool,
  { schedd, clusterId }: Omit<JobKey, 'procId'>,
  scope: Predicate,
  signal: AbortSignal,
): Promise<number> {
  const listing = { source: 'QUEUE', scanLimit: 1, since: undefined, uncapped: true } as const;
  const { totalCount, sources } = await list(
    {
      scope: and(scope, not(ended), ...ofCluster(schedd, clusterId)),
      filter: and(),
      order: [],
      page: undefined,
      projection: { fields: new Set(), attributes: new Set() },
      count: true,
      groupings: [],
      aggregates: undefined,
    },
    await pool.jobs(listing, signal),
    { type: rows, signal },
  );
  const trouble = sources.find(({ error }) => error)?.error;
  if (trouble) throw new GridError(trouble.code, trouble.message);
  return totalCount;
}
