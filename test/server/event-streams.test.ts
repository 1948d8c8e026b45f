/** Subscriptions as server-sent events: the same streams, for clients and proxies that get on badly with WebSockets. */
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { createClient } from 'graphql-sse';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AppendLog } from '../../src/streams/index.js';
import { numbersQuery, numbersSchema, type NumbersFrame, type Owned } from './numbers-schema.js';
import { connect, subscribe } from './raw-socket.js';
import {
  ask,
  bearer,
  codes,
  readAnswer,
  serve,
  staticTokenList,
  tokens,
  type ServeOptions,
} from './serve.js';

async function serveNumbers(options: ServeOptions = {}) {
  const log = new AppendLog<Owned>('numbers');
  const ends = new AbortController();
  const done = { subscribed: 0, executed: 0 };
  const served = await serve({ ...options, schema: numbersSchema(log, ends.signal, done) });
  onTestFinished(() => served.server.stop());
  return {
    ...served,
    log,
    ends,
    done,
    append: (...numbers: readonly number[]) =>
      log.append(numbers.map((n) => ({ n, owner: 'rita' }))),
  };
}

const events = (
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { accept: 'text/event-stream', 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

/** The events of an answer, one by one; comments are left out. */
async function* eventsOf(response: Response): AsyncGenerator<ServerEvent, void> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
      if (event !== undefined && data !== undefined) yield { event, data };
    }
  }
}

const frameOf = ({ data }: ServerEvent): NumbersFrame =>
  (JSON.parse(data) as { data: { numbers: NumbersFrame } }).data.numbers;

const subscription = (start: object) => ({ query: numbersQuery, variables: { start } });

