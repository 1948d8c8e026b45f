/** Which source tells of ends: the best that works, said in health with its reasons, left when it fails, taken again. */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TaskChange } from '../../src/grids/htc-grid/change.js';
import { completionOf, isLast } from '../../src/grids/htc-grid/change.js';
import { Everything } from '../../src/grids/htc-grid/everything.js';
import { Confirmation } from '../../src/grids/htc-grid/push/confirmation.js';
import { Keyspace } from '../../src/grids/htc-grid/push/keyspace.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { taskIdOf } from '../../src/grids/htc-grid/status.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { describeReal } from '../real/index.js';
import { HandClock } from '../streams/hand-clock.js';
import { patient, sessionIn } from './session-in.js';
import { live, tasksOf } from './support.js';
import type { Table, World } from './worlds.js';
import { keyspaceWorld, startTable, streamWorld } from './worlds.js';

let at: Table;
beforeAll(async () => {
  at = await startTable();
});
afterAll(async () => {
  await at.stop();
});
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const using = <W extends World>(world: W): W => {
  closing.push(() => world.stop());
  return world;
};
const says = (world: World, text: string, status = 'OK') =>
  vi.waitFor(async () => {
    expect(await world.health()).toMatchObject({
      status,
      detail: expect.stringContaining(text) as string,
    });
  }, patient);

async function follow(world: World, tasks: number, everything?: Everything) {
  const made = await sessionIn(world, tasks, { everything });
  const { session, logs } = made;
  closing.push(() => logs.stop());
  const log = await logs.follow(session, live());
  const has = (entries: number) =>
    vi.waitFor(() => {
      expect(log.end).toBe(entries);
    }, patient);
  return { ...made, log, has };
}

/** Reads of the table come to rest: the looks after attaching are over. */
async function rested(world: World): Promise<number> {
  let before = -1;
  await vi.waitFor(
    () => {
      const now = world.reads();
      const isSame = now === before;
      before = now;
      expect(isSame).toBe(true);
    },
    { ...patient, interval: 200 },
  );
  return before;
}

describe('the stream of the table', () => {
  it('is taken where there is one, and no completion costs a read', async () => {
    const world = using(await streamWorld(at, { checkMs: 60_000 }));
    await says(world, 'No session is followed now; used is the first that works of: the DynamoDB');
    const { taskIds, has } = await follow(world, 100);
    await says(world, 'The DynamoDB stream of the state table, since 20');
    await says(world, 'each followed session is checked every 60 s');
    const reads = await rested(world);
    for (const id of taskIds) await world.finish(id);
    await has(100);
    expect(world.reads()).toBe(reads);
  });

  it('is waited for when it was switched off: polled meanwhile, and taken when it is back', async () => {
    const world = using(await streamWorld(at));
    const { taskIds, has } = await follow(world, 3);
    const [first = '', second = '', third = ''] = taskIds;
    await world.finish(first);
    await has(1);
    await world.kill();
    await says(world, 'Polling, since');
    await says(world, 'Not the DynamoDB stream of the state table: The state table has no stream;');
    await world.finish(second);
    await has(2);
    await world.revive();
    await says(world, 'The DynamoDB stream');
    await world.finish(third);
    await has(3);
  });

  it('is left where its calls fail, which is said, and taken again', async () => {
    const world = using(await streamWorld(at));
    const { taskIds, has } = await follow(world, 2);
    world.stream.fail(...Array<string>(5000).fill('InternalServerError'));
    await says(world, 'Polling, since', 'DEGRADED');
    await world.finish(taskIds[0] ?? '');
    await has(1);
    world.stream.recover();
    await says(world, 'The DynamoDB stream');
    await world.finish(taskIds[1] ?? '');
    await has(2);
  });

  it('may not be read: the reason names the permissions, and nothing is degraded', async () => {
    const world = using(await streamWorld(at));
    world.stream.fail(...Array<string>(5000).fill('AccessDeniedException'));
    await follow(world, 1);
    await says(world, 'dynamodb:DescribeStream, GetShardIterator and GetRecords');
  });

  it('is not read any more some time after the last one has left', async () => {
    const world = using(await streamWorld(at, { lingerMs: 1 }));
    const { logs } = await follow(world, 1);
    await logs.stop();
    await says(world, 'No session is followed now');
    const asked = [...world.stream.calls.values()];
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect([...world.stream.calls.values()]).toEqual(asked);
    const again = await follow(world, 1);
    await world.finish(again.taskIds[0] ?? '');
    await again.has(1);
  });

  it('tells of all the grid, of sessions that nobody follows as well', async () => {
    const seen: string[] = [];
    const world = using(
      await streamWorld(at, {
        all: (changes) => seen.push(...changes.map(({ taskId, state }) => `${taskId} ${state}`)),
      }),
    );
    await follow(world, 1);
    const other = tasksOf(newSessionId(), 1)[0];
    await world.writer.insert(other === undefined ? [] : [other], live());
    await world.finish(other?.taskId ?? '');
    await vi.waitFor(() => {
      expect(seen).toContain(`${other?.taskId ?? ''} finished`);
    }, patient);
  });
});

