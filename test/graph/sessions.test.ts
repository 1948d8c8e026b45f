/** Sessions of an embedded grid: submitted, looked at, cancelled. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { demonstrationTask } from '../../src/grids/htc-grid/demonstration.js';
import {
  CancelSessionsDocument,
  SessionByNativeIdDocument,
  SessionListDocument,
  SessionTasksDocument,
  SubmitTasksDocument,
  type SubmitTasksInput,
  TaskByNativeIdDocument,
  TaskListDocument,
} from '../generated/graphql.js';
import { caller, embeddedGrid, type Graph, openGraph } from './open-graph.js';

const patience = { interval: 50 };
const ada = caller('ada', 'user');

describe('sessions', () => {
  let grid: Awaited<ReturnType<typeof embeddedGrid>>;
  let graph: Graph;
  beforeAll(async () => {
    const limits = { maxPayloads: 1000, maxPayloadBytes: 10_000 };
    // In this process: four worker processes that start at once take seconds, and have a suite of their own.
    grid = await embeddedGrid({ limits, run: demonstrationTask });
    graph = await openGraph([grid]);
  });
  afterAll(() => graph.stop());

  const submit = async (input: SubmitTasksInput, who = ada) =>
    (await graph.ask(SubmitTasksDocument, { input }, who)).submitTasks;
  const cancel = async (...sessions: readonly string[]) => {
    const input = { sessions: [...sessions] };
    return (await graph.ask(CancelSessionsDocument, { input }, ada)).cancelSessions;
  };
  const tasksOf = async (id: string) => {
    const { session } = await graph.ask(SessionTasksDocument, { id, first: 1000 }, ada);
    if (!session?.tasks) throw new Error('There is no such session.');
    return { ...session, tasks: session.tasks };
  };
  const ended = (id: string) =>
    vi.waitFor(async () => {
      const session = await tasksOf(id);
      expect(session.progress?.fraction).toBe(1);
      return session;
    }, patience);

  describe('submitting', () => {
    it('runs every payload; inputs, outputs and errors are there', async () => {
      const payloads = [{ fibonacci: 10 }, { fail: 'boom' }, 'text', false, [1, { a: 2 }]];
      const { session, taskIds, replayed, userErrors } = await submit({ payloads });
      expect({ replayed, userErrors }).toEqual({ replayed: false, userErrors: [] });
      expect(session?.owner).toBe('ada');
      expect(taskIds).toEqual(payloads.map((_, index) => `${session?.nativeId}_${index}`));
      const { tasks, progress } = await ended(session?.id ?? '');
      expect(progress).toMatchObject({
        total: 5,
        terminal: 5,
        byState: [{ state: 'SUCCEEDED', count: 5 }],
      });
      expect(tasks.nodes.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
      expect(tasks.nodes.map(({ input }) => input?.json)).toEqual(payloads);
      expect(tasks.nodes[0]?.output?.json).toMatchObject({ result: 55 });
      // For HTC-Grid a function that raised has finished: counts and filters say so too.
      expect(tasks.nodes[1]).toMatchObject({
        state: 'SUCCEEDED',
        failure: { kind: 'FUNCTION_ERROR', message: 'Error: boom' },
      });
      expect(tasks.nodes.filter(({ failure }) => failure !== null)).toHaveLength(1);
    });

    it('the same idempotency key gives the first session again, and submits nothing', async () => {
      const input = { payloads: [{ fibonacci: 3 }], idempotencyKey: 'k-1' };
      const first = await submit(input);
      const again = await submit(input);
      expect(again).toMatchObject({ replayed: true, session: { id: first.session?.id } });
      expect(again.taskIds).toEqual(first.taskIds);
      const others = await submit(input, caller('eve', 'user'));
      expect(others).toMatchObject({ replayed: false });
      expect(others.session?.id).not.toBe(first.session?.id);
    });

    it('the same key with other tasks is refused', async () => {
      await submit({ payloads: [1], idempotencyKey: 'k-2' });
      const { session, userErrors } = await submit({ payloads: [2], idempotencyKey: 'k-2' });
      expect(session).toBeNull();
      expect(userErrors).toMatchObject([{ code: 'IDEMPOTENCY_CONFLICT' }]);
      expect(userErrors[0]?.message).toContain('k-2');
    });

    it('two calls at once with one key make one session', async () => {
      const input = { payloads: [1, 2, 3], idempotencyKey: 'k-3' };
      const answers = await Promise.all([submit(input), submit(input), submit(input)]);
      expect(new Set(answers.map(({ session }) => session?.id)).size).toBe(1);
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    });

    it('a dry run checks and submits nothing', async () => {
      const before = (await graph.ask(SessionListDocument, {}, ada)).sessions?.totalCount;
      expect(await submit({ payloads: [1], dryRun: true })).toMatchObject({
        session: null,
        taskIds: [],
        streamCursor: null,
        userErrors: [],
      });
      const bad = await submit({ payloads: [], dryRun: true });
      expect(bad.userErrors).toMatchObject([{ code: 'BAD_USER_INPUT' }]);
      expect((await graph.ask(SessionListDocument, {}, ada)).sessions?.totalCount).toBe(before);
    });

    it.each<[string, SubmitTasksInput]>([
      ['no payload', { payloads: [] }],
      ['too many payloads', { payloads: Array.from({ length: 1001 }, () => 1) }],
      ['a payload that is too large', { payloads: ['x'.repeat(10_001)] }],
      ['a priority out of range', { payloads: [1], priority: 99 }],
      ['an empty idempotency key', { payloads: [1], idempotencyKey: '' }],
      ['a key that is too long', { payloads: [1], idempotencyKey: 'k'.repeat(201) }],
    ])('%s is an error of the caller, in the payload', async (_words, input) => {
      const { session, taskIds, userErrors } = await submit(input);
      expect({ session, taskIds }).toEqual({ session: null, taskIds: [] });
      expect(userErrors).toMatchObject([{ code: 'BAD_USER_INPUT' }]);
      expect(userErrors[0]?.message).toMatch(/at least|at most|has 1 to|is 0 to/);
    });
  });

  describe('cancelling', () => {
    it('ends what has not ended; what finished stays finished', async () => {
      const done = { fibonacci: 1 };
      const { session } = await submit({
        payloads: [done, { sleepMs: 60_000 }, { sleepMs: 60_000 }],
      });
      const id = session?.id ?? '';
      await vi.waitFor(async () => {
        const { progress } = await tasksOf(id);
        expect(progress?.byState).toContainEqual({ state: 'SUCCEEDED', count: 1 });
      }, patience);
      const { sessions, userErrors } = await cancel(id);
      expect(userErrors).toEqual([]);
      expect(sessions).toEqual([
        { nativeId: session?.nativeId, status: 'DONE', totalCancelledTasks: 2, alreadyTerminal: 1 },
      ]);
      const { tasks } = await tasksOf(id);
      expect(tasks.nodes.map(({ state }) => state)).toEqual([
        'SUCCEEDED',
        'CANCELLED',
        'CANCELLED',
      ]);
      expect(tasks.nodes[1]?.failure).toMatchObject({ kind: 'CANCELLED' });
      expect(tasks.groups.nodes.map(({ key, count }) => [key[0]?.value, count])).toEqual([
        ['CANCELLED', 2],
        ['SUCCEEDED', 1],
      ]);
      expect((await cancel(id)).sessions[0]).toMatchObject({
        status: 'ALREADY_DONE',
        totalCancelledTasks: 0,
        alreadyTerminal: 3,
      });
    });

    it('cancels what is named twice once, with one outcome', async () => {
      const { session } = await submit({ payloads: [{ sleepMs: 60_000 }] });
      const [, ...parts] = JSON.parse(
        Buffer.from(session?.id ?? '', 'base64url').toString(),
      ) as string[];
      // The same id in another spelling.
      const other = Buffer.from(JSON.stringify(['Session', ...parts], null, 1)).toString(
        'base64url',
      );
      const { sessions } = await cancel(session?.id ?? '', session?.id ?? '', other);
      expect(sessions).toMatchObject([{ status: 'DONE', totalCancelledTasks: 1 }]);
    });

    it('answers for each session in the order asked for, and says what is wrong with the call', async () => {
      const { session } = await submit({ payloads: [{ sleepMs: 60_000 }] });
      const unknown = Buffer.from(JSON.stringify(['Session', 'local', 'no-such'])).toString(
        'base64url',
      );
      const { sessions } = await cancel(unknown, session?.id ?? '');
      expect(sessions.map(({ status }) => status)).toEqual(['NOT_FOUND', 'DONE']);
      expect((await cancel()).userErrors).toMatchObject([{ code: 'BAD_USER_INPUT' }]);
    });
  });

  describe('looking', () => {
    it('a session and a task are found by the ids of their grid', async () => {
      const { session, taskIds } = await submit({
        payloads: [{ fibonacci: 5, pad: 'x'.repeat(200) }],
      });
      await ended(session?.id ?? '');
      const sessionId = session?.nativeId ?? '';
      const found = await graph.ask(SessionByNativeIdDocument, { sessionId }, ada);
      expect(found.session).toMatchObject({ id: session?.id, submission: { state: 'SUBMITTED' } });
      const { task } = await graph.ask(TaskByNativeIdDocument, { taskId: taskIds[0] ?? '' }, ada);
      expect(task).toMatchObject({
        index: 0,
        state: 'SUCCEEDED',
        nativeState: 'finished',
        terminal: true,
        attempts: 1,
        owner: 'ada',
        failure: null,
        error: null,
        input: { json: null, truncated: true },
        session: { id: session?.id },
        batch: { id: session?.id },
      });
      expect(task?.input?.text).toHaveLength(100);
      expect(task?.input?.bytes).toBeGreaterThan(200);
      expect(Date.parse(task?.endedAt ?? '')).toBeGreaterThanOrEqual(
        Date.parse(task?.submittedAt ?? ''),
      );
      const missing = await graph.ask(TaskByNativeIdDocument, { taskId: `${sessionId}_99` }, ada);
      expect(missing.task).toBeNull();
      const none = await graph.ask(
        SessionByNativeIdDocument,
        { sessionId: 'no-such-session' },
        ada,
      );
      expect(none.session).toBeNull();
    });

    it('lists sessions newest first, by owner, activity and time, page by page', async () => {
      const grace = caller('grace', 'user');
      const ids: string[] = [];
      for (let i = 0; i < 3; i += 1)
        ids.push((await submit({ payloads: [i] }, grace)).session?.id ?? '');
      const list = async (variables: object) =>
        (await graph.ask(SessionListDocument, variables, grace)).sessions;
      const all = await list({});
      expect(all?.nodes.map(({ id }) => id)).toEqual(ids.toReversed());
      expect(all?.nodes[0]).toMatchObject({
        parent: null,
        submission: { expected: 1, accepted: 1 },
      });
      const first = await list({ first: 2 });
      expect(first).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: true } });
      const rest = await list({ first: 2, after: first?.pageInfo.endCursor });
      expect(rest?.nodes.map(({ id }) => id)).toEqual([ids[0]]);
      expect((await list({ owner: { eq: 'ada' } }))?.totalCount).toBe(0);
      expect((await list({ submitted: { withinLast: '1h' } }))?.totalCount).toBe(3);
      expect((await list({ submitted: { before: '2020-01-01T00:00:00Z' } }))?.totalCount).toBe(0);
    });

    it('lists tasks of some sessions, filtered, ordered and paged from both ends', async () => {
      const one = await submit({
        payloads: Array.from({ length: 7 }, (_, n) => ({ fibonacci: n })),
      });
      const two = await submit({ payloads: [{ sleepMs: 60_000 }] });
      const sessions = [one, two].map(({ session }) => session?.id ?? '');
      await ended(sessions[0] ?? '');
      const list = async (variables: object) => {
        const { tasks } = await graph.ask(TaskListDocument, variables, ada);
        if (!tasks) throw new Error('No list came.');
        return tasks;
      };
      const all = await list({ filter: { sessions } });
      expect(all.totalCount).toBe(8);
      const done = await list({ filter: { sessions, state: { terminal: true } } });
      expect(done.nodes.map(({ nativeId }) => nativeId).toSorted()).toEqual(one.taskIds.toSorted());
      const orderBy = [{ field: 'INDEX', direction: 'DESC' }];
      const filter = { sessions: sessions.slice(0, 1) };
      const last = await list({ filter, orderBy, last: 3 });
      expect(last.nodes.map(({ index }) => index)).toEqual([2, 1, 0]);
      const before = await list({ filter, orderBy, last: 3, before: last.pageInfo.startCursor });
      expect(before.nodes.map(({ index }) => index)).toEqual([5, 4, 3]);
      expect(before.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
      await cancel(...sessions);
    });

    it('a list of tasks begins to follow the grid where its cursor is asked for, and only there', async () => {
      const follows = vi.spyOn(grid, 'followAll');
      onTestFinished(() => follows.mockRestore());
      expect(await graph.answer('{ tasks { totalCount } }', {}, ada)).toMatchObject({ errors: [] });
      expect(follows).not.toHaveBeenCalled();
      const asked = '{ tasks { ...Cursor } } fragment Cursor on TaskConnection { streamCursor }';
      expect(await graph.answer(asked, {}, ada)).toMatchObject({
        data: { tasks: { streamCursor: expect.stringMatching(/^s1/) as string } },
      });
      expect(follows).toHaveBeenCalledOnce();
    });
  });
});
