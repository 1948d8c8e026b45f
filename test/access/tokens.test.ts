/** Static bearer tokens: who gets in, under which name, and what a refusal gives away. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { authorizationOf, localAdmin, openAccess } from '../../src/access/authenticator.js';
import { staticTokens } from '../../src/access/tokens.js';

const secret = 'correct-horse-battery';
const digest = createHash('sha256').update(secret).digest('hex');

describe('a token', () => {
  it.each([secret, `sha256:${digest}`, `sha256:${digest.toUpperCase()}`])(
    'stored as %s proves its identity and roles',
    async (token) => {
      const tokens = staticTokens([
        { token: 'another-token-012345', identity: 'bob', roles: ['reader'] },
        { token, identity: 'alice', roles: ['user'], scopes: ['submit'] },
      ]);
      expect(await tokens.authenticate(`Bearer ${secret}`)).toEqual({
        identity: 'alice',
        roles: ['user'],
        scopes: ['submit'],
        expiresAt: null,
      });
    },
  );

  it('is not the digest that stands in the configuration', async () => {
    const tokens = staticTokens([
      { token: `sha256:${digest}`, identity: 'alice', roles: ['user'] },
    ]);
    for (const stolen of [digest, `sha256:${digest}`]) {
      await expect(tokens.authenticate(`Bearer ${stolen}`)).rejects.toThrow(/unknown/);
    }
  });

  it('that has expired is refused with the words for an unknown one', async () => {
    const tokens = staticTokens([
      { token: secret, identity: 'alice', roles: ['user'], expiresAt: Date.now() - 1 },
    ]);
    const expired = await tokens.authenticate(`Bearer ${secret}`).catch((error: unknown) => error);
    const unknown = await tokens.authenticate('Bearer nobody').catch((error: unknown) => error);
    expect(expired).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(expired).toEqual(unknown);
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic dTpw',
    secret,
    `Bearer ${secret} x`,
    'Bearer ä',
  ])('is not read out of %j', async (authorization) => {
    const tokens = staticTokens([{ token: secret, identity: 'alice', roles: ['user'] }]);
    await expect(tokens.authenticate(authorization)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });
});

describe('without configured access', () => {
  it('everybody who reaches the server is the local admin, whatever they send', async () => {
    expect(await openAccess.authenticate(undefined)).toBe(localAdmin);
    expect(await openAccess.authenticate('Bearer x')).toBe(localAdmin);
  });
});

describe('connection_init', () => {
  it.each([
    [{ authorization: 'Bearer a' }, 'Bearer a'],
    [{ Authorization: 'Bearer a' }, 'Bearer a'],
    [{ token: 'a' }, 'Bearer a'],
    [{ token: 7 }, undefined],
    [{}, undefined],
    [undefined, undefined],
  ])('%j carries %j', (payload, expected) => {
    expect(authorizationOf(payload)).toBe(expected);
  });
});