describe('the log of everything', () => {
  it('is another one once ends may be missing: cursors of before get a gap', async () => {
    const interrupted = vi.fn();
    const world = using(await streamWorld(at, { lingerMs: 1, interrupted }));
    const { logs } = await follow(world, 1);
    expect(interrupted).not.toHaveBeenCalled();
    await logs.stop();
    await vi.waitFor(() => expect(interrupted).toHaveBeenCalled());

    const everything = new Everything({ grid: 'g', hasSource: () => true });
    const before = everything.log;
    everything.interrupted();
    expect(before.lost).toMatchObject({ code: 'UNAVAILABLE' });
    expect(everything.log.epoch).not.toBe(before.epoch);
    expect(everything.log.start).toBe(1);
  });

  const ends = (everything: Everything) =>
    everything.log.read(everything.log.start, 100).map(({ taskId, state }) => `${taskId} ${state}`);

  it('has an end that the stream did not tell once a look has found it, and every end once', async () => {
    const everything = new Everything({ grid: 'g', hasSource: () => true });
    const all = (changes: readonly TaskChange[]) => {
      const ended = changes.filter(({ state }) => isLast(state));
      everything.told(ended.map((change) => completionOf(change, 0)));
    };
    const world = using(await streamWorld(at, { all }));
    const { taskIds, has } = await follow(world, 4, everything);
    const [first = '', second = '', third = ''] = taskIds;
    await says(world, 'The DynamoDB stream');
    await world.finish(first);
    await has(1);
    await world.silence(true);
    await world.finish(second);
    await has(2);
    await world.silence(false);
    await world.finish(third);
    await has(3);
    expect(ends(everything)).toEqual([first, second, third].map((id) => `${id} SUCCEEDED`));
  });

  it('takes an end from who is first, and nothing that a log begins with', () => {
    let hasSource = true;
    const everything = new Everything({ grid: 'g', hasSource: () => hasSource });
    const end = (taskId: string) => [
      { taskId, revision: 'r', state: 'SUCCEEDED' as const, seenAt: 0 },
    ];
    everything.logged(end('past'), false);
    everything.told(end('a'));
    everything.logged(end('a'), true);
    everything.logged(end('b'), true);
    everything.told(end('b'));
    // Another life of the task.
    everything.told(end('a'));
    hasSource = false;
    everything.logged(end('c'), false);
    expect(everything.log.read(1, 10).map(({ taskId }) => taskId)).toEqual(['a', 'b', 'a', 'c']);
  });
});

describe('the two that tell of an end', () => {
  const told = (revision: string) => [
    { taskId: 't', revision, state: 'SUCCEEDED' as const, seenAt: 0 },
  ];
  const revisions = (everything: Everything) =>
    everything.log.read(1, 10).map(({ revision }) => revision);

  it('are told apart by its revision: a later end is no second telling of an earlier one', () => {
    const everything = new Everything({ grid: 'g', hasSource: () => true });
    everything.logged(told('fi0.a'), true);
    // The source never told of that one; the task was cancelled and submitted again.
    everything.told(told('fi0.b'));
    everything.logged(told('fi0.b'), true);
    everything.told(told('fi0.c'));
    everything.told(told('fi0.d'));
    everything.logged(told('fi0.c'), true);
    everything.logged(told('fi0.d'), true);
    expect(revisions(everything)).toEqual(['fi0.a', 'fi0.b', 'fi0.c', 'fi0.d']);
  });

  it('are one where a poll knows the state alone', () => {
    const everything = new Everything({ grid: 'g', hasSource: () => true });
    everything.told(told('fi0.a'));
    everything.logged(told('fi0.0'), true);
    everything.logged(told('fi0.0'), true);
    everything.told(told('fi0.b'));
    expect(revisions(everything)).toEqual(['fi0.a', 'fi0.0']);
  });
});

