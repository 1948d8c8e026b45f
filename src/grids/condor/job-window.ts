/**
 * One page of a queue in id order without reading the rest: the schedd counts the clusters first
 * (one line each, with first and last id), then only a span of ids around the page is fetched.
 */
import type { PageKey, PageRequest, Projection } from '../../query/plan.js';
import type { SourceRequest, Window } from '../../query/source.js';
import type { JobRow } from '../jobs.js';
import { pushdown } from './constraint.js';
import { groupAttributes } from './countable.js';
import { jobKeyAttributes, jobTable } from './fields.js';
import type { HiddenNames } from './hidden.js';
import { jobRows } from './job-row.js';
import type { PoolPolicy } from './policy.js';
import { collectAds, streamAds, type AdQuery, type Pool, type Schedd, troubleOf } from './pool.js';
import { attributesFor } from './projection.js';
import type { ReadAhead } from './read-ahead.js';
import { groupCommand, groupCount, groupRange, queueCommand, type ProcKey } from './queue.js';

type WindowRequest = SourceRequest & {
  readonly page: PageRequest;
  readonly projection: Projection;
};

type GroupQuery = AdQuery & { readonly attributes: readonly string[] };

/** Guesses at where the page of a sparse cluster ends, before all that is left is fetched. */
const guesses = 3;

/** Undefined where a part of the filter is evaluated here: counts would not be those of the list. */
export function windowOfJobs(
  pool: Pool,
  schedd: Schedd,
  { hidden, maxJobs }: PoolPolicy,
  ahead: ReadAhead,
  request: WindowRequest,
): Promise<Window<JobRow>> | undefined {
  const { constraint, rest } = pushdown(request.filter, jobTable, hidden);
  const attributes = groupAttributes([{ field: 'clusterId' }], request.filter, hidden);
  if (rest.op !== 'const' || !rest.value || attributes === undefined) return undefined;
  if (maxJobs === 0) return Promise.resolve(nothingOf(request));
  if (constraint !== undefined) request.notes.pushedDown = constraint;
  request.notes.asOfMs ??= Date.now();
  return page(pool, schedd, hidden, ahead, { attributes, constraint }, request).catch((error) => {
    throw troubleOf(schedd, error);
  });
}

/** Where no list may hold a job. */
function nothingOf({ notes, page: { from } }: WindowRequest): Window<JobRow> {
  notes.truncated = true;
  return { rows: [], more: { before: from === 'back', after: from === 'front' } };
}

async function page(
  pool: Pool,
  schedd: Schedd,
  hidden: HiddenNames,
  ahead: ReadAhead,
  groups: GroupQuery,
  request: WindowRequest,
): Promise<Window<JobRow>> {
  const { from, limit, after, before } = request.page;
  const adjoining = await pageAhead(pool, schedd, hidden, ahead, groups, request);
  if (adjoining !== undefined) return adjoining;
  const clusters = await clustersOf(pool, schedd, groups, request.signal);
  const first = clusters[0]?.first;
  const last = clusters.at(-1)?.last;
  if (first === undefined || last === undefined) {
    return { rows: [], more: { before: false, after: false } };
  }
  const low = bound(after, pool, schedd, 'after');
  const high = bound(before, pool, schedd, 'before');
  const all: Span = {
    first: low === undefined ? first : later(first, next(low, 1)),
    last: high === undefined ? last : earlier(last, next(high, -1)),
  };

  const rows: JobRow[] = [];
  let left = all;
  for (let round = 0; rows.length < limit && compare(left.first, left.last) <= 0; round += 1) {
    const span =
      round < guesses ? guess(clusters, left, (limit - rows.length) * 2 ** round, from) : left;
    rows.push(...(await fetchSpan(pool, schedd, hidden, groups.constraint, span, request)));
    left =
      from === 'front'
        ? { first: next(span.last, 1), last: left.last }
        : { first: left.first, last: next(span.first, -1) };
  }
  rows.sort((a, b) => a.clusterId - b.clusterId || a.procId - b.procId);
  const kept = from === 'front' ? rows.slice(0, limit) : rows.slice(-limit);
  const head = kept[0];
  const tail = kept.at(-1);
  return {
    rows: kept,
    more: {
      before: compare(first, head === undefined ? all.first : keyOf(head)) < 0,
      after: compare(last, tail === undefined ? all.last : keyOf(tail)) > 0,
    },
  };
}

/**
 * The next page within the cluster of the cursor, without counting: the job of the cursor, the page, and one job behind
 * it are next to each other where the cluster has no gaps. Undefined where it has some.
 */
async function pageAhead(
  pool: Pool,
  schedd: Schedd,
  hidden: HiddenNames,
  ahead: ReadAhead,
  { constraint }: GroupQuery,
  request: WindowRequest,
): Promise<Window<JobRow> | undefined> {
  const { from, limit, after, before } = request.page;
  const cursor = bound(after, pool, schedd, 'after');
  if (from !== 'front' || before !== undefined || cursor === undefined || cursor === never) {
    return undefined;
  }
  const { projection, signal } = request;
  const attributes = attributesFor(projection, jobTable, jobKeyAttributes, hidden);
  const found = await ahead.page({
    question: JSON.stringify([schedd.name, constraint, attributes]),
    cursor,
    limit,
    signal,
    fetch: (first, jobs, whileWanted) => {
      const span = { first, last: next(first, jobs - 1) };
      const query = { attributes, constraint: within(span, constraint) };
      // No more can match: the scan ends with the last of them.
      const command = queueCommand(pool, schedd, query, '-limit', String(jobs));
      return streamAds(pool, command, whileWanted);
    },
  });
  if (found === undefined) return undefined;
  request.notes.asOfMs = found.atMs;
  const toRow = jobRows(pool.name, schedd.name, projection, hidden);
  const fetched = { origin: 'QUEUE', atMs: found.atMs } as const;
  const rows = found.ads.flatMap((ad) => toRow(ad, fetched) ?? []);
  return { rows, more: { before: true, after: true } };
}

