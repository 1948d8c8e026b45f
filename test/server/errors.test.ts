/** Every error has a code of the closed list, the same on both transports, and none shows the inside. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCodes } from '../../src/errors.js';
import { connect, subscribe } from './raw-socket.js';
import { ask, codes, readAnswer, serve, type AnswerError, type Served } from './serve.js';

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served[Symbol.asyncDispose]());

async function askSocket(
  query: string,
  more: Record<string, unknown> = {},
): Promise<readonly AnswerError[]> {
  using socket = await connect(served.socketUrl);
  subscribe(socket, '1', query, more);
  const { type, payload } = await socket.next();
  if (type === 'error') return payload as AnswerError[];
  return (payload as { readonly errors?: readonly AnswerError[] }).errors ?? [];
}

describe('bad input has the same code over HTTP and WebSocket, and is never a 500', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['{ hello', {}, 'GRAPHQL_PARSE_FAILED'],
    ['{ nonsense }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['{ thing { n(first: "x") } }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    ['query ($t: String!) { echo(text: $t) }', {}, 'BAD_USER_INPUT'],
    ['query ($t: String!) { echo(text: $t) }', { variables: { t: null } }, 'BAD_USER_INPUT'],
    ['query ($d: Deep) { take(input: $d) }', { variables: { d: { n: 'x' } } }, 'BAD_USER_INPUT'],
    ['query ($t: String = "x") { echo(text: $t) }', { variables: { t: null } }, 'BAD_USER_INPUT'],
    ['query A { hello } query B { hello }', {}, 'OPERATION_RESOLUTION_FAILURE'],
    ['query A { hello }', { operationName: 'B' }, 'OPERATION_RESOLUTION_FAILURE'],
    ['{ fail }', {}, 'THROTTLED'],
  ])('%s %j is %s', async (query, more, code) => {
    const answer = await ask(served, query, more);
    expect(codes(answer)).toEqual([code]);
    expect(answer.status).toBeLessThan(500);
    expect((await askSocket(query, more)).map(({ extensions }) => extensions.code)).toEqual([code]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['$at: DateTime', { at: 'a at "x"; Expected type "y"' }, '$at'],
    ['$d: Deep', { d: { deep: { at: ['2026-11-22T10:15:30Z', 'at noon'] } } }, '$d.deep.at[1]'],
    ['$d: Deep', { d: { at: [{ ' at "d.n"': '; Expected type "Int". ' }] } }, '$d.at[0]'],
  ])('of a scalar in %s %j says where: %s', async (variable, variables, place) => {
    const taken = variable === '$d: Deep' ? 'input: $d' : 'at: $at';
    const query = `query (${variable}) { take(${taken}) }`;
    const [error] = (await ask(served, query, { variables })).errors;
    expect(error?.extensions.code).toBe('BAD_USER_INPUT');
    expect(error?.message).toMatch(/^\$\S+: Expected a time like ".*", came /);
    expect(error?.message.split(': Expected')[0]).toBe(place);
    expect(await askSocket(query, { variables })).toEqual([error]);
  });

  it.each<[string, unknown, RegExp]>([
    [
      'a field that its type does not have',
      { deep: { deep: { dep: 1 } } },
      /^\$d\.deep\.deep: Expected a field of Deep \(deep, many, n, at\), came "dep"\.$/,
    ],
    [
      'very many such fields',
      Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`f${n}`, n])),
      /^\$d: Expected a field of Deep .* came "f0"\.$/,
    ],
    ['a very long value', { n: 'x'.repeat(50_000) }, /^Variable "\$d" got invalid value "xx/],
    ['very many bad values', { at: Array(60).fill('x') }, /^\$d\.at\[0\]: Expected a time/],
  ])('variables with %s get a short answer', async (_, d, says) => {
    const query = 'query ($d: Deep) { take(input: $d) }';
    const { errors } = await ask(served, query, { variables: { d } });
    expect(errors[0]?.message).toMatch(says);
    expect(new Set(errors.map(({ extensions }) => extensions.code))).toEqual(
      new Set(['BAD_USER_INPUT']),
    );
    expect(JSON.stringify(errors).length).toBeLessThan(12_000);
    expect(await askSocket(query, { variables: { d } })).toEqual(errors);
  });

  it.each<[string, RequestInit]>([
    ['no JSON', { body: '{', headers: { 'content-type': 'application/json' } }],
    ['no body', { headers: { 'content-type': 'application/json' } }],
    ['a batch', { body: '[{"query":"{hello}"}]', headers: { 'content-type': 'application/json' } }],
    ['a number', { body: '1', headers: { 'content-type': 'application/json' } }],
    [
      'a query that is an object',
      { body: '{"query":{}}', headers: { 'content-type': 'application/json' } },
    ],
    [
      'another charset',
      {
        body: '{"query":"{hello}"}',
        headers: { 'content-type': 'application/json; charset=utf-16' },
      },
    ],
    [
      'a form',
      { body: 'query={hello}', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    ],
    ['plain text', { body: '{"query":"{hello}"}', headers: { 'content-type': 'text/plain' } }],
    [
      'a compressed body',
      { body: 'x', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } },
    ],
    [
      'a persisted query',
      {
        body: '{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}',
        headers: { 'content-type': 'application/json' },
      },
    ],
  ])('a request with %s is BAD_REQUEST', async (_, init) => {
    const answer = await readAnswer(await fetch(served.graphql, { method: 'POST', ...init }));
    expect(codes(answer)).toEqual(['BAD_REQUEST']);
    expect(answer.status).toBeLessThan(500);
    expect(answer.data).toBeUndefined();
  });

  it('a mutation by GET is refused with 405', async () => {
    const url = `${served.graphql}?query=${encodeURIComponent('mutation { set(n: 1) }')}`;
    const answer = await readAnswer(
      await fetch(url, { headers: { 'apollo-require-preflight': 'yes' } }),
    );
    expect([answer.status, codes(answer)]).toEqual([405, ['BAD_REQUEST']]);
  });

  it('a subscription over HTTP is refused, with where to go', async () => {
    const answer = await ask(served, 'subscription { count(to: 1) }');
    expect([answer.status, codes(answer)]).toEqual([400, ['BAD_REQUEST']]);
    expect(answer.errors[0]?.message).toContain('graphql-transport-ws');
  });
});

describe('an error of a grid', () => {
  it('keeps its message, place and advice on when to ask again', async () => {
    const [overHttp] = (await ask(served, '{ fail }')).errors;
    expect(overHttp).toEqual({
      message: 'The table asks to slow down; try later.',
      locations: [{ line: 1, column: 3 }],
      path: ['fail'],
      extensions: { code: 'THROTTLED', retryable: true, retryAfterMs: 250 },
    });
    expect(await askSocket('{ fail }')).toEqual([overHttp]);
  });
});

describe('a fault of the server', () => {
  const faults = ['{ fail(with: "plain") }', '{ must }'];

  it.each(faults)('%s is masked, with an id that the log has', async (query) => {
    const { errors } = await ask(served, query, { headers: { 'x-request-id': 'find-me' } });
    expect(errors).toHaveLength(1);
    expect(errors[0]?.message).toBe(
      'The server failed while answering. The log has the details under id find-me.',
    );
    expect(errors[0]?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
    expect(
      served.lines.filter(({ requestId, msg }) => requestId === 'find-me' && msg === 'fault'),
    ).not.toEqual([]);
  });

  it.each([...faults, 'subscription { broken }'])('%s is masked over WebSocket', async (query) => {
    const [error, ...others] = await askSocket(query);
    expect(others).toEqual([]);
    expect(error?.message).not.toContain('secret');
    expect(error?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' });
    const id = / id (\S+)\.$/.exec(error?.message ?? '')?.[1];
    const fault = served.lines.find((line) => line['requestId'] === id && line['msg'] === 'fault');
    expect(fault).toHaveProperty('err.stack');
  });
});

it('no code outside the closed list has left the server in this file', () => {
  const seen = served.lines.flatMap(({ outcome }) =>
    typeof outcome === 'string' ? [outcome] : [],
  );
  expect(seen.length).toBeGreaterThan(20);
  expect(seen.filter((code) => code !== 'OK' && !(code in errorCodes))).toEqual([]);
});
