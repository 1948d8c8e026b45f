/** Logs of completions: complete, each task once, also when they are rebuilt while tasks go on. */
import { getEventListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { TaskChange } from '../../src/grids/htc-grid/change.js';
import { ChangeHub } from '../../src/grids/htc-grid/completion-source.js';
import { connectLocally } from '../../src/grids/htc-grid/connection-local.js';
import { inputKey, outputKey, submissionKey } from '../../src/grids/htc-grid/data-plane.js';
import { MemoryDataPlane } from '../../src/grids/htc-grid/data-plane-memory.js';
import { startDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { encodeInput, encodeOutput, encodeSubmission } from '../../src/grids/htc-grid/encoding.js';
import type { Call } from '../../src/grids/htc-grid/calls.js';
import { Everything } from '../../src/grids/htc-grid/everything.js';
import { openEmbedded, openTaskGrid } from '../../src/grids/htc-grid/index.js';
import type { TaskItem } from '../../src/grids/htc-grid/item.js';
import { SessionLog } from '../../src/grids/htc-grid/session-log.js';
import { SessionLogs } from '../../src/grids/htc-grid/session-logs.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { statusOf, taskIdOf } from '../../src/grids/htc-grid/status.js';
import type { NativeState } from '../../src/grids/htc-grid/status.js';
import { submissionPayload } from '../../src/grids/htc-grid/submission-payload.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { TableWriter } from '../../src/grids/htc-grid/table-writer.js';
import { collect, live, plain, tasksOf } from './support.js';

const change = (index: number, state: NativeState, retries = 0): TaskChange => ({
  taskId: taskIdOf('s', index),
  sessionId: 's',
  state,
  retries,
  completedAt: state === 'finished' ? 1000 + index : 0,
});

describe('a session log', () => {
  it('tells each completion once, in whatever order and however often it hears of it', () => {
    const state = new SessionLog('s');
    state.apply([change(0, 'pending'), change(1, 'pending'), change(2, 'pending')]);
    state.apply([change(0, 'finished'), change(0, 'processing'), change(0, 'pending')]);
    state.apply([change(0, 'finished'), change(1, 'processing')]);
    expect(state.log.read(0, 10).map(({ taskId }) => taskId)).toEqual(['s_0']);
    expect(state.progress()).toMatchObject({
      total: 3,
      terminal: 1,
      byState: [
        { state: 'QUEUED', count: 1 },
        { state: 'RUNNING', count: 1 },
        { state: 'SUCCEEDED', count: 1 },
      ],
    });
  });

  it('tells a task again that was given back and finished, and one that changed its mind', () => {
    const state = new SessionLog('s');
    state.apply([change(0, 'processing'), change(0, 'pending', 1), change(0, 'processing', 0)]);
    expect(state.stateOf('s_0')).toBe('pending');
    state.apply([change(0, 'finished', 1)]);
    state.apply([change(0, 'cancelled', 1)]);
    expect(state.log.read(0, 10).map((entry) => entry.state)).toEqual(['SUCCEEDED', 'CANCELLED']);
    expect(new Set(state.log.read(0, 10).map(({ revision }) => revision)).size).toBe(2);
    expect(state.progress()).toMatchObject({ total: 1, terminal: 1 });
  });

  it('is complete only when the number of tasks is known and all have ended', () => {
    const state = new SessionLog('s');
    state.apply([change(0, 'finished')]);
    expect(state.log.complete).toBe(false);
    state.expect(2);
    expect(state.log.complete).toBe(false);
    state.apply([change(1, 'failed')]);
    expect(state.log.complete).toBe(true);
  });

  it('knows rate and estimate from what it saw in the last minute', () => {
    const state = new SessionLog('s');
    const tasks = Array.from({ length: 40 }, (_, index) => index);
    state.apply(tasks.map((index) => change(index, 'pending')));
    for (const index of tasks.slice(0, 10))
      state.apply([change(index, 'finished')], 100_000 + index * 1000);
    const { ratePerMinute, etaAt } = state.progress(110_000);
    expect(ratePerMinute).toBeCloseTo(60);
    expect(etaAt).toBe(140_000);
    expect(state.progress(500_000)).toMatchObject({ ratePerMinute: null, etaAt: null });
  });
});

describe('a log that is rebuilt', () => {
  const unused = { call: () => Promise.reject(new Error('No call was expected.')) };
  /** A table whose rows change while they are read. */
  function tableOf(rows: Map<string, TaskItem>, during: () => void): TableReader {
    const reader = new TableReader(connectLocally({ table: 't', dynamo: unused }));
    vi.spyOn(reader, 'sessionPages').mockImplementation(async function* () {
      yield [...rows.values()];
    });
    vi.spyOn(reader, 'items').mockImplementation(async (ids) => {
      const found = new Map(ids.map((id) => [id, rows.get(id) as TaskItem]));
      during();
      return found;
    });
    return reader;
  }
  const item = (index: number, state: NativeState): TaskItem => ({
    ...change(index, state),
    status: statusOf(state, 's'),
    owner: 'w',
    submittedAt: 0,
    priority: 0,
    heartbeatSec: 1,
  });

  it('neither loses nor doubles what happens between attaching and reading', async () => {
    const hub = new ChangeHub();
    const rows = new Map(
      [item(0, 'finished'), item(1, 'processing'), item(2, 'pending')].map((row) => [
        row.taskId,
        row,
      ]),
    );
    const logs = new SessionLogs({
      grid: 'g',
      source: hub,
      everything: new Everything({ grid: 'g', hasSource: () => true }),
      expected: async () => 3,
      reader: tableOf(rows, () => {
        // Told twice over: by the table that is being read, and live.
        hub.emit('s', [change(0, 'finished'), change(1, 'finished')]);
      }),
    });
    const log = await logs.follow('s', live());
    hub.emit('s', [change(2, 'processing'), change(1, 'finished')]);
    hub.emit('s', [change(2, 'finished')]);
    expect((await collect(log)).map(({ taskId }) => taskId)).toEqual(['s_0', 's_1', 's_2']);
    await logs.stop();
  });

  it('is built anew once a task of a complete session has changed', async () => {
    const hub = new ChangeHub();
    const rows = new Map([['s_0', item(0, 'finished')]]);
    const logs = new SessionLogs({
      grid: 'g',
      source: hub,
      everything: new Everything({ grid: 'g', hasSource: () => true }),
      expected: async () => 1,
      reader: tableOf(rows, () => undefined),
    });
    const first = await logs.follow('s', live());
    expect(first.complete).toBe(true);
    expect(await logs.follow('s', live())).toBe(first);
    rows.set('s_0', item(0, 'cancelled'));
    hub.emit('s', [change(0, 'cancelled')]);
    const second = await logs.follow('s', live());
    expect(second.epoch).not.toBe(first.epoch);
    expect(second.read(0, 10)).toMatchObject([{ taskId: 's_0', state: 'CANCELLED' }]);
    await logs.stop();
  });

  it('leaves nothing of itself with a stream that goes on with the next one', async () => {
    let lose: (error: Error) => void = () => undefined;
    const logs = new SessionLogs({
      grid: 'g',
      source: {
        watch: async (_session, { lost }) => {
          lose = lost;
        },
      },
      everything: new Everything({ grid: 'g', hasSource: () => true }),
      expected: async () => undefined,
      reader: tableOf(new Map([['s_0', item(0, 'pending')]]), () => undefined),
    });
    const stream = live();
    for (let n = 0; n < 3; n++) {
      await logs.follow('s', stream);
      lose(new Error('no source'));
    }
    const last = await logs.follow('s', stream);
    expect(getEventListeners(stream, 'abort')).toHaveLength(1);
    expect(await logs.follow('s', live())).toBe(last);
    await logs.stop();
    expect(getEventListeners(stream, 'abort')).toHaveLength(0);
  });

  it('is one for all who ask at once, and an unknown session is NOT_FOUND', async () => {
    const hub = new ChangeHub();
    const reader = tableOf(new Map([['s_0', item(0, 'pending')]]), () => undefined);
    const logs = new SessionLogs({
      grid: 'g',
      source: hub,
      everything: new Everything({ grid: 'g', hasSource: () => true }),
      expected: async () => undefined,
      reader,
    });
    const [a, b] = await Promise.all([logs.follow('s', live()), logs.follow('s', live())]);
    expect(a).toBe(b);
    vi.spyOn(reader, 'sessionPages').mockImplementation(async function* () {
      // No rows at all.
    });
    await expect(logs.follow('other', live())).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await logs.stop();
  });

  it('is dropped for newer ones only when nobody holds it', async () => {
    const hub = new ChangeHub();
    const logs = new SessionLogs({
      grid: 'g',
      source: hub,
      everything: new Everything({ grid: 'g', hasSource: () => true }),
      expected: async () => undefined,
      reader: tableOf(new Map([['s_0', item(0, 'pending')]]), () => undefined),
      maxLogs: 2,
    });
    const holder = new AbortController();
    const held = await logs.follow('held', holder.signal);
    for (const name of ['a', 'b', 'c']) {
      const gone = new AbortController();
      await logs.follow(name, gone.signal);
      gone.abort();
    }
    expect(await logs.follow('held', live())).toBe(held);
    expect(logs.peek('a')).toBeUndefined();
    expect(logs.peek('c')).toBeDefined();
    await logs.stop();
  });
});

describe('an embedded grid in a folder', () => {
  it('goes on after a restart: sessions, owners, outputs, open tasks and logs', async () => {
    const path = await mkdtemp(join(tmpdir(), 'htc-graph-grid-'));
    const settings = { name: 'g', path, workers: { concurrency: 2 } };
    const first = await openEmbedded(settings);
    const done = await first.submit(plain([1, 2], { idempotencyKey: 'k' }), live());
    const doneId = done.session?.nativeId ?? '';
    const before = await collect(await first.follow(doneId, live()));
    const slow = await first.submit(plain([{ sleepMs: 300 }, 2, 3, 4]), live());
    const slowId = slow.session?.nativeId ?? '';
    await first.stop();

    const second = await openEmbedded(settings);
    try {
      const after = await collect(await second.follow(doneId, live()));
      const byId = (a: { taskId: string }, b: { taskId: string }) => (a.taskId < b.taskId ? -1 : 1);
      const told = ({ taskId, revision, state }: (typeof after)[0]) => ({
        taskId,
        revision,
        state,
      });
      expect(after.sort(byId).map(told)).toEqual(before.sort(byId).map(told));
      const entries = await collect(await second.follow(slowId, live()));
      expect(entries.map(({ taskId }) => taskId).sort()).toEqual(slow.taskIds);
      const [session] = await second.findSessions([slowId], live());
      expect(session).toMatchObject({ owner: 'ada', submission: { expected: 4 } });
      expect((await second.payload(`${slowId}_3`, 'output', 100, live()))?.json).toMatchObject({
        result: 4,
      });
      const again = await second.submit(plain([1, 2], { idempotencyKey: 'k' }), live());
      expect(again).toMatchObject({ replayed: true, session: { nativeId: doneId } });
    } finally {
      await second.stop();
      await rm(path, { recursive: true });
    }
  });

  it('is refused to a second process while the first has it', async () => {
    const path = await mkdtemp(join(tmpdir(), 'htc-graph-grid-'));
    const first = await openEmbedded({ name: 'g', path });
    try {
      await expect(openEmbedded({ name: 'g', path })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      expect((await first.health(live())).status).toBe('OK');
    } finally {
      await first.stop();
      await rm(path, { recursive: true });
    }
  });
});

describe('a deployed grid', () => {
  it('is read, followed and cancelled over the wire; what its workers do is seen by polling', async () => {
    const dynamo = await startDynamoDb(undefined);
    const connection = connectLocally({ table: 'deployed', dynamo });
    await new TableReader(connection).create(undefined);
    const worker = new TableWriter(connection);
    const data = new MemoryDataPlane();
    const calls: Call[] = [];
    const grid = await openTaskGrid({
      name: 'prod',
      table: {
        table: 'deployed',
        region: 'eu-west-1',
        endpoint: dynamo.endpoint,
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      },
      data,
      poll: { fastestMs: 20, slowestMs: 100 },
      onCall: (call) => calls.push(call),
    });
    try {
      const session = newSessionId();
      const ids = tasksOf(session, 5).map(({ taskId }) => taskId);
      await data.put([
        ...ids.map((id) => [inputKey(id), encodeInput({ a: 1 })] as const),
        [submissionKey(session), encodeSubmission(submissionPayload(session, ids, 0, 0))],
      ]);
      await worker.insert(tasksOf(session, 5), live());
      const run = async (id: string | undefined, output: string) => {
        await worker.claim(id ?? '', 'pod-1', 1, 'h');
        await data.put([[outputKey(id ?? ''), encodeOutput(output)]]);
        await worker.finish(id ?? '', 'pod-1', 1000);
      };
      await run(ids[0], '5');
      const log = await grid.follow(session, live());
      expect(log.read(0, 10)).toMatchObject([{ taskId: ids[0], state: 'SUCCEEDED' }]);
      expect(grid.coverage()).toBe('FOLLOWED');
      expect(await grid.followAll(live())).toBe(await grid.followAll(live()));
      const { components } = await grid.health(live());
      expect(components.find(({ name }) => name === 'completion source')).toMatchObject({
        status: 'OK',
        detail: expect.stringMatching(/^Polling, since 20.*has no stream/) as string,
        count: 1,
      });
      await run(ids[1], '{"errorMessage":"bad","errorType":"ValueError"}');
      await log.changed(1, AbortSignal.timeout(60_000));
      expect(log.read(1, 10)).toMatchObject([{ taskId: ids[1] }]);
      expect(await grid.findTasks([ids[1] ?? ''], live(), failureOnly)).toMatchObject([
        { failure: { kind: 'FUNCTION_ERROR', message: 'ValueError: bad' }, owner: null },
      ]);
      calls.length = 0;
      const [progress] = await grid.progress([session], live());
      expect(progress).toMatchObject({ total: 5, terminal: 2 });
      expect(calls).toEqual([]);
      await worker.claim(ids[2] ?? '', 'pod-1', 1, 'h');
      const [cancelled] = await grid.cancel([session], false, live());
      expect(cancelled).toMatchObject({
        status: 'DONE',
        cancelledPending: 2,
        cancelledProcessing: 1,
        totalCancelledTasks: 3,
        alreadyTerminal: 2,
        session: { nativeId: session, owner: null },
      });
      expect((await collect(log)).map(({ taskId }) => taskId).sort()).toEqual(ids);
      expect((await grid.cancel([session], false, live()))[0]?.status).toBe('ALREADY_DONE');
      expect((await grid.cancel(['nobody'], false, live()))[0]?.status).toBe('NOT_FOUND');
      expect(grid.capabilities()).not.toContain('SUBMIT');
      await expect(grid.submit(plain([1]), live())).rejects.toMatchObject({
        code: 'CAPABILITY_MISSING',
      });
    } finally {
      await grid.stop();
      connection.close();
      await dynamo.stop();
    }
  });

  it('that goes away is DOWN, its reads say so, and its logs are lost', async () => {
    const dynamo = await startDynamoDb(undefined);
    const grid = await openTaskGrid({
      name: 'prod',
      table: {
        table: 'deployed',
        region: 'eu-west-1',
        endpoint: dynamo.endpoint,
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      },
      poll: { fastestMs: 5, slowestMs: 10, failures: 2 },
    });
    const connection = connectLocally({ table: 'deployed', dynamo });
    await new TableReader(connection).create(undefined);
    const session = newSessionId();
    await new TableWriter(connection).insert(tasksOf(session, 1), live());
    const log = await grid.follow(session, live());
    expect((await grid.health(live())).status).toBe('OK');
    connection.close();
    await dynamo.stop();
    expect(await grid.health(live())).toMatchObject({ status: 'DOWN' });
    const [progress] = await grid.progress(['some-session'], live());
    expect(progress).toMatchObject({ code: 'UNAVAILABLE' });
    await log.changed(0, AbortSignal.timeout(60_000));
    expect(log.lost).toMatchObject({ code: 'UNAVAILABLE' });
    await grid.stop();
  });
});

const failureOnly = { fields: new Set(['failure', 'owner']), attributes: new Set<string>() };
