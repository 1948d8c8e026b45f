/** One contract over every data plane. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '../../src/grids/htc-grid/calls.js';
import type { DataPlane } from '../../src/grids/htc-grid/data-plane.js';
import { headOf, inputKey, outputKey, submissionKey } from '../../src/grids/htc-grid/data-plane.js';
import { FolderDataPlane } from '../../src/grids/htc-grid/data-plane-folder.js';
import { MemoryDataPlane } from '../../src/grids/htc-grid/data-plane-memory.js';
import { LayeredDataPlane } from '../../src/grids/htc-grid/data-plane-layered.js';
import type { RedisSettings } from '../../src/grids/htc-grid/data-plane-redis.js';
import { RedisDataPlane } from '../../src/grids/htc-grid/data-plane-redis.js';
import type { S3Settings } from '../../src/grids/htc-grid/data-plane-s3.js';
import { S3DataPlane } from '../../src/grids/htc-grid/data-plane-s3.js';
import { encodeInput, payloadOf } from '../../src/grids/htc-grid/encoding.js';
import { pythonJson } from '../../src/grids/htc-grid/python-json.js';
import type { RedisServer } from '../real/index.js';
import { describeReal } from '../real/index.js';
import { freePort } from '../real/redis.js';
import type { S3Server } from './s3-server.js';
import { startS3 } from './s3-server.js';
import { live } from './support.js';

const session = '18a45134-e5fd-11f1-8152-02fc00000001';
const calls: Call[] = [];
const onCall = (call: Call) => {
  calls.push(call);
};

/** @param many keys in one round; a server of files takes its time for each */
function contract(open: () => Promise<DataPlane>, many = 1200) {
  let data: DataPlane;
  beforeAll(async () => {
    data = await open();
  });
  afterAll(async () => {
    await data.stop();
  });

  it('gives back what was put, whole or its beginning', async () => {
    const text = encodeInput({ worker_arguments: ['300', '1', '1'] });
    await data.put([
      [inputKey(`${session}_0`), text],
      [submissionKey(session), 'e30='],
    ]);
    expect(await data.get(inputKey(`${session}_0`), Infinity)).toEqual({
      text,
      chars: text.length,
      end: text.slice(-2),
    });
    const head = await data.get(inputKey(`${session}_0`), 8);
    expect(head).toEqual({ text: text.slice(0, 8), chars: text.length, end: text.slice(-2) });
    expect((await data.get(submissionKey(session), 100))?.text).toBe('e30=');
  });

  it('keeps the last writer', async () => {
    await data.put([[outputKey(`${session}_1`), 'MQ==']]);
    await data.put([[outputKey(`${session}_1`), 'Mg==']]);
    expect((await data.get(outputKey(`${session}_1`), 100))?.text).toBe('Mg==');
  });

  it('says nothing of keys that are missing or no keys at all', async () => {
    expect(await data.get(outputKey(`${session}_404`), 100)).toBeUndefined();
    expect(await data.get('../../etc/passwd', 100)).toBeUndefined();
    expect(await data.get('a\r\nFLUSHALL\r\n', 100)).toBeUndefined();
  });

  it('reads many keys in their order, in one round', async () => {
    const keys = Array.from({ length: many }, (_, n) => inputKey(`${session}_${String(n + 10)}`));
    await data.put(keys.map((key, n) => [key, encodeInput(n)]));
    calls.length = 0;
    const values = await data.getMany([...keys, 'missing'], 100);
    expect(values.slice(0, -1).map((value) => value && payloadOf(value, 100).json)).toEqual(
      keys.map((_key, n) => n),
    );
    expect(values.at(-1)).toBeUndefined();
    expect(calls.map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual(['data-read ok']);
  });

  it('tells the size of a large value from its beginning', async () => {
    const large = { text: 'x'.repeat(3_000_000) };
    await data.put([[outputKey(`${session}_2`), encodeInput(large)]]);
    const stored = await data.get(outputKey(`${session}_2`), 1000);
    expect(stored?.text.length).toBe(1000);
    expect(stored && payloadOf(stored, 500)).toMatchObject({
      truncated: true,
      bytes: pythonJson(large).length,
    });
  });

  it('reads what is missing, small, and larger than asked for, each in its place', async () => {
    const large = encodeInput({ text: 'x'.repeat(300_000) });
    const keys = Array.from({ length: 24 }, (_, n) => outputKey(`${session}_${String(n + 3000)}`));
    const texts = keys.map((_key, n) => [undefined, encodeInput(n), large][n % 3]);
    await data.put(
      keys.flatMap((key, n) => {
        const text = texts[n];
        return text === undefined ? [] : [[key, text] as const];
      }),
    );
    for (const maxChars of [0, 8, 200_000, large.length - 1, large.length, Infinity])
      expect(await data.getMany(keys, maxChars)).toEqual(
        texts.map((text) => text && headOf(text, maxChars)),
      );
  });

  it('answers a probe', async () => {
    expect(await data.probe(live())).not.toBe('');
  });
}

describe('a data plane in memory', () => {
  contract(async () => new MemoryDataPlane({ onCall }));

  it('says that it is full, and how full, and keeps what it has', async () => {
    const data = new MemoryDataPlane({ maxBytes: 20 });
    await data.put([['a', '0123456789']]);
    await expect(data.put([['b', '0123456789']])).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: expect.stringContaining('11 of 20 bytes') as string,
    });
    await data.put([['a', '9876543210']]);
    expect((await data.get('a', 100))?.text).toBe('9876543210');
    expect(await data.get('b', 100)).toBeUndefined();
  });
});

