/** The session registry of replicas, over a real Redis: one truth, one carrier of each submission, whatever fails. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RedisRegistrySettings } from '../../src/grids/htc-grid/registry-redis.js';
import { RedisRegistry } from '../../src/grids/htc-grid/registry-redis.js';
import { HoldLost } from '../../src/grids/htc-grid/registry.js';
import { SharedRedis } from '../../src/replicas/shared-redis.js';
import type { RedisServer } from '../real/index.js';
import { describeReal } from '../real/index.js';
import { begin, entry, keyed, registryContract } from './registry-contract.js';
import { live } from './support.js';

describeReal('redis', 'a registry in Redis', (redis) => {
  let server: RedisServer;
  const closing: (() => unknown)[] = [];
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  let prefixes = 0;
  let prefix = '';
  beforeAll(async () => {
    server = await redis.start();
  });
  afterEach(async () => {
    await close();
    prefix = '';
  });
  afterAll(() => server.stop());

  /** A replica of its own: nothing but Redis is shared. */
  const replica = async (settings: Partial<RedisRegistrySettings> = {}, at = server) => {
    prefix ||= `t${String(prefixes++)}`;
    const shared = await SharedRedis.open({ url: at.url, prefix, leaseMs: 2500 });
    const registry = await RedisRegistry.open({ shared, grid: 'g', ...settings });
    closing.push(
      () => {
        shared.stop();
      },
      () => registry.stop(),
    );
    return { registry, shared };
  };
  const twoReplicas = async () => {
    const [a, b] = await Promise.all([replica(), replica()]);
    return { a: a.registry, b: b.registry };
  };
  const eventually = (check: () => unknown) => vi.waitFor(check, { interval: 10 });

  describe('alone', () => {
    registryContract(async () => (await replica()).registry);
  });

  describe('between replicas', () => {
    it('tells of a session at once where it is asked for, and soon where it is not', async () => {
      const { a, b } = await twoReplicas();
      await begin(a, entry('s'));
      await b.look(['s', 'unknown']);
      expect(b.get('s')).toMatchObject({ owner: 'ada', expected: 2 });
      await begin(a, keyed('t'));
      await eventually(() => expect(b.byKey('ada', 'k')?.session).toBe('t'));
    });

    it('is read by one that starts later, the newest first', async () => {
      const { registry: a } = await replica();
      const ages = [5, 1, 3, 2, 4];
      for (const age of ages) await begin(a, entry(`s${String(age)}`, { submittedAt: age }));
      const { registry: b } = await replica();
      expect(b.entries().map(({ session }) => session)).toEqual(['s5', 's4', 's3', 's2', 's1']);
    });

    it('begins one submission for an owner and a key, whoever asks first', async () => {
      const { a, b } = await twoReplicas();
      for (let round = 0; round < 20; round++) {
        const idempotency = { key: `k${String(round)}`, inputHash: 'h' };
        const begun = await Promise.all([
          a.begin(entry(`a${String(round)}`, { idempotency })),
          b.begin(entry(`b${String(round)}`, { idempotency })),
        ]);
        expect(begun.filter((one) => 'hold' in one)).toHaveLength(1);
        const winner = 'hold' in begun[0] ? 'a' : 'b';
        const [loser] = begun.flatMap((one) => ('earlier' in one ? [one.earlier] : []));
        expect(loser?.session).toBe(`${winner}${String(round)}`);
      }
    });

    it('lets one of them carry a submission on, and another once that one is silent', async () => {
      const { a, b } = await twoReplicas();
      const hold = await begin(a, entry('s'));
      await b.look(['s']);
      expect(await b.take('s')).toBeUndefined();
      // The lease is renewed for as long as its holder lives.
      await a.stop();
      await eventually(async () => expect(await b.take('s')).toBeDefined());
      await expect(
        hold.put(entry('s', { accepted: 1 }), AbortSignal.timeout(500)),
      ).rejects.toBeInstanceOf(HoldLost);
    });

    it('refuses a write of one that was paused while another took its submission up', async () => {
      const { a, b } = await twoReplicas();
      const hold = await begin(a, entry('s'));
      const { shared } = await replica();
      // What a pause longer than the lease does: the lease is over, and its holder does not know.
      await shared.run((one) => one.del(shared.key('sessions', 'g', 'entries:lease:s')));
      await b.look(['s']);
      const taken = await b.take('s');
      await expect(hold.put(entry('s', { accepted: 1 }), live())).rejects.toBeInstanceOf(HoldLost);
      expect(hold.lost.aborted).toBe(true);
      await taken?.hold.put(entry('s', { accepted: 2, state: 'SUBMITTED' }), live());
      await eventually(() => expect(a.get('s')).toMatchObject({ state: 'SUBMITTED', accepted: 2 }));
    });

    it('keeps a hold over a pause in which nobody took it', async () => {
      const { registry, shared } = await replica();
      const hold = await begin(registry, entry('s'));
      await shared.run((one) => one.del(shared.key('sessions', 'g', 'entries:lease:s')));
      await hold.put(entry('s', { accepted: 1 }), live());
      expect(registry.get('s')?.accepted).toBe(1);
      expect(hold.lost.aborted).toBe(false);
    });

    it('takes no part that may be under way for older than its being taken up', async () => {
      const { a, b } = await twoReplicas();
      const hold = await begin(a, entry('s'));
      await hold.put(entry('s', { sending: { first: 0, tasks: 2, at: 5 } }), live());
      await hold.release();
      await b.look(['s']);
      const before = Date.now();
      expect((await b.take('s'))?.entry.sending?.at).toBeGreaterThanOrEqual(before);
    });

    it('brings a wish to halt to whoever carries the submission on, also to the one after it', async () => {
      const { a, b } = await twoReplicas();
      const hold = await begin(a, entry('s'));
      const other = await begin(a, entry('t'));
      await b.look(['s', 't']);
      await Promise.all([b.halt('s'), b.halt('t')]);
      await eventually(() => expect(hold.halted.aborted).toBe(true));
      await other.release();
      expect((await b.take('t'))?.hold.halted.aborted).toBe(true);
    });

    it('waits for the end of a submission elsewhere, and stops waiting with its caller', async () => {
      const ended: string[] = [];
      const { registry: a } = await replica();
      const { registry: b } = await replica({ ended: ({ session }) => ended.push(session) });
      const hold = await begin(a, entry('s'));
      await b.look(['s']);
      const given = new AbortController();
      const gone = b.settled('s', given.signal);
      const waiting = b.settled('s', live());
      given.abort(new Error('gone'));
      await expect(gone).rejects.toThrow('gone');
      await hold.put(entry('s', { state: 'SUBMITTED', accepted: 2 }), live());
      await waiting;
      expect(b.get('s')?.state).toBe('SUBMITTED');
      expect(ended).toEqual(['s']);
    });

    it('forgets the oldest sessions and their keys beyond its limit', async () => {
      const { registry: a } = await replica({ maxEntries: 3 });
      for (let n = 0; n < 5; n++)
        await begin(
          a,
          entry(`s${String(n)}`, {
            submittedAt: n,
            idempotency: { key: `k${String(n)}`, inputHash: 'h' },
          }),
        );
      const { registry: b, shared } = await replica({ maxEntries: 3 });
      expect(b.entries().map(({ session }) => session)).toEqual(['s4', 's3', 's2']);
      expect(await shared.run((one) => one.hlen(shared.key('sessions', 'g', 'keys')))).toBe(3);
    });
  });

  describe('when Redis fails', () => {
    it('starts without it, reads on, refuses submissions as UNAVAILABLE, and has all when it is back', async () => {
      const down = await redis.start();
      await down.stop();
      const { registry } = await replica({ startMs: 50 }, down);
      await registry.look(['s']);
      expect(registry.entries()).toEqual([]);
      await expect(registry.begin(entry('s'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      const back = await redis.start('--port', String(down.port));
      closing.unshift(() => back.stop());
      await eventually(() => begin(registry, entry('s')));
      expect(registry.get('s')).toBeDefined();
    });

    it('gives a Redis that came back empty what the replicas know, and carries on', async () => {
      const first = await redis.start();
      const a = (await replica({}, first)).registry;
      const b = (await replica({}, first)).registry;
      const hold = await begin(a, keyed('s'));
      await hold.put(keyed('s', { accepted: 1 }), live());
      await eventually(() => expect(b.get('s')?.accepted).toBe(1));
      await first.stop();
      const going = hold.put(keyed('s', { accepted: 2, state: 'SUBMITTED' }), live());
      const back = await redis.start('--port', String(first.port));
      closing.unshift(() => back.stop());
      await going;
      await eventually(() => expect(b.get('s')).toMatchObject({ accepted: 2, state: 'SUBMITTED' }));
      const c = (await replica({}, first)).registry;
      await eventually(async () => {
        await c.look(['s']);
        expect(c.get('s')).toMatchObject({ accepted: 2, state: 'SUBMITTED' });
      });
      expect(c.byKey('ada', 'k')?.session).toBe('s');
      await expect(c.begin(keyed('again'))).resolves.toMatchObject({ earlier: { session: 's' } });
    });

    it('gives one that was emptied what the replicas know, also where it is never silent', async () => {
      const { registry: a, shared } = await replica();
      await begin(a, entry('s'));
      const key = (part: string) => shared.key('sessions', 'g', part);
      await shared.run((one) => one.del(key('entries'), key('changes'), key('epoch')));
      await vi.waitFor(
        async () => {
          const there = await shared.run(async (one) => {
            // Another replica writes all the time.
            await one.xadd(key('changes'), '*', 's', 'other', 'x', '');
            return one.hexists(key('entries'), 's');
          });
          expect(there).toBe(1);
        },
        { interval: 100, timeout: 20_000 },
      );
    });

    it('misses no change over a connection that broke, nor where older changes were let go', async () => {
      const { registry: a } = await replica();
      const { registry: b, shared } = await replica();
      const kill = async () => {
        await shared.run((one) => one.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'));
      };
      await begin(a, entry('before'));
      await eventually(() => expect(b.get('before')).toBeDefined());
      await kill();
      await begin(a, entry('between'));
      await eventually(() => expect(b.get('between')).toBeDefined());
      await kill();
      await begin(a, entry('trimmed'));
      await shared.run((one) => one.xtrim(shared.key('sessions', 'g', 'changes'), 'MAXLEN', 0));
      await eventually(() => expect(b.get('trimmed')).toBeDefined());
    });
  });
});
