/** Streams of an embedded grid through the graph: from anywhere, without a gap, to the end. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  CancelSessionsDocument,
  SessionProgressDocument,
  SessionTasksDocument,
  SubmitTasksDocument,
  TaskCompletedDocument,
  type TaskCompletedSubscription,
  type TaskCompletedSubscriptionVariables,
  TaskListDocument,
} from '../generated/graphql.js';
import { decodeCursor, encodeCursor } from '../../src/streams/cursor.js';
import { Gate } from './gate.js';
import { embeddedGrid, type Frames, type Graph, openGraph } from './open-graph.js';

const patience = { interval: 50 };

type Frame = TaskCompletedSubscription['taskCompleted'];

describe('streams', () => {
  const gate = new Gate();
  let grid: Awaited<ReturnType<typeof embeddedGrid>>;
  let graph: Graph;
  const open: Frames<unknown>[] = [];
  const openGate = () => embeddedGrid({ run: gate.run, workers: { concurrency: 32 } });
  beforeAll(async () => {
    grid = await openGate();
    graph = await openGraph([grid]);
  });
  afterEach(() => Promise.all(open.splice(0).map((frames) => frames.leave())));
  afterAll(() => graph.stop());

  async function submit(...payloads: readonly unknown[]) {
    const { submitTasks } = await graph.ask(SubmitTasksDocument, {
      input: { payloads: [...payloads] },
    });
    const { session, taskIds, streamCursor } = submitTasks;
    if (!session || streamCursor == null) throw new Error('Nothing was submitted.');
    return { id: session.id, taskIds, streamCursor };
  }
  async function follow(variables: TaskCompletedSubscriptionVariables) {
    const frames = await graph.frames(TaskCompletedDocument, variables);
    open.push(frames);
    return frames;
  }
  type Stream = Awaited<ReturnType<typeof follow>>;

  /** Frames up to the first that is as wanted. */
  async function until(stream: Stream, wanted: (frame: Frame, all: Frame[]) => boolean) {
    const frames: Frame[] = [];
    for (;;) {
      const { value, done } = await stream.next();
      if (done === true || value === undefined) throw new Error('The stream ended early.');
      frames.push(value.taskCompleted);
      if (wanted(value.taskCompleted, frames)) return frames;
    }
  }
  const toEnd = (stream: Stream) => until(stream, ({ kind }) => kind === 'END');
  const toSynced = (stream: Stream) => until(stream, ({ kind }) => kind === 'SYNCED');
  const idsOf = (frames: readonly Frame[]): readonly string[] =>
    frames.flatMap(({ tasks }) => tasks.map(({ nativeId }) => nativeId));
  const completed = (id: string, count: number) =>
    vi.waitFor(async () => {
      const { session } = await graph.ask(SessionTasksDocument, { id });
      expect(session?.progress?.terminal).toBe(count);
      return session;
    }, patience);

  describe('where a stream starts', () => {
    it('a snapshot has what has ended, then comes what ends, then the end', async () => {
      const { id, taskIds } = await submit(1, { wait: 'a' }, { wait: 'b' });
      await completed(id, 1);
      const stream = await follow({ sessions: [id], start: { snapshot: true } });
      const snapshot = await toSynced(stream);
      expect(idsOf(snapshot)).toEqual([taskIds[0]]);
      expect(snapshot.map(({ kind }) => kind)).toEqual(['SNAPSHOT', 'SYNCED']);
      expect(snapshot[0]).toMatchObject({ remaining: 2, coverage: 'SESSIONS' });
      gate.open('a');
      const [change] = await until(stream, ({ kind }) => kind === 'CHANGES');
      expect(change).toMatchObject({ remaining: 1, tasks: [{ nativeId: taskIds[1] }] });
      gate.open('b');
      const rest = await toEnd(stream);
      expect(idsOf(rest)).toEqual([taskIds[2]]);
      expect(rest.at(-1)).toMatchObject({ end: { reason: 'COMPLETE' }, remaining: 0 });
      expect((await stream.next()).done).toBe(true);
    });

    it('now is without what has ended', async () => {
      const { id, taskIds } = await submit(1, { wait: 'c' });
      await completed(id, 1);
      const stream = await follow({ sessions: [id] });
      await toSynced(stream);
      gate.open('c');
      expect(idsOf(await toEnd(stream))).toEqual([taskIds[1]]);
    });

    it('after the cursor of the submission nothing is missing, however late', async () => {
      const { id, taskIds, streamCursor } = await submit(1, 2, 3);
      await completed(id, 3);
      const stream = await follow({ sessions: [id], start: { after: streamCursor } });
      expect(idsOf(await toEnd(stream)).toSorted()).toEqual(taskIds);
    });

    it('after the cursor of a query comes just what the query did not have', async () => {
      const { id, taskIds } = await submit(1, { wait: 'd' }, { wait: 'e' });
      await completed(id, 1);
      const { session } = await graph.ask(SessionTasksDocument, { id });
      const { tasks } = await graph.ask(TaskListDocument, { filter: { sessions: [id] } });
      gate.open('d');
      await completed(id, 2);
      for (const after of [session?.streamCursor, tasks?.streamCursor]) {
        const stream = await follow({ sessions: [id], start: { after: after ?? '' } });
        const frames = await until(stream, (_frame, all) => idsOf(all).length > 0);
        expect(idsOf(frames)).toEqual([taskIds[1]]);
      }
      gate.open('e');
    });

    it('what ends while a list is read is told behind the cursor of the list', async () => {
      const { id, taskIds } = await submit({ wait: 'during' });
      const read = grid.tasks.bind(grid);
      const reading = vi.spyOn(grid, 'tasks').mockImplementationOnce(async (...args) => {
        gate.open('during');
        await completed(id, 1);
        return read(...args);
      });
      const { tasks } = await graph.ask(TaskListDocument, { filter: { sessions: [id] } });
      reading.mockRestore();
      const stream = await follow({ sessions: [id], start: { after: tasks?.streamCursor ?? '' } });
      expect(idsOf(await toEnd(stream))).toEqual(taskIds);
    });

    it('a cursor from another life of the server is a gap, and a fresh snapshot', async () => {
      const { id, taskIds } = await submit(1, 2);
      const session = await completed(id, 2);
      const positions = decodeCursor(session?.streamCursor ?? '');
      const foreign = encodeCursor(positions.map((one) => ({ ...one, epoch: 'another' })));
      const stream = await follow({ sessions: [id], start: { after: foreign } });
      const frames = await toEnd(stream);
      expect(frames[0]).toMatchObject({ kind: 'GAP', gap: { reason: 'CURSOR_EXPIRED' } });
      expect(idsOf(frames).toSorted()).toEqual(taskIds);
    });
  });

  it('a stream that breaks goes on from its cursor: nothing is lost', async () => {
    const names = Array.from({ length: 30 }, (_, n) => `r${n}`);
    const { id, taskIds } = await submit(...names.map((wait) => ({ wait })));
    const seen = new Set<string>();
    let after: string | undefined;
    for (let round = 0; round < 3; round += 1) {
      const start = after === undefined ? { snapshot: true } : { after };
      const stream = await follow({ sessions: [id], start, delivery: { maxBatch: 3 } });
      gate.open(...names.slice(round * 10, round * 10 + 10));
      const before = seen.size;
      const frames = await until(stream, (_frame, all) => idsOf(all).length >= 4);
      for (const nativeId of idsOf(frames)) seen.add(nativeId);
      expect(seen.size).toBeGreaterThan(before);
      after = frames.at(-1)?.cursor;
      await stream.leave();
    }
    const rest = await toEnd(await follow({ sessions: [id], start: { after: after ?? '' } }));
    for (const nativeId of idsOf(rest)) seen.add(nativeId);
    expect([...seen].toSorted()).toEqual(taskIds.toSorted());
  });

  it('a filter leaves tasks out, and the end is still told', async () => {
    const { id, taskIds } = await submit(1, { wait: 'f' });
    await completed(id, 1);
    const filter = { state: { eq: 'CANCELLED' } } as const;
    const stream = await follow({ sessions: [id], filter, start: { snapshot: true } });
    expect(idsOf(await toSynced(stream))).toEqual([]);
    await graph.ask(CancelSessionsDocument, { input: { sessions: [id] } });
    const rest = await toEnd(stream);
    expect(idsOf(rest)).toEqual([taskIds[1]]);
    expect(rest.find(({ tasks }) => tasks.length > 0)?.tasks[0]).toMatchObject({
      state: 'CANCELLED',
      failure: { kind: 'CANCELLED' },
    });
  });

  it('several sessions are one stream, which ends with the last of them', async () => {
    const [one, two] = [await submit(1), await submit({ wait: 'g' })];
    const stream = await follow({ sessions: [one.id, two.id], start: { snapshot: true } });
    const frames = await until(stream, (_frame, all) => idsOf(all).length === 1);
    expect(frames.every(({ kind }) => kind !== 'END')).toBe(true);
    gate.open('g');
    expect(idsOf(await toEnd(stream))).toEqual(two.taskIds);
  });

  it('a function that raised is told with its error', async () => {
    const { id } = await submit({ fail: 'boom' });
    const frames = await toEnd(await follow({ sessions: [id], start: { snapshot: true } }));
    expect(frames.flatMap(({ tasks }) => tasks)[0]).toMatchObject({
      state: 'SUCCEEDED',
      failure: { kind: 'FUNCTION_ERROR', message: 'Error: boom' },
    });
  });

  it('progress may skip values, but never the last', async () => {
    const { id } = await submit(1, { wait: 'h' });
    const stream = await graph.frames(SessionProgressDocument, { session: id });
    open.push(stream);
    const seen: (typeof first)[] = [];
    const { value } = await stream.next();
    const first = value?.sessionProgress;
    expect(first?.progress).toMatchObject({ total: 2 });
    gate.open('h');
    for await (const { sessionProgress } of stream) seen.push(sessionProgress);
    expect(seen.at(-1)).toMatchObject({
      kind: 'END',
      end: { reason: 'COMPLETE' },
      progress: { total: 2, terminal: 2, fraction: 1 },
    });
  });

  it('without sessions the whole grid is followed, and a stop of the server is told', async () => {
    const other = await openGraph([await openGate()]);
    const stream = await other.frames(TaskCompletedDocument, {});
    await toSynced(stream);
    const ids: string[] = [];
    for (const payload of [1, 2]) {
      const input = { payloads: [payload] };
      ids.push(...(await other.ask(SubmitTasksDocument, { input })).submitTasks.taskIds);
    }
    const frames = await until(stream, (_frame, all) => idsOf(all).length === 2);
    expect(idsOf(frames).toSorted()).toEqual(ids.toSorted());
    expect(frames[0]).toMatchObject({ remaining: null, coverage: 'GRID' });
    const last = toEnd(stream);
    other.service.close();
    expect((await last).at(-1)).toMatchObject({ end: { reason: 'SHUTDOWN' } });
    await other.stop();
  });

  it.each([
    ['no cursor', { after: 'nonsense' }, 'CURSOR_INVALID'],
    ['two starts', { now: true, snapshot: true }, 'BAD_USER_INPUT'],
  ])('%s is refused', async (_words, start, code) => {
    const { id } = await submit(1);
    const refused = await graph.follow(TaskCompletedDocument, { sessions: [id], start });
    expect('codes' in refused && refused.codes).toEqual([code]);
  });
});
