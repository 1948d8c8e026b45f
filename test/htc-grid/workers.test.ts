/** Workers that are cancelled, vanish, lose their claim or fill the store. */
import { afterEach, beforeAll, afterAll, describe, expect, it, vi } from 'vitest';
import { Refused } from '../../src/grids/htc-grid/calls.js';
import type { TaskChange } from '../../src/grids/htc-grid/change.js';
import { connectLocally } from '../../src/grids/htc-grid/connection-local.js';
import type { Connection } from '../../src/grids/htc-grid/connection.js';
import { inputKey, outputKey } from '../../src/grids/htc-grid/data-plane.js';
import { MemoryDataPlane } from '../../src/grids/htc-grid/data-plane-memory.js';
import type { LocalDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { startDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { decodeText, encodeInput } from '../../src/grids/htc-grid/encoding.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { parseStatus, taskIdOf } from '../../src/grids/htc-grid/status.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { TableWriter } from '../../src/grids/htc-grid/table-writer.js';
import type { TaskFunction } from '../../src/grids/htc-grid/task-function.js';
import { demonstrationTask } from '../../src/grids/htc-grid/demonstration.js';
import { InlineExecutor } from '../../src/grids/htc-grid/executor-inline.js';
import { loadTaskFunction } from '../../src/grids/htc-grid/task-function.js';
import { TaskQueue } from '../../src/grids/htc-grid/task-queue.js';
import type { WorkersSettings } from '../../src/grids/htc-grid/workers.js';
import { Workers } from '../../src/grids/htc-grid/workers.js';
import { deferred, live, tasksOf } from './support.js';

describe('workers', () => {
  let dynamo: LocalDynamoDb;
  let connection: Connection;
  let reader: TableReader;
  let writer: TableWriter;
  let data: MemoryDataPlane;
  let workers: Workers | undefined;
  const changes: TaskChange[] = [];
  const errors: unknown[] = [];

  beforeAll(async () => {
    dynamo = await startDynamoDb(undefined);
    connection = connectLocally({ table: 'tasks', dynamo });
    reader = new TableReader(connection);
    writer = new TableWriter(connection);
    await reader.create(undefined);
  });
  afterAll(async () => {
    connection.close();
    await dynamo.stop();
  });
  afterEach(async () => {
    await workers?.stop();
    workers = undefined;
    changes.length = 0;
    errors.length = 0;
  });

  const open = (run: TaskFunction, more: Partial<WorkersSettings> = {}): Workers => {
    workers = new Workers({
      reader,
      writer,
      data,
      executor: new InlineExecutor(run, 1_000_000),
      emit: (_session, news) => changes.push(...news),
      isOver: () => false,
      onError: (error) => errors.push(error),
      ...more,
    });
    return workers;
  };
  const submitted = async (inputs: readonly unknown[], store = new MemoryDataPlane()) => {
    data = store;
    const session = newSessionId();
    const ids = inputs.map((_input, index) => taskIdOf(session, index));
    await data.put(ids.map((id, index) => [inputKey(id), encodeInput(inputs[index])]));
    await writer.insert(tasksOf(session, inputs.length), live());
    return ids;
  };
  const stateOf = async (id: string | undefined) => {
    const row = (await reader.items([id ?? ''], live(), { consistent: true })).get(id ?? '');
    return { state: parseStatus(row?.status ?? '').native, retries: row?.retries };
  };
  const path = (id: string | undefined) =>
    changes.filter(({ taskId }) => taskId === id).map(({ state }) => state);

  it('run at most as many tasks at once as they are, larger priorities first', async () => {
    const ids = await submitted([0, 1, 2, 3, 4, 5]);
    let running = 0;
    let most = 0;
    const order: unknown[] = [];
    const done = open(
      async (task) => {
        order.push(task);
        most = Math.max(most, ++running);
        await new Promise(setImmediate);
        running--;
      },
      { concurrency: 1 },
    );
    done.enqueue(ids.slice(0, 1), 0);
    done.enqueue(ids.slice(1, 4), 0);
    done.enqueue(ids.slice(4), 7);
    await vi.waitFor(async () => {
      expect(changes.filter(({ state }) => state === 'finished')).toHaveLength(6);
    });
    expect(order).toEqual([0, 4, 5, 1, 2, 3]);
    expect(most).toBe(1);
  });

  it('make a finished task of a function that throws, with the error as its output', async () => {
    const [id = ''] = await submitted([{ fail: 'boom' }]);
    open(demonstrationTask).enqueue([id], 0);
    await vi.waitFor(() => {
      expect(path(id)).toEqual(['processing', 'finished']);
    });
    const output = await data.get(outputKey(id), Infinity);
    expect(JSON.parse(decodeText(output?.text ?? ''))).toMatchObject({
      errorMessage: 'boom',
      errorType: 'Error',
      requestId: id,
      stackTrace: expect.any(Array) as unknown,
    });
  });

  it('stop a function whose task is cancelled, and its result is nobody’s', async () => {
    const [id = ''] = await submitted(['x']);
    const started = deferred<AbortSignal>();
    const pool = open(async (_task, { signal }) => {
      started.resolve(signal);
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          resolve('too late');
        });
      });
    });
    pool.enqueue([id], 0);
    const signal = await started.promise;
    await writer.cancel(id, 'processing');
    pool.abort(id);
    expect(signal.aborted).toBe(true);
    await vi.waitFor(() => {
      expect(pool.running).toBe(0);
    });
    expect(await stateOf(id)).toMatchObject({ state: 'cancelled' });
    expect(await data.get(outputKey(id), 10)).toBeUndefined();
    expect(errors).toEqual([]);
  });

  it('notice by their heartbeat that a task is no longer theirs', async () => {
    const [id = ''] = await submitted(['x']);
    const aborted = deferred<void>();
    open(
      async (_task, { signal }) => {
        await writer.cancel(id, 'processing');
        signal.addEventListener('abort', () => {
          aborted.resolve();
        });
        return new Promise(() => undefined);
      },
      { heartbeatEveryMs: 10 },
    ).enqueue([id], 0);
    await aborted.promise;
    expect(await stateOf(id)).toMatchObject({ state: 'cancelled' });
  });

  it('renew their claim while a function runs', async () => {
    const [id = ''] = await submitted(['x']);
    const end = deferred<void>();
    open(() => end.promise, { heartbeatEveryMs: 10, heartbeatMs: 60_000 }).enqueue([id], 0);
    await vi.waitFor(() => {
      expect(path(id)).toEqual(['processing']);
    });
    const before = (await reader.items([id], live())).get(id)?.heartbeatSec ?? 0;
    await vi.waitFor(
      async () => {
        const now = (await reader.items([id], live())).get(id)?.heartbeatSec ?? 0;
        expect(now).toBeGreaterThan(before);
      },
      { timeout: 10_000 },
    );
    end.resolve();
    await vi.waitFor(() => {
      expect(path(id)).toEqual(['processing', 'finished']);
    });
  });

  it('take over a task whose worker has vanished', async () => {
    const [id = ''] = await submitted(['x']);
    await writer.claim(id, 'vanished', Math.floor(Date.now() / 1000) - 5, 'h');
    const pool = open(() => 'done');
    await pool.expire();
    await vi.waitFor(() => {
      expect(path(id)).toEqual(['pending', 'processing', 'finished']);
    });
    expect(await stateOf(id)).toEqual({ state: 'finished', retries: 1 });
    await expect(writer.finish(id, 'vanished', 1)).rejects.toThrow(Refused);
  });

  it('leave a task alone whose worker still renews its claim', async () => {
    const [id = ''] = await submitted(['x']);
    await writer.claim(id, 'alive', Math.floor(Date.now() / 1000) + 60, 'h');
    await open(() => 'done').expire();
    expect(await stateOf(id)).toEqual({ state: 'processing', retries: 0 });
  });

  it('fail a task after five retries, and give none of its attempts away', async () => {
    class Full extends MemoryDataPlane {
      attempts = 0;
      override async put(entries: Iterable<readonly [string, string]>): Promise<void> {
        const all = [...entries];
        if (all.some(([key]) => key.endsWith('-output'))) {
          this.attempts++;
          throw new Error('full');
        }
        await super.put(all);
      }
    }
    const store = new Full();
    const [id = ''] = await submitted(['x'], store);
    open(() => 'done').enqueue([id], 0);
    await vi.waitFor(() => {
      expect(path(id).at(-1)).toBe('failed');
    });
    expect(store.attempts).toBe(6);
    expect(await stateOf(id)).toEqual({ state: 'failed', retries: 5 });
    expect(errors).toHaveLength(6);
  });

  it('give back a task without an input until it fails', async () => {
    const [id = ''] = await submitted(['x']);
    data = new MemoryDataPlane();
    open(() => 'never').enqueue([id], 0);
    await vi.waitFor(() => {
      expect(path(id).at(-1)).toBe('failed');
    });
  });

  it('take up what an earlier process left: claimed tasks as retries, waiting ones as they are', async () => {
    const ids = await submitted(['a', 'b', 'c']);
    await writer.claim(ids[0] ?? '', 'gone', Math.floor(Date.now() / 1000) + 1000, 'h');
    await open(() => 'done').start(true);
    await vi.waitFor(() => {
      expect(ids.map((id) => path(id).at(-1))).toEqual(['finished', 'finished', 'finished']);
    });
    expect(await Promise.all(ids.map(async (id) => (await stateOf(id)).retries))).toEqual([
      1, 0, 0,
    ]);
  });
});

