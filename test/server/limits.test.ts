/** Limits hold on both transports, with the same code, and name themselves. */
import { connect as connectTcp } from 'node:net';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connect, openSocket, refusedUpgrade, subscribe } from './raw-socket.js';
import {
  ask,
  bearer,
  codes,
  deferred,
  readAnswer,
  serve,
  staticTokenList,
  tokens,
  type AnswerError,
  type Served,
} from './serve.js';

let served: Served;
beforeAll(async () => {
  served = await serve({
    limits: { depth: 5, aliases: 5, selections: 20, tokens: 200, documentBytes: 2_048 },
  });
});
afterAll(() => served[Symbol.asyncDispose]());

/** The refusal of a document over both transports, once it is the same. */
async function refusal(query: string): Promise<AnswerError> {
  const overHttp = await ask(served, query);
  expect(overHttp.status).toBeGreaterThanOrEqual(400);
  expect(overHttp.status).toBeLessThan(500);
  using socket = await connect(served.socketUrl);
  subscribe(socket, '1', query);
  const { type, payload } = await socket.next();
  expect(type).toBe('error');
  const [error] = payload as AnswerError[];
  expect(error?.message).toBe(overHttp.errors[0]?.message);
  expect(error?.extensions.code).toBe(overHttp.errors[0]?.extensions.code);
  if (!error) throw new Error('No refusal came.');
  return error;
}

const nested = (levels: number): string =>
  `${'{ thing '.repeat(levels - 1)}{ id }${' }'.repeat(levels - 1)}`;

