/** A session of 10,000 tasks: paged, grouped, and followed to its end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  SessionTasksDocument,
  SubmitTasksDocument,
  TaskCompletedDocument,
} from '../generated/graphql.js';
import { Gate } from './gate.js';
import { embeddedGrid, type Graph, openGraph } from './open-graph.js';

const size = 10_000;

describe('a session of 10,000 tasks', () => {
  const gate = new Gate();
  let graph: Graph;
  let id: string;
  let taskIds: readonly string[];
  beforeAll(async () => {
    const workers = { concurrency: 16 };
    graph = await openGraph([await embeddedGrid({ run: gate.run, workers })]);
    const payloads = Array.from({ length: size }, () => ({ wait: 'all' }));
    const { submitTasks } = await graph.ask(SubmitTasksDocument, { input: { payloads } });
    id = submitTasks.session?.id ?? '';
    taskIds = submitTasks.taskIds;
    expect(taskIds).toHaveLength(size);
  });
  afterAll(() => graph.stop());

  it('is grouped by state, and paged to the last task', async () => {
    const seen: (number | null)[] = [];
    const page = async (after: string | null) => {
      const { session } = await graph.ask(SessionTasksDocument, { id, first: 1000, after });
      if (!session?.tasks) throw new Error('No list came.');
      return session.tasks;
    };
    for (let after: string | null = null; ;) {
      const { totalCount, groups, nodes, pageInfo } = await page(after);
      expect(totalCount).toBe(size);
      expect(groups.nodes.reduce((sum, { count }) => sum + count, 0)).toBe(size);
      seen.push(...nodes.map(({ index }) => index));
      if (!pageInfo.hasNextPage) break;
      after = pageInfo.endCursor;
    }
    // In the order of ids, which is that of their text.
    expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(taskIds.map((_, n) => n));
  });

  it('is followed to its end: every task once, and the end is told', async () => {
    const frames = await graph.frames(TaskCompletedDocument, {
      sessions: [id],
      start: { snapshot: true },
      delivery: { maxBatch: 1000 },
    });
    gate.open('all');
    const seen: string[] = [];
    let last: string | null = null;
    for await (const { taskCompleted } of frames) {
      seen.push(...taskCompleted.tasks.map(({ nativeId }) => nativeId));
      last = taskCompleted.end?.reason ?? null;
    }
    expect(last).toBe('COMPLETE');
    expect(seen).toHaveLength(size);
    expect(new Set(seen).size).toBe(size);
    const { session } = await graph.ask(SessionTasksDocument, { id, first: 1 });
    expect(session?.progress).toMatchObject({ total: size, terminal: size, fraction: 1 });
    expect(session?.tasks?.groups.nodes).toMatchObject([
      { key: [{ value: 'SUCCEEDED' }], count: size },
    ]);
  }, 180_000);
});
