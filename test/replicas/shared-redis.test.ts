/** The Redis that replicas share, a real one: how it answers, how it fails, and that nothing of it is left. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { SharedRedisSettings } from '../../src/replicas/shared-redis.js';
import { SharedRedis } from '../../src/replicas/shared-redis.js';
import type { RedisServer } from '../real/index.js';
import { describeReal } from '../real/index.js';

describeReal('redis', 'the Redis of the replicas', (redis) => {
  let server: RedisServer;
  const opened: SharedRedis[] = [];
  const open = async (settings: Partial<SharedRedisSettings> = {}) => {
    const shared = await SharedRedis.open({ url: server.url, password: 'secret-1', ...settings });
    opened.push(shared);
    return shared;
  };
  const clients = async (shared: SharedRedis) =>
    shared.run(
      async (one) =>
        String(await one.client('LIST'))
          .trim()
          .split('\n').length,
    );

  beforeAll(async () => {
    server = await redis.start('--requirepass', 'secret-1', '--maxmemory-policy', 'allkeys-lru');
  });
  afterAll(() => server.stop());
  afterEach(() => {
    for (const shared of opened.splice(0)) shared.stop();
  });

  it('is DEGRADED where it may drop logs when it is full, and OK where it keeps them', async () => {
    const shared = await open();
    expect(await shared.health()).toMatchObject({
      status: 'DEGRADED',
      detail: expect.stringContaining(
        'set maxmemory-policy to noeviction, not allkeys-lru',
      ) as string,
    });
    await shared.run((one) => one.config('SET', 'maxmemory-policy', 'volatile-lru'));
    expect((await shared.health()).status).toBe('DEGRADED');
    await shared.run((one) => one.config('SET', 'maxmemory-policy', 'noeviction'));
    expect(await shared.health()).toEqual({
      name: 'replicas',
      status: 'OK',
      detail: `Redis 127.0.0.1:${server.port} answers`,
      count: null,
    });
  });

  it('is asked with the password of its own, not with that of the address', async () => {
    const shared = await open({ url: `redis://:secret-2@127.0.0.1:${server.port}` });
    expect((await shared.health()).status).not.toBe('DOWN');
  });

  it('is DOWN where it answers and takes nothing any more', async () => {
    const shared = await open();
    await shared.run((one) => one.config('SET', 'maxmemory-policy', 'noeviction'));
    await shared.run((one) => one.config('SET', 'maxmemory', '1'));
    expect(await shared.health()).toMatchObject({
      status: 'DOWN',
      detail: expect.stringMatching(/can't take it: OOM/) as string,
    });
    await shared.run((one) => one.config('SET', 'maxmemory', '0'));
    expect(await shared.health()).toMatchObject({ status: 'OK' });
  });

  it('is DOWN with its address and without its password where it refuses, is away or is silent', async () => {
    const refused = await open({
      password: undefined,
      url: `redis://u:secret-2@127.0.0.1:${server.port}`,
    });
    const away = await open({ url: 'redis://:secret-2@127.0.0.1:2' });
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await vi.waitFor(() => expect(silent.listening).toBe(true));
    const { port } = silent.address() as AddressInfo;
    const mute = await open({ url: `redis://127.0.0.1:${port}`, callMs: 100 });
    try {
      const [first, second, third] = await Promise.all([
        refused.health(),
        away.health(),
        mute.health(),
      ]);
      expect(first).toMatchObject({
        status: 'DOWN',
        detail: expect.stringMatching(/refuses the credentials/) as string,
      });
      expect(second.detail).toBe('The Redis of the replicas (127.0.0.1:2) does not answer.');
      expect(third.status).toBe('DOWN');
      expect(JSON.stringify([first, second, third])).not.toContain('secret');
    } finally {
      mute.stop();
      silent.close();
    }
  });

  it('names keys by the prefix', async () => {
    expect((await open({ prefix: 'a' })).key('b', 'c')).toBe('a:b:c');
  });

  it('ends every connection it gave out when it stops, and gives out none after that', async () => {
    const watcher = await open();
    const shared = await open();
    await Promise.all([shared.connection().ping(), shared.connection().ping(), shared.health()]);
    expect(await clients(watcher)).toBe(4);
    shared.stop();
    await vi.waitFor(async () => expect(await clients(watcher)).toBe(1));
    expect(() => shared.connection()).toThrow('The server stops.');
    await expect(shared.run((one) => one.ping())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
