/** What one request costs the grids: look-ups are gathered, and what is known is not asked again. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  ClusterPagesDocument,
  JobsByIdDocument,
  NodesDocument,
  SessionListDocument,
  SessionProgressDocument,
  SessionTasksDocument,
  SubmitTasksDocument,
  TaskCompletedDocument,
} from '../generated/graphql.js';
import { GridError } from '../../src/errors.js';
import type { Call } from '../../src/grids/htc-grid/calls.js';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import { encodeId } from '../../src/grids/id.js';
import { describeReal } from '../real/index.js';
import { Gate } from './gate.js';
import { commandCounter, embeddedGrid, type Graph, openGraph, poolGrid } from './open-graph.js';
import { ofSeed, seedJobs } from './seed.js';

describeReal('pool', 'commands', (pool) => {
  const { reports, note: onCommand } = commandCounter();
  let graph: Graph;
  beforeAll(async () => {
    graph = await openGraph([poolGrid(pool, { onCommand })]);
  });
  afterAll(() => graph.stop());

  it('1,000 jobs by id cost at most 20, and each comes in its place', async () => {
    const known = await seedJobs(graph, { source: 'ALL' });
    const ids = Array.from({ length: 1000 }, (_, n) => {
      const job = n % 10 === 0 ? known[(n / 10) % known.length] : undefined;
      return job?.id ?? encodeId('Job', 'pool', pool.scheddName, 900_000 + (n % 7), n);
    });
    reports.length = 0;
    const { nodes } = await graph.ask(JobsByIdDocument, { ids });
    const real = new Set(known.map(({ id }) => id));
    expect(nodes.map((node) => node?.id ?? null)).toEqual(
      ids.map((id) => (real.has(id) ? id : null)),
    );
    expect(reports.length).toBeGreaterThan(0);
    expect(reports.length).toBeLessThanOrEqual(20);
  });

  it('clusters by id cost as much as one', async () => {
    const known = await seedJobs(graph, { source: 'ALL' });
    const numbers = [...new Set(known.map(({ clusterId }) => clusterId)), 900_000];
    const ids = numbers.map((cluster) => encodeId('JobCluster', 'pool', pool.scheddName, cluster));
    reports.length = 0;
    const { nodes } = await graph.ask(NodesDocument, { ids });
    expect(nodes.map((node) => node?.id ?? null)).toEqual([...ids.slice(0, -1), null]);
    expect(reports.filter(({ kind }) => kind === 'queue')).toHaveLength(1);
    expect(reports.length).toBeLessThanOrEqual(3);
  });

  it.each(['ALL', 'QUEUE', 'HISTORY'] as const)(
    'the jobs of many clusters (%s) cost as much as those of two, each cluster with its own page',
    async (source) => {
      const known = await seedJobs(graph, { source });
      const numbers = [...new Set(known.map(({ clusterId }) => clusterId))];
      const ids = numbers.map((cluster) =>
        encodeId('JobCluster', 'pool', pool.scheddName, cluster),
      );
      const costOf = async (clusters: readonly string[], first: number) => {
        reports.length = 0;
        const variables = { ids: [...clusters], source, first };
        const { nodes } = await graph.ask(ClusterPagesDocument, variables);
        return { nodes, commands: reports.filter(({ kind }) => kind !== 'config').length };
      };
      const two = await costOf(ids.slice(0, 2), 2);
      const { nodes, commands } = await costOf(ids, 2);
      expect(numbers.length).toBeGreaterThan(3);
      expect(commands).toBeLessThanOrEqual(two.commands);
      const pages = await Promise.all(ids.map(async (id) => (await costOf([id], 2)).nodes[0]));
      expect(nodes).toEqual(pages);
      for (const [i, node] of nodes.entries()) {
        if (node?.__typename !== 'JobCluster') throw new Error('The cluster is not there.');
        const own = known.filter(({ clusterId }) => clusterId === numbers[i]);
        expect(node.jobs?.nodes.map(({ nativeId }) => nativeId)).toEqual(
          own.slice(0, 2).map(({ nativeId }) => nativeId),
        );
        expect(node.jobs).toMatchObject({
          totalCount: own.length,
          pageInfo: { hasNextPage: own.length > 2 },
        });
      }
    },
  );

  it('the clusters of a page of jobs are read once, however many jobs name them', async () => {
    const jobs = await seedJobs(graph);
    const clusters = new Set(jobs.map(({ clusterId }) => clusterId));
    reports.length = 0;
    const document = `query ($filter: JobFilter) {
      jobs(filter: $filter, first: 100) {
        nodes { batch { ... on JobCluster { id jobs(source: QUEUE, first: 1) { totalCount } } } }
      }
    }`;
    interface Listed {
      readonly jobs: {
        readonly nodes: readonly {
          readonly batch: { readonly id: string; readonly jobs: { readonly totalCount: number } };
        }[];
      };
    }
    const { data, errors } = await graph.answer<Listed, object>(document, { filter: ofSeed() });
    expect(errors).toEqual([]);
    expect(new Set(data?.jobs.nodes.map(({ batch }) => batch.id)).size).toBe(clusters.size);
    expect(data?.jobs.nodes.every(({ batch }) => batch.jobs.totalCount > 0)).toBe(true);
    expect(reports.filter(({ kind }) => kind === 'queue').length).toBeLessThanOrEqual(3);
  });

  const costOf = async (document: string, variables: object = {}) => {
    reports.length = 0;
    const { data, errors } = await graph.answer<Record<string, { nodes: object[] }>, object>(
      document,
      variables,
    );
    expect(errors).toEqual([]);
    const of = (kind: string) => reports.filter((report) => report.kind === kind).length;
    return { nodes: Object.values(data ?? {})[0]?.nodes ?? [], of };
  };

  it('the machines of a page of jobs cost one command', async () => {
    // The newest records may all be of jobs that never ran.
    const { nodes, of } = await costOf(
      `query ($filter: JobFilter) {
        jobs(source: HISTORY, filter: $filter, first: 100) {
          nodes { nativeId machine { name cpus } }
        }
      }`,
      { filter: ofSeed() },
    );
    const ran = nodes.filter((job) => 'machine' in job && job.machine !== null);
    expect(ran.length).toBeGreaterThan(2);
    expect(ran[0]).toMatchObject({ machine: { name: pool.scheddName, cpus: 4 } });
    expect(of('status')).toBe(1);
  });

  it('the jobs of a page of slots cost one look-up, and their machines one more', async () => {
    const cluster = await pool.submit(
      'alice',
      'executable = /bin/sleep\ntransfer_executable = false\narguments = 120\nrequest_memory = 16\nqueue 4',
    );
    onTestFinished(() => pool.remove(`ClusterId == ${cluster}`));
    await vi.waitFor(
      async () => {
        const { nodes, of } = await costOf(
          '{ slots(first: 100) { nodes { name job { nativeId owner machine { name } } } } }',
        );
        const mine = { job: { nativeId: expect.stringMatching(`^${cluster}\\.`) as string } };
        const running = nodes.filter((slot) => 'job' in slot && slot.job !== null);
        expect(running.length).toBeGreaterThan(1);
        expect(running).toContainEqual(
          expect.objectContaining({ job: expect.objectContaining(mine.job) as object }),
        );
        expect(of('status')).toBe(2);
        // A slot may name a job that has just ended: that one is asked for once more.
        expect(of('queue')).toBeLessThanOrEqual(2);
      },
      { timeout: 100_000, interval: 1_000 },
    );
  });

  it('the same job in many places is looked up once', async () => {
    const [job] = await seedJobs(graph);
    reports.length = 0;
    const fields = Array.from(
      { length: 30 },
      (_, n) => `j${n}: job(id: "${job?.id}") { owner state }`,
    );
    const { data, errors } = await graph.answer<Record<string, object>, object>(
      `{ ${fields.join(' ')} }`,
      {},
    );
    expect(errors).toEqual([]);
    expect(Object.values(data ?? {})).toHaveLength(30);
    // Who asks is answered before the command is done.
    await vi.waitFor(() => expect(reports.filter(({ kind }) => kind === 'queue')).toHaveLength(1));
  });
});

describe('reads of the state table', () => {
  const gate = new Gate();
  const calls: Call[] = [];
  const reads = () => calls.filter(({ kind }) => kind === 'table-read');
  let graph: Graph;
  beforeAll(async () => {
    const onCall = (call: Call) => void calls.push(call);
    // The look for expired claims would be counted among the reads.
    const workers = { expiryCheckMs: 3_600_000 };
    graph = await openGraph([await embeddedGrid({ run: gate.run, workers, onCall })]);
  });
  afterAll(() => graph.stop());

  async function submit(...payloads: readonly unknown[]) {
    const input = { payloads: [...payloads] };
    const { submitTasks } = await graph.ask(SubmitTasksDocument, { input });
    return { id: submitTasks.session?.id ?? '', taskIds: submitTasks.taskIds };
  }
  const ended = (id: string, terminal: number) =>
    vi.waitFor(
      async () => {
        const { session } = await graph.ask(SessionTasksDocument, { id, first: 1 });
        expect(session?.progress?.terminal).toBe(terminal);
      },
      { timeout: 60_000, interval: 200 },
    );

  it('1,000 tasks by id cost at most 10', async () => {
    const { id, taskIds } = await submit(...Array.from({ length: 1000 }, (_, n) => n));
    await ended(id, 1000);
    const ids = taskIds.map((taskId) => encodeId('Task', 'local', taskId));
    calls.length = 0;
    const { nodes } = await graph.ask(NodesDocument, { ids });
    expect(nodes.map((node) => node?.id)).toEqual(ids);
    expect(reads().length).toBeGreaterThan(0);
    expect(reads().length).toBeLessThanOrEqual(10);
  });

  it('progress of a session that is being followed costs none', async () => {
    const { id } = await submit({ wait: 'a' }, { wait: 'b' });
    const stream = await graph.frames(TaskCompletedDocument, { sessions: [id] });
    for await (const { taskCompleted } of stream) if (taskCompleted.kind === 'SYNCED') break;
    const progress = await graph.frames(SessionProgressDocument, { session: id });
    await progress.next();
    await ended(id, 0);
    const readsOf = async (fields: string) => {
      calls.length = 0;
      const { data } = await graph.answer(`{ session(id: "${id}") { ${fields} } }`, {});
      return { data, count: reads().length };
    };
    const { count } = await readsOf('nativeId');
    const progressed = await readsOf('nativeId progress { total terminal byState { count } }');
    expect(progressed.data).toMatchObject({ session: { progress: { total: 2, terminal: 0 } } });
    expect(progressed.count).toBe(count);
    gate.open('a', 'b');
    await progress.leave();
    await stream.leave();
  });
});

describe('a progress that fails', () => {
  let graph: Graph;
  let troubled: readonly string[] = [];
  beforeAll(async () => {
    const grid = await embeddedGrid();
    graph = await openGraph([failingProgress(grid, (session) => troubled.includes(session))]);
  });
  afterAll(() => graph.stop());

  it('is null with an error beside it, and erases neither the list nor the others', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const input = { payloads: [n] };
      ids.push(
        (await graph.ask(SubmitTasksDocument, { input })).submitTasks.session?.nativeId ?? '',
      );
    }
    troubled = ids.slice(1, 2);
    const { data, errors } = await graph.answer(SessionListDocument, {});
    const nodes = data?.sessions?.nodes ?? [];
    expect(nodes.map(({ nativeId }) => nativeId)).toEqual(ids.toReversed());
    expect(nodes.map(({ progress }) => progress?.total ?? null)).toEqual([1, null, 1]);
    expect(errors).toMatchObject([
      {
        path: ['sessions', 'nodes', 1, 'progress'],
        extensions: { code: 'THROTTLED', retryable: true, retryAfterMs: 250 },
      },
    ]);
  });
});

/** The grid as it is, but for the progress of some sessions. */
function failingProgress(grid: HtcGrid, fails: (session: string) => boolean): HtcGrid {
  const throttled = new GridError('THROTTLED', 'The table asks to slow down; try later.', {
    retryAfterMs: 250,
  });
  const progress: HtcGrid['progress'] = async (sessions, signal) => {
    const answers = await grid.progress(sessions, signal);
    return sessions.map((session, i) => (fails(session) ? throttled : (answers[i] ?? throttled)));
  };
  return new Proxy(grid, {
    get(target, name) {
      if (name === 'progress') return progress;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