describe('the queue', () => {
  it('gives ids by priority, each in order, however many there are', () => {
    const queue = new TaskQueue();
    const many = Array.from({ length: 5000 }, (_, n) => `a${String(n)}`);
    queue.push(many, 1);
    queue.push(['low'], 0);
    queue.push(['high'], 2);
    expect(queue.size).toBe(5002);
    const taken = Array.from({ length: 5002 }, () => queue.shift());
    expect(taken).toEqual(['high', ...many, 'low']);
    expect(queue.shift()).toBeUndefined();
    expect(queue.size).toBe(0);
  });
});

describe('the task function', () => {
  const context = { signal: live(), taskId: 's_0', sessionId: 's' };
  it('of a grid without a module computes, echoes, and refuses to work without end', async () => {
    expect(await demonstrationTask({ fibonacci: 90 }, context)).toMatchObject({
      result: '2880067194370816120',
    });
    expect(await demonstrationTask({ worker_arguments: ['3', '1'] }, context)).toBe(3);
    expect(await demonstrationTask({ a: 1 }, context)).toMatchObject({ echo: { a: 1 } });
    await expect(demonstrationTask({ fibonacci: 1e9 }, context)).rejects.toThrow();
    await expect(demonstrationTask({ sleepMs: 1e9 }, context)).rejects.toThrow();
    await expect(
      demonstrationTask({ sleepMs: 60_000 }, { ...context, signal: AbortSignal.abort() }),
    ).rejects.toThrow();
  });

  it('of a module that is missing or exports something else is refused with what was expected', async () => {
    await expect(loadTaskFunction('./no-such-task.mjs')).rejects.toThrow(/can't be loaded/);
    await expect(loadTaskFunction('./test/htc-grid/support.ts')).rejects.toThrow(/default export/);
  });
});
