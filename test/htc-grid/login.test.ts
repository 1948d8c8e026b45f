/** The login at the grid's user pool: the right password and nothing else, one for all, renewed in time. */
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Login, type LoginSettings } from '../../src/grids/htc-grid/login.js';
import { loginTime, passwordSignature, poolNameOf, srpKeys } from '../../src/grids/htc-grid/srp.js';
import { live } from './support.js';
import type { UserPoolStandIn } from './user-pool-stand-in.js';
import { startUserPool } from './user-pool-stand-in.js';

describe('the arithmetic of a login', () => {
  it('gives what a captured login gave, to the last bit', async () => {
    const file = new URL('../fixtures/htc-grid/srp-vector.json', import.meta.url);
    const vector = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
    const of = (key: string) => vector[key] ?? '';
    const keys = srpKeys(BigInt(`0x${of('a')}`));
    expect(keys.shown).toBe(of('A'));
    const challenge = {
      salt: of('salt'),
      shown: of('B'),
      secretBlock: of('secret_block'),
      userId: of('user_id_for_srp'),
    };
    const pool = poolNameOf(of('user_pool_id'));
    const sign = (password: string, shown = challenge.shown) =>
      passwordSignature(keys, { ...challenge, shown }, pool, password, of('timestamp'));
    expect(sign(of('password'))).toBe(of('signature'));
    expect(sign('another')).not.toBe(of('signature'));
    // A server that shows zero would know the key without the password.
    expect(sign(of('password'), '0')).toBeUndefined();
  });

  it('writes the time as the user pool reads it', () => {
    expect(loginTime(Date.UTC(2026, 10, 21, 22, 43, 3))).toBe('Sat Nov 21 22:43:03 UTC 2026');
    expect(loginTime(Date.UTC(2026, 10, 1, 2, 3, 4))).toBe('Sun Nov 1 02:03:04 UTC 2026');
  });
});

describe('a login', () => {
  const password = 'Passw0rd!x';
  let pool: UserPoolStandIn;
  let clock = 0;
  const opened: Login[] = [];
  const open = (more: Partial<LoginSettings> = {}) => {
    const login = new Login({
      userPoolId: pool.userPoolId,
      clientId: pool.clientId,
      username: 'ada',
      password,
      url: pool.url,
      now: () => Date.now() + clock,
      ...more,
    });
    opened.push(login);
    return login;
  };
  beforeAll(async () => {
    pool = await startUserPool({
      ada: { password },
      new: { password, challenge: 'NEW_PASSWORD_REQUIRED' },
      mfa: { password, challenge: 'SOFTWARE_TOKEN_MFA' },
    });
  });
  afterEach(() => {
    for (const login of opened.splice(0)) login.stop();
    clock = 0;
    Object.assign(pool, { lifeSec: 3600, behindMs: 0 });
    pool.flows.length = 0;
    pool.faults.length = 0;
  });
  afterAll(async () => {
    await pool.stop();
  });

  it('is one for all who ask at once, and holds', async () => {
    const login = open();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => login.token(live())));
    expect(new Set(tokens).size).toBe(1);
    expect(pool.tokens.has(tokens[0] ?? '')).toBe(true);
    expect(await login.token(live())).toBe(tokens[0]);
    expect(pool.flows).toEqual(['USER_SRP_AUTH', 'PASSWORD_VERIFIER']);
  });

  it('is renewed before it ends, without the password', async () => {
    const login = open();
    const first = await login.token(live());
    clock = 54 * 60_000;
    expect(await login.token(live())).toBe(first);
    clock = 56 * 60_000;
    const second = await login.token(live());
    expect(second).not.toBe(first);
    clock = (56 + 56) * 60_000;
    expect(await login.token(live())).not.toBe(second);
    expect(pool.flows.slice(2)).toEqual(['REFRESH_TOKEN_AUTH', 'REFRESH_TOKEN_AUTH']);
  });

  it('starts anew where the refresh is refused, and uses what still holds where the pool is away', async () => {
    const login = open();
    const first = await login.token(live());
    clock = 56 * 60_000;
    pool.faults.push(...Array<string>(8).fill('TooManyRequestsException'));
    expect(await login.token(live())).toBe(first);
    pool.faults.length = 0;
    clock = 58 * 60_000;
    pool.faults.push('NotAuthorizedException');
    Object.assign(pool, { behindMs: -clock });
    expect(await login.token(live())).not.toBe(first);
    expect(pool.flows.slice(-2)).toEqual(['USER_SRP_AUTH', 'PASSWORD_VERIFIER']);
  });

  it('that was refused is not asked for again at once: user pools lock users out', async () => {
    const login = open({ password: 'wrong' });
    for (let i = 0; i < 5; i++)
      await expect(login.token(live())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(pool.flows).toEqual(['USER_SRP_AUTH', 'PASSWORD_VERIFIER']);
    clock = 31_000;
    await expect(login.token(live())).rejects.toThrow(/refuses the user name or the password/);
    expect(pool.flows).toHaveLength(4);
  });

  it('goes on for the others when the one who began it leaves', async () => {
    const login = open();
    const leaving = new AbortController();
    const left = login.token(leaving.signal);
    const stays = login.token(live());
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect(pool.tokens.has(await stays)).toBe(true);
  });

  it('waits out a pool that is busy', async () => {
    pool.faults.push('TooManyRequestsException');
    expect(pool.tokens.has(await open().token(live()))).toBe(true);
  });

  it.each<[string, Partial<LoginSettings>, Partial<UserPoolStandIn>, RegExp]>([
    ['a wrong password', { password: 'wrong' }, {}, /refuses the user name or the password/],
    ['an unknown user', { username: 'bob' }, {}, /does not know the user/],
    ['a user who has to choose a password', { username: 'new' }, {}, /FORCE_CHANGE_PASSWORD/],
    ['a user with a second factor', { username: 'mfa' }, {}, /SOFTWARE_TOKEN_MFA/],
    ['an unknown client', { clientId: 'other' }, {}, /client id/],
    [
      'a clock that is ahead',
      {},
      { behindMs: 600_000 },
      /(59\d|60\d) s ahead of its own\. Set the clock/,
    ],
    ['a clock that is behind', {}, { behindMs: -600_000 }, /(59\d|60\d) s behind its own/],
    ['a pool that is not there', { url: 'http://127.0.0.1:2/' }, {}, /ECONNREFUSED/],
  ])('with %s says so, and not the password', async (_what, settings, state, message) => {
    Object.assign(pool, state);
    const failing = open(settings).token(live());
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(failing).rejects.not.toThrow(new RegExp(`${password}|wrong "`));
  });

  it.each([
    ['NotAuthorizedException', /refuses the user name/],
    ['PasswordResetRequiredException', /to be reset/],
    ['UserNotConfirmedException', /not confirmed/],
    ['InvalidParameterException', /USER_SRP_AUTH/],
    ['SomethingNewException', /\(SomethingNewException\)/],
  ])('refused with %s is put into words', async (type, message) => {
    pool.faults.push(type);
    await expect(open().token(live())).rejects.toThrow(message);
  });

  it('that is throttled for long says when to come back', async () => {
    pool.faults.push(...Array<string>(4).fill('TooManyRequestsException'));
    await expect(open().token(live())).rejects.toMatchObject({ code: 'THROTTLED' });
  });
});