describe('a client of graphql-sse', () => {
  it('gets every frame, and the end', async () => {
    const { graphql, append, log } = await serveNumbers();
    append(1, 2);
    const client = createClient({ url: graphql, retryAttempts: 0 });
    onTestFinished(() => client.dispose());
    const got: NumbersFrame[] = [];
    for await (const { data } of client.iterate<{ numbers: NumbersFrame }>(
      subscription({ snapshot: true }),
    )) {
      if (!data) throw new Error('no data');
      got.push(data.numbers);
      if (data.numbers.kind === 'SYNCED') {
        append(3);
        log.finish();
      }
    }
    expect(got.map(({ kind }) => kind)).toEqual(['SNAPSHOT', 'SYNCED', 'CHANGES', 'END']);
    expect(got.flatMap(({ numbers }) => numbers)).toEqual([1, 2, 3]);
  });

  it('loses nothing behind a proxy that cuts its connections, by its cursor', async () => {
    const { url, append, log } = await serveNumbers();
    const cuts: (() => void)[] = [];
    const proxy = createTcpServer((inbound) => {
      const outbound = connectTcp(Number(url.port), '127.0.0.1');
      inbound.pipe(outbound).pipe(inbound);
      for (const socket of [inbound, outbound]) socket.on('error', () => socket.destroy());
      cuts.push(() => inbound.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void proxy.close());
    const through = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/graphql`;
    const got: number[] = [];
    let start: object = { snapshot: true };
    for (let n = 0, over = false; !over;) {
      const client = createClient({ url: through, retryAttempts: 0 });
      try {
        for await (const { data } of client.iterate<{ numbers: NumbersFrame }>(
          subscription(start),
        )) {
          const frame = data?.numbers;
          if (!frame) throw new Error('no data');
          got.push(...frame.numbers);
          start = { after: frame.cursor };
          over = frame.kind === 'END';
          if (over) break;
          if (n < 20) append(n++, n++);
          if (n === 20) log.finish();
          if (n % 3 === 0) cuts.at(-1)?.();
        }
      } catch {
        // Cut; it comes back.
      }
      client.dispose();
    }
    expect(got).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(cuts.length).toBeGreaterThan(3);
  });
});

describe('an event stream', () => {
  it('is what EventSource asks for: GET, with the operation in the address', async () => {
    const { graphql, log } = await serveNumbers();
    const search = new URLSearchParams({
      query: numbersQuery,
      variables: '{"start":{"now":true}}',
    });
    const response = await fetch(`${graphql}?${String(search)}`, {
      headers: { accept: 'text/event-stream' },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const all = eventsOf(response);
    expect(frameOf((await all.next()).value as ServerEvent).kind).toBe('SYNCED');
    log.finish();
    expect(frameOf((await all.next()).value as ServerEvent).kind).toBe('END');
    expect((await all.next()).value).toEqual({ event: 'complete', data: '' });
    expect((await all.next()).done).toBe(true);
  });

  it('shares its frames with sockets', async () => {
    const { graphql, socketUrl, append, done, log } = await serveNumbers();
    using socket = await connect(socketUrl);
    subscribe(socket, '1', numbersQuery, { variables: { start: { now: true } } });
    await socket.next();
    const all = eventsOf(await events(graphql, subscription({ snapshot: true })));
    await all.next();
    await vi.waitFor(() => expect(log.waiting).toBe(1));
    const { executed } = done;
    append(7);
    const event = (await all.next()).value as ServerEvent;
    expect((await socket.next()).payload).toEqual(JSON.parse(event.data));
    expect(done.executed - executed).toBe(1);
    await all.return();
  });

  it('ends at the server when its client leaves', async () => {
    const { graphql, log, metrics, lines } = await serveNumbers();
    const leaves = new AbortController();
    const body = JSON.stringify(subscription({ now: true }));
    const headers = { accept: 'text/event-stream', 'content-type': 'application/json' };
    await fetch(graphql, { method: 'POST', headers, body, signal: leaves.signal });
    await vi.waitFor(() => expect(log.waiting).toBe(1));
    leaves.abort();
    await vi.waitFor(() => expect(log.waiting).toBe(0));
    await vi.waitFor(async () =>
      expect(await metrics.text()).toContain('htc_graph_subscriptions 0'),
    );
    expect(lines.filter(({ msg }) => msg === 'fault')).toEqual([]);
    expect(lines.find(({ msg }) => msg === 'operation')).toMatchObject({
      transport: 'sse',
      type: 'subscription',
      operation: 'Numbers',
      outcome: 'OK',
    });
  });

  it('waits for a slow reader at its position, holds up nobody, and loses nothing', async () => {
    const { url, socketUrl, append, log, done } = await serveNumbers();
    const variables = { padding: 50_000, delivery: { maxWaitMs: 0 } };
    using socket = await connect(socketUrl);
    subscribe(socket, '1', numbersQuery, { variables });
    await socket.next();
    const slow = httpRequest({
      port: url.port,
      host: '127.0.0.1',
      path: '/graphql',
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
    });
    onTestFinished(() => void slow.destroy());
    slow.end(JSON.stringify({ query: numbersQuery, variables }));
    const response = await new Promise<NodeJS.ReadableStream>((resolve) =>
      slow.once('response', resolve),
    );
    await vi.waitFor(() => expect([done.executed, log.waiting]).toEqual([2, 1]));
    // Nothing of the response is read; some megabytes fit into the buffers of the system.
    for (let n = 0; n < 300; n += 1) {
      append(n);
      const { payload } = await socket.next();
      expect(payload).toMatchObject({ data: { numbers: { numbers: [n] } } });
    }
    let text = '';
    response.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await vi.waitFor(() => expect(/"numbers":\[[\d,]*299\]/.test(text)).toBe(true), {
      timeout: 10_000,
    });
    const got = [...text.matchAll(/"numbers":\[([\d,]*)\]/g)].flatMap(([, list]) =>
      (list ?? '').split(',').filter(Boolean).map(Number),
    );
    expect(got).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });

  it('is cut where its peer takes nothing any more, over or not, and keeps nothing', async () => {
    const { url, log, append, metrics } = await serveNumbers({
      server: { keepAliveMs: 100 },
    });
    const unread = connectTcp(Number(url.port), '127.0.0.1').pause();
    onTestFinished(() => void unread.destroy());
    unread.on('error', () => undefined); // it is cut
    const variables = { padding: 15_000_000, delivery: { maxWaitMs: 0 } };
    const body = JSON.stringify({ query: numbersQuery, variables });
    unread.write(
      `POST /graphql HTTP/1.1\r\nHost: ${url.host}\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await vi.waitFor(() => expect(log.waiting).toBe(1));
    append(1);
    log.finish();
    await vi.waitFor(async () => {
      expect(await metrics.text()).toContain('htc_graph_subscriptions 0');
    });
    const closed = new Promise((resolve) => unread.once('close', resolve));
    unread.resume();
    await closed;
    expect(unread.bytesRead).toBeLessThan(15_000_000);
  });

  it('has comments in its silence', async () => {
    const { graphql } = await serveNumbers({ server: { keepAliveMs: 30 } });
    const response = await events(graphql, subscription({ now: true }));
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString();
      if (text.split(':\n\n').length > 4) break;
    }
    expect(text.startsWith(':\n\n')).toBe(true);
  });

  it('has none before its beginning, however slowly the request comes', async () => {
    const { url, graphql, append } = await serveNumbers({ server: { keepAliveMs: 30 } });
    append(1);
    const body = JSON.stringify(subscription({ snapshot: true }));
    const slow = httpRequest(graphql, {
      method: 'POST',
      headers: {
        accept: 'text/event-stream',
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    });
    onTestFinished(() => void slow.destroy());
    const answered = new Promise<IncomingMessage>((resolve, reject) =>
      slow.once('response', resolve).once('error', reject),
    );
    slow.write(body.slice(0, 10));
    await vi.waitFor(
      async () =>
        expect(await (await fetch(new URL('metrics', url))).text()).toMatch(/_subscriptions 1$/m),
      { timeout: 10_000 },
    );
    const other = await events(graphql, subscription({ now: true }));
    let comments = 0;
    for await (const chunk of other.body ?? []) {
      comments +=
        Buffer.from(chunk as Uint8Array)
          .toString()
          .split(':\n\n').length - 1;
      if (comments > 3) break;
    }
    slow.end(body.slice(10));
    const response = await answered;
    expect(response.headers['content-type']).toMatch(/^text\/event-stream/);
    for await (const chunk of response) {
      if (String(chunk).includes('event: next')) break;
    }
  });

  it('says END when the server stops, and is cut where it has nothing to say', async () => {
    const { graphql, ends, server } = await serveNumbers();
    const all = eventsOf(await events(graphql, subscription({ now: true })));
    await all.next();
    const stopped = server.stop();
    ends.abort('SHUTDOWN');
    expect(frameOf((await all.next()).value as ServerEvent).end).toEqual({ reason: 'SHUTDOWN' });
    expect((await all.next()).value).toEqual({ event: 'complete', data: '' });
    await stopped;

    const silent = await serve({ server: { shutdownMs: 100 } });
    const quiet = eventsOf(await events(silent.graphql, { query: 'subscription { quiet }' }));
    await quiet.next();
    await silent.server.stop();
    await expect(quiet.next()).rejects.toThrow();
  });

  it('says END when its token expires', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const token = 'soon-over-0123456789';
    const lifeMs = 60_000;
    const { graphql } = await serveNumbers({
      tokens: [{ token, identity: 'rita', roles: ['reader'], expiresAt: Date.now() + lifeMs }],
    });
    const all = eventsOf(await events(graphql, subscription({ now: true }), bearer(token)));
    await all.next();
    vi.advanceTimersByTime(lifeMs);
    expect(frameOf((await all.next()).value as ServerEvent).end).toEqual({
      reason: 'AUTH_EXPIRED',
    });
    expect((await all.next()).value).toEqual({ event: 'complete', data: '' });
    expect((await events(graphql, subscription({ now: true }), bearer(token))).status).toBe(401);
  });
});

describe('what is no event stream', () => {
  it.each([
    ['{ ok }', 'BAD_REQUEST'],
    ['subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['subscription {', 'GRAPHQL_PARSE_FAILED'],
    [
      'subscription A { numbers { kind } } subscription B { numbers { kind } }',
      'OPERATION_RESOLUTION_FAILURE',
    ],
    ['subscription { numbers(start: {after: "x"}) { kind } }', 'CURSOR_INVALID'],
  ])('is told to %s in an event, as the protocol says: %s', async (query, code) => {
    const { graphql } = await serveNumbers();
    const response = await events(graphql, { query });
    expect(response.status).toBe(200);
    const got: ServerEvent[] = [];
    for await (const event of eventsOf(response)) got.push(event);
    expect(got.map(({ event }) => event)).toEqual(['next', 'complete']);
    expect(JSON.parse(got[0]?.data ?? '')).toMatchObject({ errors: [{ extensions: { code } }] });
  });

  it.each([
    ['no query', { nothing: true }, {}, 400],
    ['variables that are no object', { query: numbersQuery, variables: [1] }, {}, 400],
    ['another content type', { query: numbersQuery }, { 'content-type': 'text/plain' }, 400],
    ['a foreign origin', { query: numbersQuery }, { origin: 'http://evil.example' }, 403],
    ['an unknown token', { query: numbersQuery }, bearer('nobody-has-this-0123'), 401],
    [
      'a body that is too large',
      { query: numbersQuery, x: 'x'.repeat(2_000_000) },
      bearer(tokens.reader),
      413,
    ],
  ])('is refused before: %s', async (_, body, headers, status) => {
    const { graphql } = await serveNumbers({ tokens: staticTokenList });
    const response = await events(graphql, body, { ...bearer(tokens.reader), ...headers });
    expect(response.status).toBe(status);
    expect((await readAnswer(response)).errors).toHaveLength(1);
  });

  it('is a GET that a page of another site sends without its origin', async () => {
    const { graphql } = await serveNumbers();
    const search = new URLSearchParams({ query: numbersQuery });
    const response = await fetch(`${graphql}?${String(search)}`, {
      headers: { accept: 'text/event-stream', 'sec-fetch-site': 'cross-site' },
    });
    expect(response.status).toBe(403);
  });

  it('counts with the subscriptions of its caller, on whatever transport', async () => {
    const { graphql, socketUrl } = await serveNumbers({ limits: { subscriptionsPerCaller: 1 } });
    using socket = await connect(socketUrl);
    subscribe(socket, '1', numbersQuery);
    await socket.next();
    const response = await events(graphql, subscription({ now: true }));
    expect(response.status).toBe(429);
    expect(codes(await readAnswer(response))).toEqual(['TOO_MANY_REQUESTS']);
  });

  it('is a request whose client would rather have JSON', async () => {
    const { graphql } = await serveNumbers();
    const accept = 'application/graphql-response+json, application/json, text/event-stream';
    expect((await ask({ graphql }, '{ ok }', { headers: { accept } })).data).toEqual({ ok: true });
  });
});