describe('a data plane in a folder', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'htc-graph-data-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });
  contract(() => FolderDataPlane.open(join(folder, 'data'), onCall));

  it('is there after a restart, one folder for each session, no draft left', async () => {
    const first = await FolderDataPlane.open(join(folder, 'again'));
    await first.put([[outputKey(`${session}_0`), 'MQ==']]);
    await first.put([[submissionKey(session), 'e30=']]);
    await first.stop();
    const second = await FolderDataPlane.open(join(folder, 'again'));
    expect((await second.get(outputKey(`${session}_0`), 10))?.text).toBe('MQ==');
    expect(await readdir(join(folder, 'again'))).toEqual([session]);
    expect((await readdir(join(folder, 'again', session))).sort()).toEqual([
      `${session}-payload`,
      `${session}_0-output`,
    ]);
  });

  it('refuses to write a key that would leave the folder', async () => {
    const data = await FolderDataPlane.open(join(folder, 'keys'));
    await expect(data.put([['../outside', 'x']])).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});

describe('a data plane in S3', () => {
  let s3: S3Server;
  beforeAll(async () => {
    s3 = await startS3();
  });
  afterAll(async () => {
    await s3.stop();
  });
  const open = (more: Partial<S3Settings> = {}) =>
    S3DataPlane.open({ ...s3, region: 'eu-west-1', kmsKeyId: 'the-key', onCall, ...more });
  contract(() => open(), 60);

  it('writes to the bucket root, encrypted with the key of the grid', async () => {
    s3.writes.length = 0;
    const data = await open();
    await data.put([[inputKey(`${session}_0`), 'MQ==']]);
    await data.stop();
    expect(s3.writes).toMatchObject([
      {
        path: expect.stringMatching(`^/${s3.bucket}/${session}_0-input(\\?|$)`) as string,
        headers: {
          'x-amz-server-side-encryption': 'aws:kms',
          'x-amz-server-side-encryption-aws-kms-key-id': 'the-key',
        },
      },
    ]);
  });

  it('is unavailable with wrong credentials, without its bucket, and where nothing listens', async () => {
    const credentials = { accessKeyId: 'nobody', secretAccessKey: 'wrong-secret' };
    for (const more of [
      { credentials },
      { bucket: 'other' },
      { endpoint: 'http://127.0.0.1:1' },
    ] satisfies Partial<S3Settings>[]) {
      const data = await open(more);
      const failing = data.put([['a', 'b']]);
      await expect(failing).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await expect(failing).rejects.not.toThrow(/wrong-secret/);
      await data.stop();
    }
  });

  describe('behind a Redis', () => {
    const cache = new MemoryDataPlane();
    let store: S3DataPlane;
    let both: LayeredDataPlane;
    beforeAll(async () => {
      store = await open();
      both = new LayeredDataPlane(cache, store);
    });
    contract(async () => both, 60);

    it('has in both what is written, and reads what the cache has lost from the store, into the cache', async () => {
      const key = outputKey(`${session}_77`);
      await both.put([[key, 'MQ==']]);
      expect((await cache.get(key, 10))?.text).toBe('MQ==');
      const fresh = new MemoryDataPlane();
      const again = new LayeredDataPlane(fresh, store);
      expect((await again.get(key, 10))?.text).toBe('MQ==');
      expect((await fresh.get(key, 10))?.text).toBe('MQ==');
      expect((await again.getMany([key, 'none'], 10)).map((one) => one?.text)).toEqual([
        'MQ==',
        undefined,
      ]);
    });

    it('answers from the store while the cache is away', async () => {
      const away = await RedisDataPlane.open({ host: '127.0.0.1', port: 1, onCall });
      const again = new LayeredDataPlane(away, store);
      await store.put([[outputKey(`${session}_78`), 'Mg==']]);
      expect((await again.get(outputKey(`${session}_78`), 10))?.text).toBe('Mg==');
      // For a while it is not asked again: these are one call of the store each.
      calls.length = 0;
      expect((await again.get(outputKey(`${session}_78`), 10))?.text).toBe('Mg==');
      await again.put([[outputKey(`${session}_79`), 'Mw==']]);
      expect(calls.map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual([
        'data-read ok',
        'data-write ok',
      ]);
      await away.stop();
    });

    it('writes to the store alone while the cache is away, and fails where the store does', async () => {
      const away = await RedisDataPlane.open({ host: '127.0.0.1', port: 1, onCall });
      const key = outputKey(`${session}_80`);
      await new LayeredDataPlane(away, store).put([[key, 'NA==']]);
      expect((await store.get(key, 10))?.text).toBe('NA==');
      const nowhere = new LayeredDataPlane(new MemoryDataPlane(), away);
      await expect(nowhere.put([[key, 'NA==']])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await away.stop();
    });
  });
});

describeReal('redis', 'a data plane in Redis with TLS', (redis) => {
  let server: RedisServer;
  let folder: string;
  let ca: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'htc-graph-tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const named = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', key, '-out', cert, '-days', '2', ...named],
    ]);
    ca = await readFile(cert, 'utf8');
    const port = await freePort();
    server = await redis.start(
      ...['--tls-port', String(port), '--tls-cert-file', cert, '--tls-key-file', key],
      ...['--tls-auth-clients', 'no', '--requirepass', 'secret'],
    );
    tls = { host: '127.0.0.1', port, tls: true, password: 'secret' };
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });
  let tls: RedisSettings;

  it('is written and read over TLS with a password', async () => {
    const data = await RedisDataPlane.open({ ...tls, ca });
    await data.put([[outputKey(`${session}_0`), 'MQ==']]);
    expect((await data.get(outputKey(`${session}_0`), 10))?.text).toBe('MQ==');
    await data.stop();
  });

  it('is not trusted without its certificate', async () => {
    const data = await RedisDataPlane.open(tls);
    await expect(data.get('a', 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await data.stop();
  });
});

