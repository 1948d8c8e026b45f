/** Logs of several replicas over a real Redis: one order, one writer at a time, and a Redis that fails. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { LogScripts } from '../../src/streams/shared/scripts.js';
import type { SharedLog } from '../../src/streams/shared/shared-log.js';
import { describeReal } from '../real/index.js';
import { HandClock } from './hand-clock.js';
import { lead, SharedWorld, steadyMs } from './shared-world.js';
import { numbers } from './subscriber.js';

const patience = { interval: 5 };
const soon = () => AbortSignal.timeout(60_000);

const has = (log: SharedLog<number>, entries: number) =>
  log.until(() => log.end >= entries, soon());
const isLost = (log: SharedLog<number>) =>
  vi.waitFor(() => {
    expect(log.lost).toMatchObject({ code: 'UNAVAILABLE' });
  }, patience);

describeReal('redis', 'logs that replicas share', (real) => {
  let world: SharedWorld;
  beforeAll(async () => {
    world = await SharedWorld.start(real);
  });
  afterEach(() => world.closeLogs());
  afterAll(() => world.stop());
  const open = (name: string) => world.open<number>(name);
  /** Of which the first to lead leads to the end. */
  const steady = (name: string, limit?: number) =>
    world.open<number>(name, limit === undefined ? {} : { limit }, steadyMs);

  it('are read in one order and at the same positions by all, also by one that comes late', async () => {
    const name = world.nextName();
    const [a, b] = [steady(name), steady(name)];
    const { term } = await lead(a);
    for (let at = 0; at < 3000; at += 500) {
      term.append(numbers(at, 500));
      if (at === 1000) await has(b, 1200);
    }
    term.finish();
    const late = steady(name);
    for (const log of [a, b, late]) {
      await log.until(() => log.complete, soon());
      expect(log.read(0, 10_000)).toEqual(numbers(0, 3000));
      expect(log.epoch).toBe(a.epoch);
    }
    term.goOn();
    await late.until(() => !late.complete, soon());
    term.finish();
    await late.until(() => late.complete, soon());
    term.append([3000]);
    await has(late, 3001);
    expect(late.complete).toBe(false);
  });

  it('are read as far as any replica can have told of them, for who comes over from it', async () => {
    const name = world.nextName();
    const late = world.replica();
    const [a, b] = [steady(name), late.open<number>(name)];
    const { term } = await lead(a);
    term.append([1]);
    await Promise.all([has(a, 1), has(b, 1)]);
    await world.deafen(late);
    term.append([2, 3]);
    await has(a, 3);
    expect(b.end).toBe(1);
    await b.caughtUp(soon());
    expect(b.read(0, 10)).toEqual([1, 2, 3]);
    // Without Redis there is what there is.
    world.sever(late);
    term.append([4]);
    await b.caughtUp(soon());
    expect(b.end).toBe(3);
  });

  it('carry words about the whole with entries and without, and keep only the last of them', async () => {
    const name = world.nextName();
    const [a, b] = [open(name), open(name)];
    let note = '1';
    const { term } = await lead(a, () => note);
    term.append([1]);
    await b.until(() => b.note === '1' && b.end === 1, soon());
    for (const next of ['2', '3', '4']) {
      note = next;
      await b.until(() => b.note === next, soon());
    }
    expect(await world.redis.xlen(world.key(name, 'records'))).toBe(2);
    const late = open(name);
    await late.until(() => late.note === '4', soon());
    expect(late.read(0, 10)).toEqual([1]);
  });

  it('are rings where they have a limit: in Redis as well', async () => {
    const name = world.nextName();
    const [a, b] = [steady(name, 1000), steady(name, 1000)];
    const { term } = await lead(a);
    for (let at = 0; at < 5000; at += 100) {
      term.append(numbers(at, 100));
      await term.written();
    }
    expect(await world.redis.xlen(world.key(name, 'records'))).toBe(10);
    const late = steady(name, 1000);
    for (const log of [a, b, late]) {
      await has(log, 5000);
      expect([log.start, log.read(4990, 100)]).toEqual([4000, numbers(4990, 10)]);
      expect(() => log.read(3999, 1)).toThrow(RangeError);
    }
  });

  it('are read on, whatever has become of another one beside them', async () => {
    const [name, other] = [world.nextName(), world.nextName()];
    const { term } = await lead(steady(name));
    await lead(steady(other));
    const reading = world.replica();
    const [log, beside] = [reading.open<number>(name), reading.open<number>(other)];
    await Promise.all([log, beside].map((one) => one.until(() => one.isRead, soon())));
    await world.redis.set(world.key(other, 'records'), 'of something else');
    for (let n = 1; n <= 3; n += 1) {
      term.append([n]);
      await has(log, n);
    }
    expect(beside.end).toBe(0);
  });

  it('are let go by Redis some time after the last replica', async () => {
    const name = world.nextName();
    const replica = world.replica({ keepMs: 40_000 });
    const log = replica.open<number>(name);
    const { term } = await lead(log);
    term.append([1]);
    await has(log, 1);
    for (const part of ['head', 'records'] as const) {
      const leftMs = await world.redis.pttl(world.key(name, part));
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThanOrEqual(40_000);
    }
    await log.close();
    expect(await world.redis.exists(world.key(name, 'lease'))).toBe(0);
  });

  describe('the lease', () => {
    it('goes to another replica when its holder is gone, and the log goes on where it was', async () => {
      const name = world.nextName();
      const dying = world.replica();
      const [a, b] = [dying.open<number>(name), open(name)];
      const first = await lead(a);
      first.term.append([1, 2]);
      await has(b, 2);
      const order: string[] = [];
      first.term.signal.addEventListener('abort', () => order.push('first is over'));
      world.sever(dying);
      const second = await lead(b);
      order.push('second begins');
      expect(order).toEqual(['first is over', 'second begins']);
      first.term.append([99]);
      second.term.append([3]);
      await has(b, 3);
      expect(b.read(0, 10)).toEqual([1, 2, 3]);
      expect(b.leads).toBe(true);
    });

    it('is free at once when its holder closes the log, or ends its term', async () => {
      const name = world.nextName();
      const [a, b] = [open(name), open(name)];
      await lead(a);
      const waiting = lead(b);
      await a.close();
      const { term } = await waiting;
      term.append([1]);
      await has(b, 1);
    });

    it('is a fence: neither an old token nor an old position is appended', async () => {
      const name = world.nextName();
      const [a, b] = [open(name), open(name)];
      const { term } = await lead(a);
      term.append([1]);
      await has(a, 1);
      const scripts = new LogScripts(world.redis);
      const keys = {
        lease: world.key(name, 'lease'),
        head: world.key(name, 'head'),
        log: world.key(name, 'records'),
      };
      const token = (await world.redis.get(keys.lease)) ?? '';
      const addition = {
        ...{ token, seq: 1, keepMs: 1000, limit: 0, count: 1, entries: '7' },
        ...{ note: '', complete: false },
      };
      expect(await scripts.append(keys, { ...addition, seq: 0 })).toBe(false);
      expect(await scripts.append(keys, { ...addition, seq: 2 })).toBe(false);
      expect(await scripts.append(keys, { ...addition, token: 'other' })).toBe(false);
      // A writer that finds another's record behind its own steps back and begins anew.
      expect(await scripts.append(keys, addition)).toBe(true);
      term.append([2]);
      await vi.waitFor(() => expect(term.signal.aborted).toBe(true), patience);
      await has(b, 2);
      expect(b.read(0, 10)).toEqual([1, 7]);
      await a.close();
      await lead(b);
      expect(await scripts.append(keys, { ...addition, seq: 2 })).toBe(false);
    });

    it('is lost where what is done with it fails: the log of this replica is lost, others go on', async () => {
      const name = world.nextName();
      const [a, b] = [open(name), open(name)];
      const { term, fail } = await lead(a);
      term.append([1]);
      await has(b, 1);
      const waiting = lead(b);
      fail(new Error('no source'));
      const second = await waiting;
      expect(a.lost?.message).toBe('no source');
      second.term.append([2]);
      await has(b, 2);
    });

    it('is left to others for its time by who failed with it, also where the log is opened again', async () => {
      const name = world.nextName();
      const clock = new HandClock();
      const failing = world.replica({ clock });
      const { fail } = await lead(failing.open<number>(name));
      fail(new Error('no source'));
      const again = failing.open<number>(name);
      const waiting = lead(again);
      await again.until(() => again.isRead, soon());
      const b = open(name);
      const { term } = await lead(b);
      term.append([1]);
      await has(again, 1);
      expect(again.leads).toBe(false);
      await b.close();
      await clock.advance(1000);
      // The first may have been under way.
      await again.visit();
      await again.visit();
      await waiting;
    });
  });

  describe('a Redis that fails', () => {
    let own: SharedWorld | undefined;
    let dir: string;
    beforeAll(async () => {
      dir = await mkdtemp(join(tmpdir(), 'htc-logs-'));
    });
    afterEach(async () => {
      await own?.stop();
      own = undefined;
    });
    afterAll(() => rm(dir, { recursive: true }));
    const two = async (...args: readonly string[]) => {
      own = await SharedWorld.start(real, ...args);
      const name = own.nextName();
      const [a, b] = [own.open<number>(name), own.open<number>(name)];
      const { term } = await lead(a, undefined, (later) => {
        if (a.end === 2) later.append([3]);
      });
      term.append([1, 2]);
      await Promise.all([has(a, 2), has(b, 2)]);
      return { own, name, a, b, term };
    };

    it('and comes back with its data: what was read stays, and the log goes on', async () => {
      const kept = ['--dir', dir, '--appendonly', 'yes', '--appendfsync', 'always'];
      const { own, a, b, term } = await two(...kept);
      const { epoch } = a;
      await own.server.stop();
      await vi.waitFor(() => expect(term.signal.aborted).toBe(true), patience);
      expect(b.read(0, 10)).toEqual([1, 2]);
      await own.restart(...kept);
      await Promise.all([has(a, 3), has(b, 3)]);
      expect([a.epoch, b.epoch, a.read(0, 10)]).toEqual([epoch, epoch, [1, 2, 3]]);
    });

    it('and comes back empty: every replica says that its log is lost, and a new one begins', async () => {
      const { own, name, a, b } = await two();
      const { epoch } = a;
      await own.server.stop();
      await own.restart();
      const again = own.open<number>(name);
      const { term } = await lead(again);
      term.append([1, 2, 3]);
      await Promise.all([has(again, 3), isLost(a), isLost(b)]);
      expect(again.epoch).not.toBe(epoch);
      // What was read is still there for who reads it.
      expect(b.read(0, 10)).toEqual([1, 2]);
    });

    it.each([
      ['everything', async (redis: SharedWorld['redis']) => redis.flushall()],
      [
        'the records alone',
        async (redis: SharedWorld['redis'], key: SharedWorld['key'], name: string) =>
          redis.del(key(name, 'records')),
      ],
      [
        'the newest record, as a failover can',
        async (redis: SharedWorld['redis'], key: SharedWorld['key'], name: string) => {
          const [last] = await redis.xrevrange(key(name, 'records'), '+', '-', 'COUNT', 1);
          await redis.xdel(key(name, 'records'), last?.[0] ?? '');
          await redis.hset(key(name, 'head'), { seq: '0', end: '0' });
        },
      ],
      [
        'its sense: what is in it is from elsewhere',
        async (redis: SharedWorld['redis'], key: SharedWorld['key'], name: string) =>
          redis.xadd(key(name, 'records'), '*', 'what', 'ever'),
      ],
    ])('and loses %s while nobody notices', async (_what, lose) => {
      const { own, name, a, b } = await two();
      await lose(own.redis, own.key.bind(own), name);
      await Promise.all([isLost(a), isLost(b)]);
      expect([a.leads, b.leads]).toEqual([false, false]);
    });

    it('and loses the records while one is being added: the log is lost, not shorter', async () => {
      const { own, name, a, b, term } = await two();
      await own.redis.del(own.key(name, 'records'));
      term.append([7]);
      await Promise.all([isLost(a), isLost(b)]);
      expect([a.end, b.end]).toEqual([2, 2]);
    });

    it('and is another one that others wrote to, in more records than this one had: the log is lost', async () => {
      const { own, name, a, b, term } = await two();
      const { redis } = own;
      const [lease, head, log] = [
        own.key(name, 'lease'),
        own.key(name, 'head'),
        own.key(name, 'records'),
      ];
      const before = [await redis.dumpBuffer(head), await redis.dumpBuffer(log)] as const;
      term.append([7]);
      await has(b, 3);
      term.finish();
      await b.until(() => b.complete, soon());
      const scripts = new LogScripts(redis);
      const add = (seq: number, entries: string, complete = false) =>
        scripts.append(
          { lease, head, log },
          {
            ...{ token: 'other', seq, keepMs: 60_000, limit: 0, note: '', complete, entries },
            count: entries === '' ? 0 : 1,
          },
        );
      const done = await Promise.all([
        redis.call('CLIENT', 'KILL', 'TYPE', 'normal'),
        redis.restore(head, 0, before[0] ?? '', 'REPLACE'),
        redis.restore(log, 0, before[1] ?? '', 'REPLACE'),
        redis.set(lease, 'other', 'PX', 60_000),
        ...[add(1, '8'), add(2, '', true), add(3, '9')],
      ]);
      expect(done.slice(-3)).toEqual([true, true, true]);
      await Promise.all([isLost(a), isLost(b)]);
      expect(b.read(0, 10)).toEqual([1, 2, 7]);
    });

    it('and stands still: the term is over before another could have the lease, and it goes on later', async () => {
      const { own, a, b, term } = await two();
      process.kill(own.server.pid, 'SIGSTOP');
      try {
        await vi.waitFor(() => expect(term.signal.aborted).toBe(true), patience);
        term.append([98]);
        expect(b.read(0, 10)).toEqual([1, 2]);
      } finally {
        process.kill(own.server.pid, 'SIGCONT');
      }
      await Promise.all([has(a, 3), has(b, 3)]);
      expect(a.read(0, 10)).toEqual([1, 2, 3]);
    });

    it('and is not there at first: logs begin as soon as it is', async () => {
      own = await SharedWorld.start(real);
      await own.server.stop();
      const log = own.open<number>('late');
      const waiting = lead(log);
      await expect(log.until(() => log.isRead, AbortSignal.timeout(50))).rejects.toThrow();
      await own.restart();
      (await waiting).term.append([1]);
      await has(log, 1);
    });
  });

  it('leave neither timers nor connections behind', async () => {
    const replica = world.replica();
    const log = replica.open<number>(world.nextName());
    await lead(log);
    await replica.stop();
    await replica.stop();
    await vi.waitFor(async () => {
      const clients = (await world.redis.client('LIST')) as string;
      expect(clients.split('\n').filter((line) => line.includes('cmd=xread'))).toEqual([]);
    }, patience);
    expect(log.lost).toMatchObject({ code: 'UNAVAILABLE' });
  });
});