describe('the shape of a document', () => {
  it.each([
    ['levels of fields', nested(6), /has 6 levels of fields; at most 5/],
    ['aliases', `{ ${'abcdef'.replace(/./g, '$&: hello ')} }`, /6 aliases; at most 5/],
    [
      'fields',
      `{ ${Array.from({ length: 21 }, () => 'hello').join(' ')} }`,
      /21 fields; at most 20/,
    ],
    ['tokens', `{ ${'... { hello } '.repeat(60)} }`, /200 tokens/],
    ['bytes', `{ hello } #${'x'.repeat(2_048)}`, /bytes; at most 2048/],
    [
      'fields behind fragments',
      '{ ...A ...A } fragment A on Query { ...B ...B ...B } fragment B on Query { a: hello b: hello }',
      /12 aliases; at most 5/,
    ],
  ])('%s are limited', async (_, query, message) => {
    const error = await refusal(query);
    expect(error.message).toMatch(message);
    expect(error.extensions.code).toBe('LIMIT_EXCEEDED');
  });

  it('at the limit is answered', async () => {
    expect((await ask(served, nested(5))).errors).toEqual([]);
    expect((await ask(served, '{ a: hello b: hello c: hello d: hello e: hello }')).errors).toEqual(
      [],
    );
  });

  it('a bomb of fragments that double each other is refused at once', async () => {
    await using roomy = await serve();
    const levels = 200;
    const bomb = Array.from(
      { length: levels },
      (_, n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`,
    );
    // Expanded it would have 2 ** 200 fields, and there would be no answer.
    const answer = await ask(
      roomy,
      `{ ...F0 } ${bomb.join(' ')} fragment F${levels} on Query { hello }`,
    );
    expect(codes(answer)).toEqual(['LIMIT_EXCEEDED']);
  });

  it('circular fragments are an ordinary validation error', async () => {
    const error = await refusal(
      '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }',
    );
    expect(error.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });
});

describe('depth that no parser and no walk of values survives', () => {
  let roomy: Served;
  beforeAll(async () => {
    roomy = await serve();
  });
  afterAll(() => roomy[Symbol.asyncDispose]());

  const deep = (levels: number): string => `${'{"deep":'.repeat(levels)}{}${'}'.repeat(levels)}`;
  const take = 'query ($d: Deep) { take(input: $d) }';

  /** The error of a body that is written by hand: no client's JSON.stringify makes one so deep. */
  async function refusals(body: string): Promise<readonly (AnswerError | undefined)[]> {
    const headers = { 'content-type': 'application/json' };
    const answer = await readAnswer(await fetch(roomy.graphql, { method: 'POST', headers, body }));
    expect(answer.status).toBeLessThan(500);
    using socket = await connect(roomy.socketUrl);
    socket.sendText(`{"id":"1","type":"subscribe","payload":${body}}`);
    const { type, payload } = await socket.next();
    expect(type).toBe('error');
    return [answer.errors[0], (payload as AnswerError[])[0]];
  }

  it.each([
    ['fields', '{ thing '.repeat(4_000)],
    ['values', `{ take(input: ${'{ deep: '.repeat(3_000)}`],
    ['lists', `{ take(input: ${'['.repeat(9_000)}`],
  ])('of %s in a document is a limit, not a fault', async (_, query) => {
    for (const error of await refusals(JSON.stringify({ query }))) {
      expect(error?.message).toMatch(/nested too deeply/);
      expect(error?.extensions.code).toBe('LIMIT_EXCEEDED');
    }
    expect(roomy.lines.filter(({ msg }) => msg === 'fault')).toEqual([]);
  });

  it.each([300, 5_000, 100_000])('of %i levels in variables is a limit', async (levels) => {
    const body = `{"query":${JSON.stringify(take)},"variables":{"d":${deep(levels)}}}`;
    for (const error of await refusals(body)) {
      expect(error?.message).toMatch(/more than 200 levels/);
      expect(error?.extensions.code).toBe('LIMIT_EXCEEDED');
    }
    expect(roomy.lines.filter(({ msg }) => msg === 'fault')).toEqual([]);
  });

  it('and more input objects in variables than sensible are a limit', async () => {
    const many = (objects: number) => ({ d: { many: Array(objects - 1).fill({}) } });
    expect((await ask(roomy, take, { variables: many(2_000) })).errors).toEqual([]);
    const body = JSON.stringify({ query: take, variables: many(2_001) });
    for (const error of await refusals(body)) {
      expect(error?.message).toMatch(/more than 2000 input objects \(Deep is one\)/);
      expect(error?.extensions.code).toBe('LIMIT_EXCEEDED');
    }
  });

  it('in variables of a GET is the same limit', async () => {
    const search = new URLSearchParams({ query: take, variables: `{"d":${deep(400)}}` });
    const headers = { 'apollo-require-preflight': 'yes' };
    const answer = await readAnswer(
      await fetch(`${roomy.graphql}?${search.toString()}`, { headers }),
    );
    expect(codes(answer)).toEqual(['LIMIT_EXCEEDED']);
  });

  it('within the limit is answered', async () => {
    const answer = await ask(roomy, take, { variables: { d: JSON.parse(deep(150)) as unknown } });
    expect(answer.data).toEqual({ take: 1 });
  });
});

describe('introspection', () => {
  it('of the whole schema passes the default limits, on both transports', async () => {
    await using plain = await serve();
    const query = getIntrospectionQuery({
      inputValueDeprecation: true,
      schemaDescription: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
    });
    expect((await ask(plain, query)).errors).toEqual([]);
    using socket = await connect(plain.socketUrl);
    subscribe(socket, '1', query);
    expect((await socket.next()).type).toBe('next');
  });

  it('that goes deeper than it needs to is refused', async () => {
    await using plain = await serve();
    const deep = `{ __type(name: "Query") { ${'ofType { '.repeat(20)} name ${'} '.repeat(20)} } }`;
    expect((await ask(plain, deep)).errors[0]?.extensions.code).toBe('LIMIT_EXCEEDED');
  });

  it('is refused on both transports where it is off', async () => {
    await using closed = await serve({ server: { introspection: false } });
    const query = '{ __schema { queryType { name } } }';
    expect(codes(await ask(closed, query))).toContain('GRAPHQL_VALIDATION_FAILED');
    using socket = await connect(closed.socketUrl);
    subscribe(socket, '1', query);
    const { type, payload } = await socket.next();
    expect(type).toBe('error');
    expect(payload).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }, {}]);
    expect((await ask(closed, '{ __typename }')).data).toEqual({ __typename: 'Query' });
  });
});

describe('the size of a request', () => {
  let guarded: Served;
  beforeAll(async () => {
    guarded = await serve({
      tokens: staticTokenList,
      limits: { bodyBytes: 10_000, submitBodyBytes: 100_000 },
    });
  });
  afterAll(() => guarded[Symbol.asyncDispose]());

  const echo = (bytes: number) => ({
    query: 'query ($t: String!) { echo(text: $t) }',
    variables: { t: 'x'.repeat(bytes) },
  });

  it.each([
    ['reader', 9_000, true],
    ['reader', 11_000, false],
    ['user', 99_000, true],
    ['user', 101_000, false],
    ['admin', 99_000, true],
  ] as const)(
    'of a %s with %i bytes is answered over HTTP and WebSocket: %s',
    async (role, bytes, fine) => {
      const { query, variables } = echo(bytes);
      const answer = await ask(guarded, query, { variables, headers: bearer(tokens[role]) });
      expect(answer.status).toBe(fine ? 200 : 413);
      if (!fine) {
        expect(codes(answer)).toEqual(['LIMIT_EXCEEDED']);
        expect(answer.errors[0]?.message).toContain(role === 'reader' ? '10000' : '100000');
      }
      using socket = await connect(guarded.socketUrl, { token: tokens[role] });
      subscribe(socket, '1', query, { variables });
      if (fine) expect((await socket.next()).type).toBe('next');
      else expect((await socket.closed).code).toBe(1009);
    },
  );

  it('is counted while it arrives, whatever its length claims to be', async () => {
    const chunk = Buffer.from(' '.repeat(4_096));
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += chunk.length;
        if (sent > 50_000_000) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const response = await fetch(guarded.graphql, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer(tokens.reader) },
      body,
      duplex: 'half',
    }).catch((error: unknown) => error);
    // The answer or, for a client that never stops, the end of the connection.
    if (response instanceof Response) {
      expect(codes(await readAnswer(response))).toEqual(['LIMIT_EXCEEDED']);
    } else expect(response).toBeInstanceOf(Error);
    expect((await ask(guarded, '{ hello }', { headers: bearer(tokens.reader) })).status).toBe(200);
  });

  it('is small for a socket that has not said who it is', async () => {
    using socket = await openSocket(guarded.socketUrl);
    socket.send({ type: 'connection_init', payload: { token: 'x'.repeat(70_000) } });
    expect((await socket.closed).code).toBe(1009);
  });
});

/** A client that asks for more than fits into the buffers of the system, and takes nothing of the answer. */
async function askWithoutReading({ url, lines }: Served) {
  const socket = connectTcp(Number(url.port), url.hostname).pause();
  socket.on('error', () => undefined); // it may be cut
  const query = 'query ($t: String!) { echo(text: $t) }';
  const body = JSON.stringify({ query, variables: { t: 'x'.repeat(15_000_000) } });
  socket.write(
    `POST /graphql HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await vi.waitFor(() => expect(lines.some(({ msg }) => msg === 'operation')).toBe(true));
  return Object.assign(socket, { [Symbol.dispose]: () => socket.destroy() });
}

describe('operations at once', () => {
  it('are limited for each caller, over HTTP and WebSocket together, and free again when they end', async () => {
    await using busy = await serve({ tokens: staticTokenList, limits: { operationsPerCaller: 2 } });
    const headers = bearer(tokens.user);
    const first = ask(busy, '{ slow }', { headers });
    using socket = await connect(busy.socketUrl, { token: tokens.user });
    subscribe(socket, 'slow', '{ slow }');
    await vi.waitFor(() => expect(busy.world.requests).toHaveLength(2));

    const refused = await ask(busy, '{ hello }', { headers });
    expect([refused.status, codes(refused)]).toEqual([429, ['TOO_MANY_REQUESTS']]);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(refused.errors[0]?.extensions).toMatchObject({ retryable: true, retryAfterMs: 1_000 });
    subscribe(socket, 'more', '{ hello }');
    const { type, payload } = await socket.next();
    expect(type).toBe('error');
    expect(payload).toMatchObject([{ extensions: { code: 'TOO_MANY_REQUESTS' } }]);

    const other = await ask(busy, '{ hello }', { headers: bearer(tokens.reader) });
    expect(other.status).toBe(200);

    busy.world.slow.resolve('done');
    expect((await first).data).toEqual({ slow: 'done' });
    expect((await socket.next()).type).toBe('next');
    expect((await socket.next()).type).toBe('complete');
    expect((await ask(busy, '{ hello }', { headers })).status).toBe(200);
  });

  it('do not count subscriptions, which have a limit of their own', async () => {
    await using busy = await serve({
      limits: { operationsPerCaller: 1, subscriptionsPerCaller: 2 },
    });
    using socket = await connect(busy.socketUrl);
    for (const id of ['1', '2']) {
      subscribe(socket, id, 'subscription { quiet }');
      expect((await socket.next()).type).toBe('next');
    }
    subscribe(socket, '3', 'subscription { quiet }');
    expect((await socket.next()).payload).toMatchObject([
      { extensions: { code: 'TOO_MANY_REQUESTS' } },
    ]);
    expect((await ask(busy, '{ hello }')).status).toBe(200);
    socket.send({ id: '1', type: 'complete' });
    await vi.waitFor(() => expect(busy.world.ended).toBe(1));
    subscribe(socket, '4', 'subscription { quiet }');
    expect((await socket.next()).type).toBe('next');
  });

  it('count until their answer has been read', async () => {
    await using narrow = await serve({ limits: { operationsPerCaller: 1 } });
    using socket = await askWithoutReading(narrow);
    expect(codes(await ask(narrow, '{ hello }'))).toEqual(['TOO_MANY_REQUESTS']);
    socket.resume();
    await vi.waitFor(async () => expect(codes(await ask(narrow, '{ hello }'))).toEqual([]));
  });

  it('count until their resolvers are done, also where the client of a socket has completed them', async () => {
    await using busy = await serve({ limits: { operationsPerCaller: 1 } });
    using socket = await connect(busy.socketUrl);
    subscribe(socket, 'a', '{ slow }');
    await busy.world.begun.promise;
    socket.send({ id: 'a', type: 'complete' });
    subscribe(socket, 'a', '{ hello }');
    expect((await socket.next()).payload).toMatchObject([
      { extensions: { code: 'TOO_MANY_REQUESTS' } },
    ]);
    busy.world.slow.resolve('done');
    await vi.waitFor(async () => expect(codes(await ask(busy, '{ hello }'))).toEqual([]));
  });

  it('whose answer nobody reads are cut, and are free again', async () => {
    await using narrow = await serve({
      server: { keepAliveMs: 100 },
      limits: { operationsPerCaller: 1 },
    });
    using unread = await askWithoutReading(narrow);
    await vi.waitFor(async () => expect(codes(await ask(narrow, '{ hello }'))).toEqual([]));
    const closed = new Promise((resolve) => unread.once('close', resolve));
    unread.resume();
    await closed;
    expect(unread.bytesRead).toBeLessThan(15_000_000);
  });

  it('are free again when the client goes away, and the operation is told', async () => {
    await using busy = await serve({ limits: { operationsPerCaller: 1 } });
    const abort = new AbortController();
    const gone = fetch(busy.graphql, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ slow }"}',
      signal: abort.signal,
    }).catch(() => 'gone');
    await busy.world.begun.promise;
    const told = deferred();
    busy.world.requests[0]?.signal.addEventListener('abort', () => told.resolve());
    abort.abort();
    expect(await gone).toBe('gone');
    await told.promise;
    busy.world.slow.resolve('too late');
    await vi.waitFor(async () => expect((await ask(busy, '{ hello }')).status).toBe(200));
  });

  it('whose client goes away are no fault of the server', async () => {
    await using left = await serve();
    const abort = new AbortController();
    const gone = fetch(left.graphql, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ patient }"}',
      signal: abort.signal,
    }).catch(() => 'gone');
    await left.world.begun.promise;
    abort.abort();
    expect(await gone).toBe('gone');
    const told = await vi.waitFor(() => {
      const line = left.lines.find(({ msg }) => msg === 'operation');
      if (line === undefined) throw new Error('The operation is not over.');
      return line;
    });
    expect(told).toHaveProperty('outcome', 'BAD_REQUEST');
    expect(left.lines.filter(({ msg }) => msg === 'fault')).toEqual([]);
  });
});

describe('WebSockets', () => {
  it('are limited in number', async () => {
    await using few = await serve({ limits: { connections: 1 } });
    using socket = await connect(few.socketUrl);
    expect(await refusedUpgrade(few.socketUrl)).toMatchObject({ status: 503 });
    socket.socket.close();
    await socket.closed;
    await vi.waitFor(async () => {
      using next = await connect(few.socketUrl);
      expect(next.protocol).not.toBe('');
    });
  });
});