describe('a log of everything whose grid has been stopped', () => {
  it('is not complete, and nobody is let in any more', async () => {
    const everything = new Everything({ grid: 'g', hasSource: () => true });
    const log = await everything.follow(live());
    await everything.stop();
    expect(log.complete).toBe(false);
    expect(log.lost).toMatchObject({ code: 'UNAVAILABLE' });
    await expect(everything.follow(live())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('a choice that was forced', () => {
  it('is kept: no better one is tried, and one that is not there is degraded', async () => {
    const polled = using(await streamWorld(at, { choice: 'POLL' }));
    await follow(polled, 1);
    await says(polled, 'Polling, since');
    expect(polled.stream.calls.size).toBe(0);
    const keyspace = using(await streamWorld(at, { choice: 'KEYSPACE' }));
    const { taskIds, has } = await follow(keyspace, 1);
    await says(keyspace, 'KEYSPACE was asked for, and this grid has no such source', 'DEGRADED');
    await keyspace.finish(taskIds[0] ?? '');
    await has(1);
    const stream = using(await streamWorld(at, { choice: 'STREAMS' }));
    await stream.kill();
    await follow(stream, 1);
    await says(stream, 'Polling, since', 'DEGRADED');
  });
});

describeReal('redis', 'notifications of a Redis', (redis) => {
  it('tell of ends at the price of their rows; other sessions cost nothing', async () => {
    const world = using(await keyspaceWorld(at, redis, { slowestMs: 60_000 }));
    const { taskIds, has } = await follow(world, 20);
    await says(world, 'Redis keyspace notifications, confirmed by rows, since');
    const reads = await rested(world);
    const other = tasksOf(newSessionId(), 5);
    await world.writer.insert(other, live());
    for (const { taskId } of other) await world.finish(taskId);
    expect(world.reads()).toBe(reads);
    for (const id of taskIds) await world.finish(id);
    await has(20);
    // A read holds what was written within 20 ms; a row that lags behind its output is read up to six times.
    expect(world.reads() - reads).toBeLessThanOrEqual(6 * 20);
  });

  it('are left when they are switched off, and taken again', async () => {
    const world = using(await keyspaceWorld(at, redis));
    await world.silence(true);
    const { taskIds, has } = await follow(world, 2);
    await says(world, 'notify-keyspace-events is "", and K$ is needed');
    await world.silence(false);
    await says(world, 'Redis keyspace notifications, confirmed by rows, since');
    await world.finish(taskIds[0] ?? '');
    await has(1);
    await world.silence(true);
    await says(world, 'Polling, since');
    await world.finish(taskIds[1] ?? '');
    await has(2);
  });

  it.each([
    ['on', 'K$', 'Redis keyspace notifications, confirmed by rows, since'],
    ['off', '', 'CONFIG GET is refused and a written key was not told of'],
  ])('are tried with a key where CONFIG is refused: %s', async (_what, flags, detail) => {
    const args = ['--rename-command', 'CONFIG', '', '--notify-keyspace-events', flags];
    const world = using(await keyspaceWorld(at, redis, { args }));
    await follow(world, 1);
    await says(world, detail);
    for (const key of await world.redis().keys('*-output'))
      expect(await world.redis().pttl(key)).toBeGreaterThan(0);
  });

  it('of a cluster are not taken: each node tells of its own keys alone', async () => {
    const args = ['--cluster-enabled', 'yes'];
    const world = using(await keyspaceWorld(at, redis, { args }));
    await follow(world, 1);
    await says(world, 'is a cluster, whose nodes tell of their own keys alone');
  });

  it('are left where the Redis hangs, and nothing is lost', async () => {
    const world = using(await keyspaceWorld(at, redis));
    const { taskIds, has } = await follow(world, 2);
    await says(world, 'Redis keyspace notifications, confirmed by rows, since');
    process.kill(world.pid(), 'SIGSTOP');
    try {
      await says(world, 'does not answer', 'DEGRADED');
      await world.writer.claim(taskIds[0] ?? '', 'pod-1', 1, 'h');
      await world.writer.finish(taskIds[0] ?? '', 'pod-1', 1);
      await has(1);
    } finally {
      process.kill(world.pid(), 'SIGCONT');
    }
    await says(world, 'Redis keyspace notifications, confirmed by rows, since');
    await world.finish(taskIds[1] ?? '');
    await has(2);
  });

  it('are the second choice: from the stream to them and back, and no end is lost or doubled', async () => {
    const hints = using(await keyspaceWorld(at, redis));
    const world = using(
      await streamWorld(at, {
        more: (reader, follows) => [
          new Keyspace({ reader, follows, redis: { host: '127.0.0.1', port: hints.port } }),
        ],
      }),
    );
    const { taskIds, log, has } = await follow(world, 60);
    let done = 0;
    const some = async (tasks: number) => {
      for (const id of taskIds.slice(done, done + tasks)) await world.finish(id);
      done += tasks;
    };
    for (let round = 0; round < 3; round++) {
      await says(world, 'The DynamoDB stream');
      await some(10);
      await world.kill();
      await says(world, 'Redis keyspace notifications, confirmed by rows, since');
      await says(
        world,
        'Not the DynamoDB stream of the state table: The state table has no stream',
      );
      await some(10);
      await world.revive();
    }
    await has(60);
    expect(new Set(log.read(0, 100).map(({ taskId }) => taskId)).size).toBe(60);
  });
});

describe('a Redis that takes connections and says nothing', () => {
  it('is left at once by who gives up attaching: no connection stays', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.resume();
    }).listen(0, '127.0.0.1');
    closing.push(async () => {
      for (const socket of sockets) socket.destroy();
      await promisify(server.close.bind(server))();
    });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const end = new AbortController();
    const source = new Keyspace({
      reader: new TableReader({} as never),
      redis: { host: '127.0.0.1', port, callMs: 60_000 },
      follows: () => true,
    });
    const sink = { changes: () => undefined, missed: () => undefined, lost: () => undefined };
    const attaching = source.attach(sink, end.signal);
    await vi.waitFor(() => {
      expect(sockets.size).toBeGreaterThan(0);
    }, patient);
    end.abort(new Error('given up'));
    await expect(attaching).rejects.toThrow('given up');
    await vi.waitFor(() => {
      expect(sockets.size).toBe(0);
    }, patient);
  });
});

describe('hints', () => {
  const row = (index: number, state: string) => ({
    taskId: taskIdOf('s', index),
    sessionId: 's',
    status: `${state}1`,
    retries: 0,
    owner: undefined,
    submittedAt: 1,
    completedAt: 1,
    priority: 0,
    heartbeatSec: 0,
  });

  function confirming(stateOf: (index: number, read: number) => string | Error) {
    const clock = new HandClock();
    const reader = new TableReader({} as never);
    const reads: number[] = [];
    vi.spyOn(reader, 'items').mockImplementation(async (ids) => {
      reads.push(ids.length);
      const states = ids.map((id) => [id, stateOf(Number(id.slice(2)), reads.length)] as const);
      const failure = states.map(([, state]) => state).find((state) => state instanceof Error);
      if (failure instanceof Error) throw failure;
      return new Map(states.map(([id, state]) => [id, row(Number(id.slice(2)), String(state))]));
    });
    const told: string[] = [];
    const end = new AbortController();
    const confirmation = new Confirmation({
      reader,
      clock,
      changes: (changes) => told.push(...changes.map(({ state }) => state)),
      signal: end.signal,
    });
    return { clock, reads, told, end, confirmation };
  }

  it('are read together, again where the row lags behind, and then left to the poll', async () => {
    const { clock, reads, told, confirmation } = confirming((index, read) =>
      index === 0 && read < 3
        ? 'processing'
        : index === 1
          ? 'cancelled'
          : index === 2
            ? 'pending'
            : 'finished',
    );
    for (const index of [0, 1, 2, 1]) confirmation.hint(taskIdOf('s', index));
    await clock.advance(10_000);
    expect(reads).toEqual([3, 2, 2, 1, 1, 1]);
    expect(told.filter((state) => state === 'finished')).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  it('are bounded, dropped where the table fails, and end with their caller', async () => {
    const many = confirming(() => 'finished');
    for (let index = 0; index <= 12_000; index++) many.confirmation.hint(taskIdOf('s', index));
    await many.clock.advance(10_000);
    expect(many.told).toHaveLength(10_000);
    const failing = confirming(() => new Error('no'));
    failing.confirmation.hint('s_1');
    await failing.clock.advance(10_000);
    expect([failing.reads, failing.clock.timers]).toEqual([[1], 0]);
    const ended = confirming(() => 'finished');
    ended.confirmation.hint('s_1');
    ended.end.abort(new Error('gone'));
    await ended.clock.advance(1000);
    expect([ended.reads, ended.clock.timers]).toEqual([[], 0]);
  });
});
