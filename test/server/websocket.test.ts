/** graphql-transport-ws, frame by frame: what the protocol promises, and what it costs to break it. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { connect, openSocket, subscribe } from './raw-socket.js';
import { bearer, serve, staticTokenList, tokens, type Served } from './serve.js';

let served: Served;
let guarded: Served;
beforeAll(async () => {
  served = await serve();
  guarded = await serve({
    tokens: staticTokenList,
  });
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await guarded[Symbol.asyncDispose]();
});

describe('the connection', () => {
  it('speaks graphql-transport-ws and acknowledges connection_init', async () => {
    using socket = await openSocket(served.socketUrl);
    expect(socket.protocol).toBe('graphql-transport-ws');
    socket.send({ type: 'connection_init' });
    expect(await socket.next()).toEqual({ type: 'connection_ack' });
  });

  it('closes another subprotocol with 4406', async () => {
    using socket = await openSocket(served.socketUrl, { protocol: null });
    expect((await socket.closed).code).toBe(4406);
  });

  it('closes with 4408 when no connection_init comes', async () => {
    await using hasty = await serve({ server: { initTimeoutMs: 100 } });
    using socket = await openSocket(hasty.socketUrl);
    expect(await socket.closed).toEqual({
      code: 4408,
      reason: 'Connection initialisation timeout',
    });
  });

  it('closes with 4429 at a second connection_init', async () => {
    using socket = await connect(served.socketUrl);
    socket.send({ type: 'connection_init' });
    expect((await socket.closed).code).toBe(4429);
  });

  it('closes with 4401 at a subscribe before the acknowledgement', async () => {
    using socket = await openSocket(served.socketUrl);
    subscribe(socket, '1', '{ hello }');
    expect((await socket.closed).code).toBe(4401);
  });

  it.each([
    ['no JSON', 'nonsense'],
    ['no type', '{}'],
    ['an unknown type', '{"type":"start"}'],
    ['a subscribe without id', '{"type":"subscribe","payload":{"query":"{ hello }"}}'],
    ['a subscribe without query', '{"type":"subscribe","id":"1","payload":{}}'],
    [
      'variables that are no object',
      '{"type":"subscribe","id":"1","payload":{"query":"{ hello }","variables":"x"}}',
    ],
    ['a next, which servers send', '{"type":"next","id":"1","payload":{}}'],
    ['an error, which servers send', '{"type":"error","id":"1","payload":[{"message":"x"}]}'],
    ['an acknowledgement, which servers send', '{"type":"connection_ack"}'],
  ])('closes with 4400 at a message with %s', async (_, text) => {
    using socket = await connect(served.socketUrl);
    socket.sendText(text);
    expect((await socket.closed).code).toBe(4400);
  });

  it('closes with 4400 at a binary message', async () => {
    using socket = await connect(served.socketUrl);
    socket.sendText(Buffer.from('{"type":"ping"}'));
    expect((await socket.closed).code).toBe(4400);
  });

  it('answers a ping with a pong that carries its payload, before and after the acknowledgement', async () => {
    using socket = await openSocket(served.socketUrl);
    socket.send({ type: 'ping', payload: { n: 1 } });
    expect(await socket.next()).toEqual({ type: 'pong', payload: { n: 1 } });
    socket.send({ type: 'connection_init' });
    await socket.next();
    socket.send({ type: 'ping' });
    expect(await socket.next()).toEqual({ type: 'pong' });
  });

  it('takes a pong that it did not ask for, and a complete of what is over or never was', async () => {
    using socket = await connect(served.socketUrl);
    socket.send({ type: 'pong', payload: { n: 1 } });
    socket.send({ id: 'never', type: 'complete' });
    subscribe(socket, 'q', '{ hello }');
    expect([(await socket.next()).type, (await socket.next()).type]).toEqual(['next', 'complete']);
    socket.send({ id: 'q', type: 'complete' });
    socket.send({ type: 'ping' });
    expect(await socket.next()).toEqual({ type: 'pong' });
  });

  it('closes with 4400 at a ping whose payload no JSON.stringify survives', async () => {
    using socket = await openSocket(served.socketUrl);
    socket.sendText(`{"type":"ping","payload":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}`);
    expect((await socket.closed).code).toBe(4400);
    expect(served.lines.filter(({ msg }) => msg === 'fault')).toEqual([]);
  });

  it('leaves unread what a peer sends that does not read, and loses none of it', async () => {
    await using patient = await serve();
    using socket = await connect(patient.socketUrl);
    const pings = 1_000;
    socket.socket.pause();
    const payload = { filler: 'x'.repeat(32_000) };
    for (let n = 0; n < pings; n += 1) socket.send({ type: 'ping', payload });
    let waiting = Number.POSITIVE_INFINITY;
    await vi.waitFor(
      () => {
        const before = waiting;
        waiting = socket.socket.bufferedAmount;
        if (waiting !== before) throw new Error('The server still reads.');
      },
      { timeout: 10_000, interval: 300 },
    );
    // Some megabytes fit into the buffers of the system on both ways.
    expect(waiting).toBeGreaterThan(8_000_000);
    socket.socket.resume();
    for (let n = 0; n < pings; n += 1) expect((await socket.next()).type).toBe('pong');
  });

  it('cuts a peer that answers no ping', async () => {
    await using pinging = await serve({ server: { keepAliveMs: 40 } });
    using socket = await openSocket(pinging.socketUrl, { autoPong: false });
    socket.send({ type: 'connection_init' });
    expect((await socket.closed).code).toBe(1006);
  });
});

const aliased = (count: number, field: string): string =>
  Array.from({ length: count }, (_, n) => `f${n}: ${field}`).join(' ');

describe('operations', () => {
  it('answers a query with one next and complete', async () => {
    using socket = await connect(served.socketUrl);
    subscribe(socket, 'q', '{ hello }');
    expect(await socket.next()).toEqual({
      id: 'q',
      type: 'next',
      payload: { data: { hello: 'world' } },
    });
    expect(await socket.next()).toEqual({ id: 'q', type: 'complete' });
  });

  it('streams a subscription and completes it', async () => {
    using socket = await connect(served.socketUrl);
    subscribe(socket, 's', 'subscription Up($to: Int!) { count(to: $to) }', {
      variables: { to: 2 },
    });
    expect((await socket.next()).payload).toEqual({ data: { count: 1 } });
    expect((await socket.next()).payload).toEqual({ data: { count: 2 } });
    expect(await socket.next()).toEqual({ id: 's', type: 'complete' });
  });

  it('closes with 4409 at an id that is in use, and takes it again once it is free', async () => {
    using socket = await connect(served.socketUrl);
    subscribe(socket, 'a', '{ hello }');
    await socket.next();
    await socket.next();
    subscribe(socket, 'a', 'subscription { quiet }');
    expect((await socket.next()).payload).toEqual({ data: { quiet: 0 } });
    subscribe(socket, 'a', '{ hello }');
    expect((await socket.closed).code).toBe(4409);
  });

  it('closes with 4409 at an id whose query has no answer yet', async () => {
    using socket = await connect(served.socketUrl);
    subscribe(socket, 'a', '{ slow }');
    subscribe(socket, 'a', '{ hello }');
    expect((await socket.closed).code).toBe(4409);
  });

  it('takes the id of an answer again as soon as that has come, however large it is', async () => {
    using socket = await connect(served.socketUrl);
    const text = 'x'.repeat(90_000);
    for (let n = 0; n < 20; n += 1) {
      subscribe(socket, 'a', `query ($text: String!) { ${aliased(20, 'echo(text: $text)')} }`, {
        variables: { text },
      });
      expect((await socket.next()).type).toBe('next');
      expect(await socket.next()).toEqual({ id: 'a', type: 'complete' });
    }
  });

  it('gives who completed a query and uses its id again nothing of the former', async () => {
    await using own = await serve();
    using socket = await connect(own.socketUrl);
    subscribe(socket, 'a', '{ slow }');
    await own.world.begun.promise;
    socket.send({ id: 'a', type: 'complete' });
    subscribe(socket, 'a', 'subscription { quiet }');
    expect(await socket.next()).toEqual({ id: 'a', type: 'next', payload: { data: { quiet: 0 } } });
    own.world.slow.resolve('late');
    socket.send({ type: 'ping' });
    expect((await socket.next()).type).toBe('pong');
    socket.send({ id: 'a', type: 'complete' });
    await vi.waitFor(() => expect(own.world.ended).toBe(1));
    expect(socket.inbox).toEqual([]);
  });

  it('stops the source at a complete of the client, even one that is silent', async () => {
    await using own = await serve();
    using socket = await connect(own.socketUrl);
    subscribe(socket, 'c', 'subscription { quiet }');
    await socket.next();
    socket.send({ id: 'c', type: 'complete' });
    await vi.waitFor(() => expect(own.world.ended).toBe(1));
    expect(socket.inbox).toEqual([]);
  });

  it('lets an id be used again right after the client completed it', async () => {
    using socket = await connect(served.socketUrl);
    subscribe(socket, 'r', 'subscription { quiet }');
    await socket.next();
    socket.send({ id: 'r', type: 'complete' });
    subscribe(socket, 'r', 'subscription { quiet }');
    expect(await socket.next()).toEqual({ id: 'r', type: 'next', payload: { data: { quiet: 0 } } });
    expect(socket.inbox).toEqual([]);
  });

  it('stops every source of a socket that goes away', async () => {
    await using own = await serve();
    const socket = await connect(own.socketUrl);
    for (const id of ['1', '2', '3']) {
      subscribe(socket, id, 'subscription { quiet }');
      await socket.next();
    }
    socket.socket.terminate();
    await vi.waitFor(() => expect(own.world.ended).toBe(3));
  });

  it('a peer that goes away amid frames is no fault of the server', async () => {
    const left = await serve();
    using socket = await connect(left.socketUrl);
    for (const id of ['1', '2', '3']) {
      subscribe(socket, id, 'subscription { untilDrained }');
      expect((await socket.next()).payload).toEqual({ data: { untilDrained: 'open' } });
    }
    socket.socket.terminate();
    // In the same turn, so that the last frames are sent before the server can know.
    await left.server.stop();
    expect(left.lines.filter(({ msg }) => msg === 'operation')).toHaveLength(3);
    expect(left.lines.filter(({ msg }) => msg === 'fault')).toEqual([]);
  });

  it('sends an error for a document that is refused, and no complete after it', async () => {
    using socket = await connect(served.socketUrl);
    subscribe(socket, 'e', '{ nonsense }');
    const { type, payload } = await socket.next();
    expect(type).toBe('error');
    expect(payload).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }]);
    socket.send({ type: 'ping' });
    expect((await socket.next()).type).toBe('pong');
  });

  it.each([
    ['{ hello', {}, 'GRAPHQL_PARSE_FAILED'],
    ['query A { hello } query B { hello }', {}, 'OPERATION_RESOLUTION_FAILURE'],
    ['query A { hello }', { operationName: 'C' }, 'OPERATION_RESOLUTION_FAILURE'],
  ])('refuses %s with its code', async (query, more, code) => {
    using socket = await connect(served.socketUrl);
    subscribe(socket, 'e', query, more);
    expect((await socket.next()).payload).toMatchObject([{ extensions: { code } }]);
  });

  it.each([
    'subscription { quiet @skip(if: true) }',
    'subscription { ... @include(if: false) { quiet } }',
    'subscription { ...F @skip(if: true) } fragment F on Subscription { quiet }',
    'subscription { ...F } fragment F on Subscription { quiet @include(if: false) }',
  ])('refuses %s, and the others of the socket go on', async (query) => {
    using socket = await connect(served.socketUrl);
    subscribe(socket, 'e', query);
    expect((await socket.next()).payload).toMatchObject([
      { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
    ]);
    subscribe(socket, 'q', '{ hello }');
    expect((await socket.next()).payload).toEqual({ data: { hello: 'world' } });
  });

  it('gives each operation a context of its own', async () => {
    using socket = await connect(served.socketUrl);
    const before = served.world.requests.length;
    subscribe(socket, '1', '{ hello }');
    subscribe(socket, '2', '{ hello }');
    for (let n = 0; n < 4; n += 1) await socket.next();
    const [first, second] = served.world.requests.slice(before);
    expect(first?.requestId).not.toBe(second?.requestId);
    expect(first?.signal).not.toBe(second?.signal);
  });
});

describe('who may connect', () => {
  it.each([
    ['no payload', undefined],
    ['an unknown token', { token: 'nobody-has-this-0123' }],
    ['another scheme', { authorization: 'Basic dTpw' }],
  ])('closes with 4403 at %s, with a reason that fits a frame', async (_, payload) => {
    using socket = await openSocket(guarded.socketUrl);
    socket.send({ type: 'connection_init', ...(payload ? { payload } : {}) });
    const { code, reason } = await socket.closed;
    expect(code).toBe(4403);
    expect(reason).toMatch(/token/i);
    expect(Buffer.byteLength(reason)).toBeLessThan(124);
  });

  it.each([
    ['authorization', { authorization: `Bearer ${tokens.user}` }, {}],
    ['token', { token: tokens.user }, {}],
    ['the header of the upgrade', undefined, { headers: bearer(tokens.user) }],
  ])('takes the token from %s', async (_, payload, options) => {
    using socket = await connect(guarded.socketUrl, payload, options);
    subscribe(socket, '1', '{ whoAmI }');
    expect((await socket.next()).payload).toEqual({ data: { whoAmI: 'ulf' } });
  });

  it('refuses new operations once the token has expired, and closes with 4403 a moment later', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const lifeMs = 60_000;
    const expiresAt = Date.now() + lifeMs;
    await using brief = await serve({
      tokens: [{ token: 'soon-over-0123456789', identity: 'eve', roles: ['user'], expiresAt }],
      server: { expiryGraceMs: 200 },
    });
    using socket = await connect(brief.socketUrl, { token: 'soon-over-0123456789' });
    subscribe(socket, 's', 'subscription { quiet }');
    expect((await socket.next()).payload).toEqual({ data: { quiet: 0 } });
    vi.advanceTimersByTime(lifeMs);
    subscribe(socket, 'q', '{ hello }');
    // The stream is ended and the query refused, in whichever order.
    const told = new Map([await socket.next(), await socket.next()].map((one) => [one.id, one]));
    expect(told.get('s')?.type).toBe('complete');
    expect(told.get('q')).toMatchObject({
      type: 'error',
      payload: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
    vi.advanceTimersByTime(200);
    expect(await socket.closed).toEqual({ code: 4403, reason: 'The token has expired' });
  });
});
