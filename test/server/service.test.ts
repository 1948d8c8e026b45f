/** What operators see: health, readiness, metrics, request ids, the log, and the playground's files. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { HealthStatus } from '../../src/grids/grid.js';
import { metricTable } from '../../src/server/metrics.js';
import { tableRows } from './documentation.js';
import { connect, subscribe } from './raw-socket.js';
import { ask, bearer, codes, readAnswer, serve, staticTokenList, tokens } from './serve.js';

const get = (base: URL, path: string, init: RequestInit = {}) => fetch(new URL(path, base), init);

describe('/healthz and /readyz', () => {
  it('say that the process lives, whatever the grids do', async () => {
    await using served = await serve({
      readiness: async () => [{ name: 'a', kind: 'HTCONDOR', status: 'DOWN' }],
    });
    const response = await get(served.url, '/healthz');
    expect([response.status, await response.text()]).toEqual([200, 'OK\n']);
    expect((await get(served.url, '/healthz', { method: 'POST' })).status).toBe(405);
  });

  it.each<[HealthStatus, HealthStatus, number, string]>([
    ['OK', 'OK', 200, 'OK'],
    ['OK', 'DOWN', 200, 'DEGRADED'],
    ['DEGRADED', 'DOWN', 200, 'DEGRADED'],
    ['UNKNOWN', 'OK', 200, 'DEGRADED'],
    ['DOWN', 'DOWN', 503, 'DOWN'],
  ])('with grids %s and %s are %i %s', async (a, b, status, overall) => {
    const grids = [
      { name: 'a', kind: 'HTC_GRID', status: a },
      { name: 'b', kind: 'HTCONDOR', status: b },
    ] as const;
    await using served = await serve({ readiness: async () => grids });
    const response = await get(served.url, '/readyz');
    expect([response.status, await response.json()]).toEqual([status, { status: overall, grids }]);
  });

  it('ask the grids once for many readers', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const readiness = vi.fn(async () => []);
    await using served = await serve({ readiness });
    await Promise.all(Array.from({ length: 20 }, () => get(served.url, '/readyz')));
    expect(readiness).toHaveBeenCalledOnce();
  });
});

describe('/metrics', () => {
  it('count operations by transport, type and outcome, and open streams and sockets', async () => {
    await using served = await serve();
    await ask(served, '{ hello }');
    await ask(served, 'mutation { set(n: 1) }');
    await ask(served, '{ fail }');
    await ask(served, '{ nonsense }');
    using socket = await connect(served.socketUrl);
    subscribe(socket, '1', 'subscription { quiet }');
    await socket.next();
    const text = await (await get(served.url, '/metrics')).text();
    for (const line of [
      'htc_graph_requests_total{transport="http",type="query",outcome="OK"} 1',
      'htc_graph_requests_total{transport="http",type="mutation",outcome="OK"} 1',
      'htc_graph_requests_total{transport="http",type="query",outcome="THROTTLED"} 1',
      'htc_graph_requests_total{transport="http",type="none",outcome="GRAPHQL_VALIDATION_FAILED"} 1',
      'htc_graph_request_seconds_count{transport="http",type="query"} 2',
      'htc_graph_subscriptions 1',
      'htc_graph_sockets 1',
    ]) {
      expect(text).toContain(line);
    }
    expect(text).toContain('process_cpu_seconds_total');
    socket.send({ id: '1', type: 'complete' });
    await vi.waitFor(async () => {
      const now = await served.metrics.text();
      expect(now).toContain('htc_graph_subscriptions 0');
      expect(now).toContain(
        'htc_graph_requests_total{transport="ws",type="subscription",outcome="OK"} 1',
      );
    });
    socket.socket.close();
    await vi.waitFor(async () =>
      expect(await served.metrics.text()).toContain('htc_graph_sockets 0'),
    );
  });

  it('count calls to grids', async () => {
    await using served = await serve();
    served.metrics.gridCall({ grid: 'pool', call: 'queue', outcome: 'ok', ms: 20 });
    const text = await served.metrics.text();
    expect(text).toContain('htc_graph_grid_calls_total{grid="pool",call="queue",outcome="ok"} 1');
    expect(text).toContain('htc_graph_grid_call_seconds_sum{grid="pool",call="queue"} 0.02');
  });

  it('need a token where access is configured; health does not', async () => {
    await using served = await serve({ tokens: staticTokenList });
    const refused = await get(served.url, '/metrics');
    expect([refused.status, codes(await readAnswer(refused))]).toEqual([401, ['UNAUTHENTICATED']]);
    expect((await get(served.url, '/metrics', { headers: bearer(tokens.reader) })).status).toBe(
      200,
    );
    expect((await get(served.url, '/healthz')).status).toBe(200);
    expect((await get(served.url, '/readyz')).status).toBe(200);
  });

  it('are documented, each with its labels and meaning', async () => {
    const text = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const rows = Object.entries(metricTable).map(([name, { labels, help }]) => [
      `\`${name}\``,
      labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]);
    expect(tableRows(text, /^`htc_graph_/)).toEqual(rows);
  });
});

describe('access over HTTP', () => {
  it.each([{}, bearer('nobody-has-this-0123'), { authorization: 'Basic dTpw' }])(
    'with %j is a 401 that says how to ask',
    async (headers) => {
      await using served = await serve({ tokens: staticTokenList });
      const answer = await ask(served, '{ hello }', { headers: headers });
      expect([answer.status, codes(answer)]).toEqual([401, ['UNAUTHENTICATED']]);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    },
  );

  it('with a token is that identity, with its roles and no more', async () => {
    await using served = await serve({ tokens: staticTokenList });
    const as = (token: string, query: string) => ask(served, query, { headers: bearer(token) });
    expect((await as(tokens.user, '{ whoAmI }')).data).toEqual({ whoAmI: 'ulf' });
    expect((await as(tokens.user, '{ act }')).data).toEqual({ act: 'done' });
    const refused = await as(tokens.reader, '{ act }');
    expect(codes(refused)).toEqual(['FORBIDDEN']);
    expect(refused.errors[0]?.message).toBe(
      'Query.act needs the role user or admin; rita has reader.',
    );
  });
});

describe('a client that offers HTTP/2', () => {
  const offer =
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
  const body = '{"query":"{ hello }"}';

  async function exchange(text: string, more: string): Promise<string> {
    await using served = await serve();
    const socket = connectTcp(Number(served.url.port), served.url.hostname);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.write(text.replaceAll('HOST', served.url.host));
    await vi.waitFor(() => expect(answer).not.toBe(''));
    if (more !== '') socket.write(more.replaceAll('HOST', served.url.host));
    await closed;
    return answer;
  }

  it('is answered over HTTP/1.1, its body and further requests of the connection included', async () => {
    const post = `POST /graphql HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n${offer}Content-Length: ${body.length}\r\n\r\n${body}`;
    const next = 'GET /healthz HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n';
    const answer = await exchange(post, next);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain('{"data":{"hello":"world"}}');
    expect(answer).toMatch(/OK\n$/);
  });

  it('passes the same gate as all others', async () => {
    const post = `POST /graphql HTTP/1.1\r\nHost: evil.example\r\n${offer}Content-Length: 0\r\n\r\n`;
    expect(await exchange(post, '')).toMatch(/^HTTP\/1\.1 403 /);
  });
});

describe('the log', () => {
  it('has one line for each operation, under the id that the client sees, and no secrets', async () => {
    await using served = await serve({ tokens: staticTokenList });
    const answer = await ask(served, 'query Said($t: String!) { echo(text: $t) }', {
      variables: { t: 'a private matter' },
      headers: { ...bearer(tokens.user), 'x-request-id': 'mine-1' },
    });
    expect(answer.headers.get('x-request-id')).toBe('mine-1');
    const lines = served.lines.filter(({ requestId }) => requestId === 'mine-1');
    expect(lines).toEqual([
      expect.objectContaining({
        msg: 'operation',
        transport: 'http',
        caller: 'ulf',
        type: 'query',
        operation: 'Said',
        outcome: 'OK',
        ms: expect.any(Number) as number,
      }),
    ]);
    const text = JSON.stringify(served.lines);
    for (const secret of ['private matter', tokens.user, 'echo('])
      expect(text).not.toContain(secret);
  });

  it('calls a client that went away before its request was whole no fault of the server', async () => {
    await using served = await serve();
    const socket = connectTcp(Number(served.url.port), served.url.hostname);
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: ${served.url.host}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"query":`,
      () => socket.destroy(),
    );
    const line = await vi.waitFor(() => {
      const found = served.lines.find(({ msg }) => msg === 'operation');
      if (!found) throw new Error('No operation was logged yet.');
      return found;
    });
    expect(line['outcome']).toBe('BAD_REQUEST');
    expect(served.lines.filter(({ msg }) => msg === 'fault')).toEqual([]);
  });

  it.each(['', 'x'.repeat(65), 'a b', 'a"b'])('takes no id like %j from a client', async (id) => {
    await using served = await serve();
    const answer = await ask(served, '{ hello }', { headers: { 'x-request-id': id } });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('the playground', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'htc-graph-playground-'));
    await mkdir(join(folder, 'playground', 'assets'), { recursive: true });
    await writeFile(join(folder, 'secret.txt'), 'secret');
    await writeFile(join(folder, 'playground', 'index.html'), '<!doctype html>');
    await writeFile(join(folder, 'playground', 'assets', 'a-1.js'), 'export {};');
  });
  afterAll(() => rm(folder, { recursive: true }));
  const built = () => serve({ playground: join(folder, 'playground') });

  it('is served with its types, its policy and its caching', async () => {
    await using served = await built();
    const page = await get(served.url, '/');
    expect(await page.text()).toBe('<!doctype html>');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain(
      `connect-src 'self' ws://${served.url.host} wss://${served.url.host}`,
    );
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const script = await get(served.url, '/assets/a-1.js');
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(script.headers.get('cache-control')).toContain('immutable');
    const etag = page.headers.get('etag') ?? '';
    const again = await get(served.url, '/', { headers: { 'if-none-match': etag } });
    expect([again.status, await again.text()]).toEqual([304, '']);
    const head = await get(served.url, '/', { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '15']);
  });

  it.each([
    '/secret.txt',
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/assets/',
    '/assets/..%2f..%2fsecret.txt',
  ])('is nothing but its files: %s', async (path) => {
    await using served = await built();
    const response = await get(served.url, path);
    expect([response.status, codes(await readAnswer(response))]).toEqual([404, ['NOT_FOUND']]);
  });

  it('says so when it is not built, and is nothing when it is off', async () => {
    await using unbuilt = await serve({ playground: join(folder, 'nothing') });
    const missing = await get(unbuilt.url, '/');
    expect([missing.status, await missing.text()]).toEqual([
      404,
      expect.stringContaining('not built'),
    ]);
    await using off = await serve({
      playground: join(folder, 'playground'),
      server: { playground: false },
    });
    expect((await get(off.url, '/')).status).toBe(404);
  });
});
