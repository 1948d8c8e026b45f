/** Sessions that replicas follow together: one reads the table, all know, and nothing is lost when one of them goes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { Call } from '../../src/grids/htc-grid/calls.js';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { SharedSession } from '../../src/grids/htc-grid/shared-session.js';
import { parseStatus } from '../../src/grids/htc-grid/status.js';
import type { Completion } from '../../src/grids/tasks.js';
import { SharedRedis } from '../../src/replicas/shared-redis.js';
import { encodeCursor, follow, resolveDelivery, SharedLogs } from '../../src/streams/index.js';
import type { CompletionLog } from '../../src/streams/log.js';
import { describeReal, type RedisServer } from '../real/index.js';
import { HandClock } from '../streams/hand-clock.js';
import { lead } from '../streams/shared-world.js';
import { type Deployment, deploy } from './deployed.js';
import { collect, live, plain, tasksOf } from './support.js';

const patience = { interval: 10 };
const soon = () => AbortSignal.timeout(60_000);
/** Longer than any pause of the machine: nobody takes over. */
const steadyMs = 60_000;

interface Replica {
  readonly grid: HtcGrid;
  readonly redis: SharedRedis;
  readonly calls: Call[];
  /** It is gone, as far as Redis and the others can tell. */
  die(): void;
  stop(): Promise<void>;
}