describeReal('redis', 'a data plane in Redis', (redis) => {
  let server: RedisServer;
  let client: Redis;
  let at: RedisSettings;
  beforeAll(async () => {
    server = await redis.start('--requirepass', 'secret');
    at = { host: '127.0.0.1', port: server.port };
    client = new Redis({ port: server.port, password: 'secret' });
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });
  contract(() => RedisDataPlane.open({ ...at, password: 'secret', onCall }));

  it('takes large values in several answers, of a megabyte each', async () => {
    const data = await RedisDataPlane.open({ ...at, password: 'secret' });
    const keys = Array.from({ length: 12 }, (_, n) => `large-${String(n)}`);
    await data.put(keys.map((key) => [key, 'x'.repeat(300_000)]));
    await client.config('RESETSTAT');
    expect(await data.getMany(keys, 400_000)).toHaveLength(12);
    expect(await client.info('commandstats')).toMatch(/^cmdstat_eval:calls=3,/m);
    await data.stop();
  });

  it('refuses a value of another type, and goes on', async () => {
    await client.rpush('list-output', 'MQ==');
    const data = await RedisDataPlane.open({ ...at, password: 'secret' });
    await data.put([['text-output', 'MQ==']]);
    await expect(data.getMany(['text-output', 'list-output'], 10)).rejects.toThrow();
    expect((await data.get('text-output', 10))?.text).toBe('MQ==');
    await data.stop();
  });

  it('is unavailable with a wrong password, and does not print it', async () => {
    const data = await RedisDataPlane.open({ ...at, password: 'wrong-secret' });
    const failing = data.get('a', 1);
    await expect(failing).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(failing).rejects.not.toThrow(/wrong-secret/);
    await data.stop();
  });

  it('is not waited for by who gives up; others of the same round are answered', async () => {
    const data = await RedisDataPlane.open({ ...at, password: 'secret' });
    await data.put([['left-output', 'MQ==']]);
    const end = new AbortController();
    const left = data.get('left-output', 10, end.signal);
    const stays = data.get('left-output', 10, live());
    end.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect((await stays)?.text).toBe('MQ==');
    await data.stop();
  });

  it('is unavailable where nothing listens', async () => {
    const data = await RedisDataPlane.open({ host: '127.0.0.1', port: 1 });
    await expect(data.put([['a', 'b']])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await data.stop();
  });
});

describeReal('redis', 'a data plane in a Redis that runs no scripts', (redis) => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await redis.start('--rename-command', 'EVAL', '');
  });
  afterAll(async () => {
    await server.stop();
  });
  contract(() => RedisDataPlane.open({ host: '127.0.0.1', port: server.port, onCall }));

  it('is read by a user who may not run them, not by one who may not read', async () => {
    const client = new Redis({ port: server.port });
    await client.set('a-output', 'MQ==');
    await client.acl('SETUSER', 'default', '-@scripting');
    const reads = await RedisDataPlane.open({ host: '127.0.0.1', port: server.port });
    expect((await reads.get('a-output', 10))?.text).toBe('MQ==');
    await client.acl('SETUSER', 'default', '-getrange');
    await expect(reads.get('a-output', 10)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await client.acl('SETUSER', 'default', '+@all');
    client.disconnect();
    await reads.stop();
  });
});
