/** GraphQL over HTTP by the book: the audits of graphql-http, each a test. */
import { serverAudits, type Audit } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve, type Served } from './serve.js';

/** GETs without any header that makes a browser ask first: CSRF prevention refuses them, on purpose. */
const refusedWithoutPreflight = ['5A70', 'D6D5', '6A70'];

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served[Symbol.asyncDispose]());

/** The audits fix their address when they are made, before the server has one: each fetch is sent on. */
const audits = (headers: Record<string, string>): readonly Audit[] =>
  serverAudits({
    url: 'http://placeholder/graphql',
    fetchFn: (address: string, init: RequestInit = {}) => {
      const url = address.replace('http://placeholder/graphql', served.graphql);
      return fetch(url, { ...init, headers: { ...(init.headers as object), ...headers } });
    },
  });

describe('with the preflight header every audit passes', () => {
  const all = audits({ 'apollo-require-preflight': 'yes' });

  it('and there are 13 MUST, 23 SHOULD and 25 MAY', () => {
    const levels = all.map(({ name }) => name.split(' ')[0]);
    const count = (level: string) => levels.filter((each) => each === level).length;
    expect([count('MUST'), count('SHOULD'), count('MAY')]).toEqual([13, 23, 25]);
  });

  it.each(all.map((audit) => [audit.id, audit.name, audit] as const))(
    '%s %s',
    async (_, __, audit) => {
      const result = await audit.fn();
      expect(result.status === 'ok' ? 'ok' : `${result.status}: ${result.reason}`).toBe('ok');
    },
  );
});

describe('without it CSRF prevention refuses exactly the header-less GETs', () => {
  it.each(audits({}).map((audit) => [audit.id, audit.name, audit] as const))(
    '%s %s',
    async (id, _, audit) => {
      const result = await audit.fn();
      expect(result.status === 'ok').toBe(!refusedWithoutPreflight.includes(id));
    },
  );
});