describeReal('redis', 'sessions that replicas follow', (real) => {
  let server: RedisServer;
  let at: Deployment;
  const replicas: Replica[] = [];
  beforeAll(async () => {
    [server, at] = await Promise.all([real.start(), deploy()]);
  });
  afterEach(async () => {
    for (const replica of replicas.splice(0)) await replica.stop();
  });
  afterAll(async () => {
    await at.stop();
    await server.stop();
  });

  async function open({ url = server.url, leaseMs = 900 } = {}): Promise<Replica> {
    const redis = await SharedRedis.open({ url, leaseMs });
    const calls: Call[] = [];
    const onCall = (call: Call) => {
      calls.push(call);
    };
    const grid = await at.open({ replicas: redis, onCall, lingerMs: 50 });
    const replica = {
      grid,
      redis,
      calls,
      die: () => {
        redis.stop();
      },
      stop: async () => {
        await grid.stop();
        redis.stop();
      },
    };
    replicas.push(replica);
    return replica;
  }
  const finish = async (...taskIds: readonly string[]) => {
    for (const taskId of taskIds) {
      await at.writer.claim(taskId, 'pod-1', Math.ceil(Date.now() / 1000) + 30, 'handle');
      await at.writer.finish(taskId, 'pod-1', Date.now());
    }
  };
  const session = async (tasks: number) => {
    const id = newSessionId();
    const rows = tasksOf(id, tasks);
    await at.writer.insert(rows, live());
    return { id, rows, taskIds: rows.map(({ taskId }) => taskId) };
  };
  const has = async (log: CompletionLog<Completion>, entries: number) => {
    while (log.end < entries && log.lost === undefined) await log.changed(log.end, soon());
    expect(log.lost).toBeUndefined();
    return log.read(0, 10_000);
  };
  const reads = ({ calls }: Replica) => calls.filter(({ kind }) => /read|query/i.test(kind)).length;
  const idsOf = (entries: readonly Completion[]) => entries.map(({ taskId }) => taskId).sort();

  it('are read by one of them, and known to all: entries, counts and the end', async () => {
    const [a, b] = [await open({ leaseMs: steadyMs }), await open({ leaseMs: steadyMs })];
    const { session: made, taskIds } = await a.grid.submit(plain([1, 2, 3]), live());
    const id = made?.nativeId ?? '';
    const first = await a.grid.follow(id, live());
    const before = reads(b);
    const second = await b.grid.follow(id, live());
    await finish(...taskIds.slice(0, 2));
    await Promise.all([has(first, 2), has(second, 2)]);
    expect(second.read(0, 10)).toEqual(first.read(0, 10));
    expect([second.name, second.epoch]).toEqual([first.name, first.epoch]);
    expect(b.grid.position(id)).toEqual(a.grid.position(id));
    for (const { grid } of [a, b]) {
      const [progress] = await grid.progress([id], live());
      expect(progress).toMatchObject({ total: 3, terminal: 2 });
    }
    expect(reads(b)).toBe(before);
    expect(reads(a)).toBeGreaterThan(0);
    await finish(...taskIds.slice(2));
    for (const log of [first, second])
      expect(idsOf(await collect(log))).toEqual([...taskIds].sort());
    const [progress] = await b.grid.progress([id], live());
    expect(progress).toMatchObject({ total: 3, terminal: 3 });
  });

  it('go on where one of them dies: at the same positions, with what happened meanwhile, each once', async () => {
    const [a, b] = [await open(), await open()];
    const { id, taskIds } = await session(20);
    const first = await a.grid.follow(id, live());
    const second = await b.grid.follow(id, live());
    await finish(...taskIds.slice(0, 8));
    const before = await has(second, 8);
    a.die();
    await finish(...taskIds.slice(8, 15));
    const after = await has(second, 15);
    expect(after.slice(0, 8)).toEqual(before);
    expect(idsOf(after)).toEqual(taskIds.slice(0, 15).sort());
    expect(second.epoch).toBe(first.epoch);
    await finish(...taskIds.slice(15));
    expect(idsOf(await has(second, 20))).toEqual([...taskIds].sort());
  });

  it('tell what changed while none of them followed, and nothing twice', async () => {
    const a = await open();
    const { id, rows, taskIds } = await session(4);
    const [kept = '', cancelled = '', again = '', open4 = ''] = taskIds;
    await finish(kept, cancelled, again);
    await has(await a.grid.follow(id, live()), 3);
    a.die();
    // As the grid's own cancel, and as a task that is submitted again.
    const image = async (taskId: string, values: object) => {
      const row = rows.find((one) => one.taskId === taskId);
      await at.writer.insert([{ ...row, ...values } as (typeof rows)[0]], live());
    };
    await image(again, { submittedAt: 1795302621626 + 86_400_000 });
    await finish(again);
    await at.writer.cancel(open4, 'pending', live());
    const b = await open();
    const log = await b.grid.follow(id, live());
    const entries = await has(log, 5);
    expect(entries.slice(3).map(({ taskId, state }) => [taskId, state])).toEqual(
      expect.arrayContaining([
        [again, 'SUCCEEDED'],
        [open4, 'CANCELLED'],
      ]),
    );
    expect(new Set(entries.map(({ taskId, revision }) => `${taskId} ${revision}`)).size).toBe(5);
    await vi.waitFor(async () => {
      const [progress] = await b.grid.progress([id], live());
      expect(progress).toMatchObject({ total: 4, terminal: 4 });
    }, patience);
  });

  it('keep positions over a restart of all of them: a cursor goes on without a gap', async () => {
    const a = await open();
    const { id, taskIds } = await session(6);
    await finish(...taskIds.slice(0, 3));
    const before = await a.grid.follow(id, live());
    await has(before, 3);
    const cursor = encodeCursor([{ log: before.name, epoch: before.epoch, position: 2 }]);
    await a.stop();
    await finish(...taskIds.slice(3, 5));
    const b = await open();
    const log = await b.grid.follow(id, live());
    const start = { kind: 'after', cursor } as const;
    const frames = follow([log], { start, delivery: resolveDelivery({ maxWaitMs: 0 }) });
    const told: string[] = [];
    for await (const frame of frames) {
      expect(frame.kind).not.toBe('GAP');
      told.push(...frame.entries.map(({ taskId }) => taskId));
      if (told.length >= 3) break;
    }
    expect(told.sort()).toEqual(idsOf((await has(log, 5)).slice(2)));
    expect(told).toEqual(expect.arrayContaining(taskIds.slice(3, 5)));
  });

  it('are not waited for without end where the one that leads does not get to the end of the table', async () => {
    const redis = await SharedRedis.open({ url: server.url, leaseMs: 900 });
    const [stuck, waiting] = [new SharedLogs(redis), new SharedLogs(redis)];
    try {
      const clock = new HandClock();
      await lead(stuck.open('htc:prod:stuck'));
      const none = { watch: () => Promise.reject(new Error('It has no source.')) };
      const shared = new SharedSession({
        ...{ session: 'stuck', name: 'htc:prod:stuck', shared: waiting, clock, source: none },
        ...{ reader: at.reader, expected: () => Promise.resolve(1), heard: () => undefined },
      });
      const built = shared.built(soon());
      const outcome = expect(built).rejects.toThrow('No replica has read the session in 120 s');
      await vi.waitFor(() => expect(shared.log.isRead).toBe(true), patience);
      await clock.advance(120_000);
      await outcome;
    } finally {
      await Promise.all([stuck.stop(), waiting.stop()]);
      redis.stop();
    }
  });

  it('are not there for those that the grid does not have', async () => {
    const [a, b] = [await open(), await open()];
    const unknown = newSessionId();
    for (const { grid } of [a, b])
      await expect(grid.follow(unknown, live())).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('begin anew where Redis lost them: a gap, then all that the table has', async () => {
    const [a, b] = [await open(), await open()];
    const { id, taskIds } = await session(5);
    await finish(...taskIds.slice(0, 3));
    const holder = live();
    const logs = [await a.grid.follow(id, holder), await b.grid.follow(id, holder)];
    const told = new Set<string>();
    const kinds: string[] = [];
    const reading = Promise.all(
      [a, b].map(async ({ grid }, index) => {
        const frames = follow([logs[index] as CompletionLog<Completion>], {
          start: { kind: 'snapshot' },
          delivery: resolveDelivery({ maxWaitMs: 0 }),
          signal: soon(),
          reopen: () => grid.follow(id, holder),
        });
        const own = new Set<string>();
        for await (const { kind, entries } of frames) {
          kinds.push(kind);
          for (const { taskId } of entries) own.add(taskId);
          if (own.size === 5) break;
        }
        for (const taskId of own) told.add(`${String(index)} ${taskId}`);
      }),
    );
    await vi.waitFor(() => {
      expect(kinds.filter((kind) => kind === 'SYNCED')).toHaveLength(2);
    }, patience);
    await a.redis.run((redis) => redis.flushall());
    await finish(...taskIds.slice(3));
    await reading;
    expect(kinds.filter((kind) => kind === 'GAP')).toHaveLength(2);
    expect(told.size).toBe(10);
    const rows = await at.reader.items(taskIds, live());
    for (const { status } of rows.values()) expect(parseStatus(status).state).toBe('SUCCEEDED');
  });

  it('stand still without Redis, counted by the table, and go on where it is back with its data', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'htc-sessions-'));
    const kept = ['--dir', dir, '--appendonly', 'yes', '--appendfsync', 'always'];
    const first = await real.start(...kept);
    let again: RedisServer | undefined;
    try {
      const [a, b] = [await open(first), await open(first)];
      const { id, taskIds } = await session(6);
      await finish(...taskIds.slice(0, 2));
      const logs = [await a.grid.follow(id, live()), await b.grid.follow(id, live())] as const;
      await Promise.all(logs.map((log) => has(log, 2)));
      process.kill(first.pid, 'SIGKILL');
      await finish(...taskIds.slice(2, 4));
      await vi.waitFor(async () => {
        const [progress] = await b.grid.progress([id], live());
        expect(progress).toMatchObject({ total: 6, terminal: 4 });
      }, patience);
      for (const log of logs) expect([log.end, log.lost]).toEqual([2, undefined]);
      again = await real.start(...kept, '--port', String(first.port));
      await finish(...taskIds.slice(4));
      for (const log of logs) expect(idsOf(await has(log, 6))).toEqual([...taskIds].sort());
    } finally {
      for (const replica of replicas.splice(0)) await replica.stop();
      await again?.stop();
      await first.stop();
      await rm(dir, { recursive: true });
    }
  });

  it('free their leases when nobody follows any more', async () => {
    const [a, b] = [await open({ leaseMs: steadyMs }), await open({ leaseMs: steadyMs })];
    const { id } = await session(1);
    const holder = new AbortController();
    await a.grid.follow(id, holder.signal);
    const lease = a.redis.key('log-1', `{htc:prod:${id}}`, 'lease');
    const held = () => a.redis.run((redis) => redis.exists(lease));
    expect(await held()).toBe(1);
    holder.abort();
    await vi.waitFor(async () => {
      expect(await held()).toBe(0);
    }, patience);
    await b.grid.follow(id, live());
    expect(await held()).toBe(1);
  });
});