/** One cluster of the list: how many of its jobs pass the filter, and the first and last of them. */
interface Cluster {
  readonly id: number;
  readonly count: number;
  readonly first: ProcKey;
  readonly last: ProcKey;
}

interface Span {
  readonly first: ProcKey;
  readonly last: ProcKey;
}

async function clustersOf(
  pool: Pool,
  schedd: Schedd,
  query: GroupQuery,
  signal: AbortSignal,
): Promise<readonly Cluster[]> {
  const clusters = new Map<number, Cluster>();
  for (const ad of await collectAds(pool, groupCommand(pool, schedd, query), signal)) {
    const id = ad.number('ClusterId');
    const range = groupRange(ad);
    if (id === null || range === undefined) continue;
    const [first, last] = range;
    // The filter's attributes cut a cluster into several groups.
    const known = clusters.get(id) ?? { id, count: 0, first, last };
    clusters.set(id, {
      id,
      count: known.count + groupCount(ad),
      first: earlier(known.first, first),
      last: later(known.last, last),
    });
  }
  return [...clusters.values()].sort((a, b) => a.id - b.id);
}

/** A span at one end of what is left that should hold as many jobs; exact in clusters without gaps. */
function guess(
  clusters: readonly Cluster[],
  left: Span,
  wanted: number,
  from: PageRequest['from'],
): Span {
  let missing = wanted;
  for (const cluster of from === 'front' ? clusters : [...clusters].reverse()) {
    const start = later(cluster.first, left.first)[1];
    const end = earlier(cluster.last, left.last)[1];
    const outside = compare(cluster.last, left.first) < 0 || compare(cluster.first, left.last) > 0;
    if (outside) continue;
    const width = cluster.last[1] - cluster.first[1] + 1;
    const density = cluster.count / width;
    const held = (end - start + 1) * density;
    if (held < missing) {
      missing -= held;
      continue;
    }
    const slack = density === 1 ? 1 : 1.5;
    const procs = Math.min(end - start + 1, Math.ceil((missing / density) * slack));
    return from === 'front'
      ? { first: left.first, last: [cluster.id, start + procs - 1] }
      : { first: [cluster.id, end - procs + 1], last: left.last };
  }
  return left;
}

async function fetchSpan(
  pool: Pool,
  schedd: Schedd,
  hidden: HiddenNames,
  constraint: string | undefined,
  span: Span,
  { projection, signal }: WindowRequest,
): Promise<readonly JobRow[]> {
  const attributes = attributesFor(projection, jobTable, jobKeyAttributes, hidden);
  const query = { attributes, constraint: within(span, constraint) };
  const command = queueCommand(pool, schedd, query);
  const toRow = jobRows(pool.name, schedd.name, projection, hidden);
  const fetched = { origin: 'QUEUE', atMs: Date.now() } as const;
  const rows: JobRow[] = [];
  for await (const batch of streamAds(pool, command, signal)) {
    for (const ad of batch) {
      const row = toRow(ad, fetched);
      if (row !== undefined) rows.push(row);
    }
  }
  return rows;
}

const within = (span: Span, constraint: string | undefined): string =>
  constraint === undefined ? idsOf(span) : `${idsOf(span)} && ${constraint}`;

function idsOf({ first: [c1, p1], last: [c2, p2] }: Span): string {
  if (c1 === c2) return `ClusterId == ${c1} && ProcId >= ${p1} && ProcId <= ${p2}`;
  const lower = `(ClusterId > ${c1} || (ClusterId == ${c1} && ProcId >= ${p1}))`;
  const upper = `(ClusterId < ${c2} || (ClusterId == ${c2} && ProcId <= ${p2}))`;
  return `${lower} && ${upper}`;
}

const never: ProcKey = [Number.MAX_SAFE_INTEGER, 0];
const start: ProcKey = [-1, 0];

/** The key as a job of this schedd; a key of another schedd lies before or after all of them. */
function bound(
  key: PageKey | undefined,
  pool: Pool,
  schedd: Schedd,
  side: 'after' | 'before',
): ProcKey | undefined {
  if (key === undefined) return undefined;
  const [grid, name, cluster, proc] = key.id;
  const order = sign(String(grid), pool.name) || sign(String(name), schedd.name);
  if (order === 0) return [Number(cluster), Number(proc)];
  if (side === 'after') return order < 0 ? undefined : never;
  return order > 0 ? undefined : start;
}

const sign = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const keyOf = (row: JobRow): ProcKey => [row.clusterId, row.procId];
const compare = (a: ProcKey, b: ProcKey): number => a[0] - b[0] || a[1] - b[1];
const later = (a: ProcKey, b: ProcKey): ProcKey => (compare(a, b) >= 0 ? a : b);
const earlier = (a: ProcKey, b: ProcKey): ProcKey => (compare(a, b) <= 0 ? a : b);
const next = ([cluster, proc]: ProcKey, step: number): ProcKey => [cluster, proc + step];
