/** Danger: DNS rebinding and foreign web pages. Every address of the server asks the same gate, on both transports. */
import { request } from 'node:http';
import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, refusedUpgrade } from './raw-socket.js';
import { serve, type Served } from './serve.js';

let served: Served;
beforeAll(async () => {
  served = await serve({
    server: { hosts: ['graph.example.org'], origins: ['https://portal.example.org'] },
  });
});
afterAll(() => served[Symbol.asyncDispose]());

const paths = ['/', '/graphql?query={hello}', '/metrics', '/healthz', '/readyz', '/nothing'];

interface Refusal {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** fetch sets Host and Origin by itself; this says exactly what goes out. */
function get(path: string, headers: Record<string, string>): Promise<Refusal> {
  return new Promise((resolve, reject) => {
    const { port } = served.url;
    const outgoing = request({ host: '127.0.0.1', port, path, headers }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
      );
    });
    outgoing.once('error', reject);
    outgoing.end();
  });
}

/** The answer to a request written byte for byte. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(Number(served.url.port), '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
  });
}

const forbidden = { status: 403, body: expect.stringContaining('"code":"FORBIDDEN"') as string };

describe('a foreign Host', () => {
  it.each(paths)('is refused at %s', async (path) => {
    expect(await get(path, { host: 'evil.example' })).toMatchObject(forbidden);
  });

  it('is refused for a WebSocket', async () => {
    const answer = await refusedUpgrade(served.socketUrl, { headers: { host: 'evil.example' } });
    expect(answer).toMatchObject(forbidden);
  });

  it.each([
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example:4000',
    'user@localhost',
    'localhost:4000:4000',
    'localhost/',
    'localhost, evil.example',
    '0.0.0.0',
    '[::2]',
  ])('is refused when it is only like a good one: %j', async (host) => {
    expect((await get('/healthz', { host })).status).toBe(403);
  });

  it('is refused next to a good one', async () => {
    const answer = await raw(
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1.1 40[03] /);
  });

  it('is refused in the request target', async () => {
    const answer = await raw(
      'GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1.1 403 /);
  });

  it('is not a missing or an empty one', async () => {
    expect(await raw('GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 403 /);
    expect(await raw('GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1.1 403 /,
    );
  });
});

describe('an own Host', () => {
  it.each([
    'localhost',
    'LOCALHOST:1',
    '127.0.0.1',
    '[::1]:4000',
    'graph.example.org',
    'graph.example.org:80',
  ])('is answered: %s', async (host) => {
    expect((await get('/healthz', { host })).status).toBe(200);
  });
});

describe('a foreign Origin', () => {
  it.each(paths)('is refused at %s', async (path) => {
    const answer = await get(path, { host: 'localhost', origin: 'https://evil.example' });
    expect(answer).toMatchObject(forbidden);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual(
      [],
    );
  });

  it('is refused for a WebSocket', async () => {
    const answer = await refusedUpgrade(served.socketUrl, {
      headers: { origin: 'https://evil.example' },
    });
    expect(answer).toMatchObject(forbidden);
  });

  it.each([
    'null',
    'http://localhost:1',
    'http://localhost.evil.example',
    'file://',
    'localhost:4000',
  ])('is refused when it is only like an own one: %s', async (origin) => {
    expect((await get('/healthz', { host: 'localhost:4000', origin })).status).toBe(403);
  });
});

describe('an own or configured Origin', () => {
  it.each(['http://localhost:4000', 'https://LOCALHOST:4000', 'https://portal.example.org'])(
    'is answered: %s',
    async (origin) => {
      expect((await get('/healthz', { host: 'localhost:4000', origin })).status).toBe(200);
    },
  );

  it('is answered for a WebSocket, and so is none', async () => {
    const accepted: Record<string, string>[] = [
      { origin: served.url.origin },
      { origin: 'https://portal.example.org' },
      {},
    ];
    for (const headers of accepted) {
      using socket = await connect(served.socketUrl, undefined, { headers });
      expect(socket.protocol).toBe('graphql-transport-ws');
    }
  });
});
