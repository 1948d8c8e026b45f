/** The history of a real pool, newest first and page by page, as condor_history has it. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { HistoryPageDocument } from '../generated/graphql.js';
import { describeReal } from '../real/index.js';
import { type Graph, openGraph, poolGrid } from './open-graph.js';

const jobs = 15;
const batch = `history-${process.pid}-${Date.now()}`;

describeReal('pool', 'history, newest first', (pool) => {
  let graph: Graph;
  let cluster: number;
  /** `cluster.proc` by condor_history: the newest first, and the ids of one second as lists order them. */
  let newestFirst: readonly string[];
  beforeAll(async () => {
    graph = await openGraph([poolGrid(pool)]);
    cluster = await pool.submit(
      'alice',
      `executable = /bin/true\nrequirements = false\nbatch_name = ${batch}\nqueue ${jobs}`,
    );
    for (let proc = jobs - 1; proc >= 0; proc -= 3) {
      const second = Math.floor(Date.now() / 1000);
      await pool.remove(`ClusterId == ${cluster} && ProcId <= ${proc} && ProcId > ${proc - 3}`);
      await vi.waitFor(() => expect(Math.floor(Date.now() / 1000)).toBeGreaterThan(second), {
        interval: 20,
      });
    }
    await vi.waitFor(async () => expect(await records()).toHaveLength(jobs), {
      timeout: 20_000,
      interval: 200,
    });
    const found = await records();
    const ends = found.map(({ endedSec }) => endedSec);
    expect(ends).toEqual(ends.toSorted((a, b) => b - a));
    expect(new Set(ends).size).toBeGreaterThan(2);
    newestFirst = found
      .toSorted((a, b) => b.endedSec - a.endedSec || a.proc - b.proc)
      .map(({ proc }) => `${cluster}.${proc}`);
  });
  afterAll(async () => {
    await graph.stop();
    await pool.remove(`ClusterId == ${cluster}`);
  });

  async function records() {
    const words = ['condor_history', '-constraint', `JobBatchName == "${batch}"`];
    const { stdout } = await pool.run([...words, '-af', 'ProcId', 'EnteredCurrentStatus']);
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ').map(Number))
      .map(([proc = NaN, endedSec = NaN]) => ({ proc, endedSec }));
  }
  const page = async (more: { first?: number; last?: number; after?: string; before?: string }) => {
    const filter = { batchName: { eq: batch } };
    const { jobs: list } = await graph.ask(HistoryPageDocument, { filter, ...more });
    if (!list) throw new Error('No list came.');
    return { ...list, ids: list.nodes.map(({ nativeId }) => nativeId) };
  };

  it.each([1, 4, 7])('pages of %i from the front are those of condor_history', async (first) => {
    for (let at = 0, after: string | undefined; at < jobs; at += first) {
      const { ids, totalCount, pageInfo } = await page({ first, ...(after && { after }) });
      expect(ids).toEqual(newestFirst.slice(at, at + first));
      expect(totalCount).toBe(jobs);
      expect(pageInfo).toMatchObject({
        hasNextPage: at + first < jobs,
        hasPreviousPage: at > 0,
      });
      after = pageInfo.endCursor ?? undefined;
    }
  });

  it('pages from the back are the same list from its end', async () => {
    const seen: string[] = [];
    for (let before: string | undefined, more = true; more;) {
      const { ids, pageInfo } = await page({ last: 4, ...(before && { before }) });
      seen.unshift(...ids);
      before = pageInfo.startCursor ?? undefined;
      more = pageInfo.hasPreviousPage;
    }
    expect(seen).toEqual(newestFirst);
  });

  it('`since` stops at the job, as condor_history does', async () => {
    const [newest = ''] = newestFirst.slice(4, 5);
    const since = `${cluster}.${newest.split('.')[1]}`;
    const { stdout } = await pool.run([
      ...['condor_history', '-since', since, '-constraint', `JobBatchName == "${batch}"`],
      ...['-af', 'ProcId'],
    ]);
    const wanted = stdout.split('\n').filter(Boolean);
    const { jobs: list } = await graph.ask(HistoryPageDocument, {
      filter: { batchName: { eq: batch } },
      since,
      first: 100,
    });
    expect(new Set(list?.nodes.map(({ nativeId }) => nativeId))).toEqual(
      new Set(wanted.map((proc) => `${cluster}.${proc}`)),
    );
  });
});
