/** Static bearer tokens from the configuration, compared in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { GridError } from '../errors.js';
import { bearerToken, isExpired, type Authenticator } from './authenticator.js';
import type { Caller, Role } from './caller.js';

export interface StaticToken {
  /** The token as given, or `sha256:` and the 64 hex digits of its digest. */
  readonly token: string;
  readonly identity: string;
  readonly roles: readonly Role[];
  readonly scopes?: readonly string[] | undefined;
  /** Epoch milliseconds. */
  readonly expiresAt?: number | null | undefined;
}

export const hashedToken = /^sha256:[0-9a-f]{64}$/i;

/** The SHA-256 digest that a token is compared by, whichever way it was written. */
export function tokenDigest(token: string): Buffer {
  if (hashedToken.test(token)) return Buffer.from(token.slice('sha256:'.length), 'hex');
  return sha256(token);
}

export function staticTokens(tokens: readonly StaticToken[]): Authenticator {
  const known = tokens.map((token) => ({
    digest: tokenDigest(token.token),
    caller: caller(token),
  }));
  return {
    scheme: 'bearer',
    async authenticate(authorization) {
      // The digest of what came is compared, so a stolen "sha256:…" line is no token.
      const digest = sha256(bearerToken(authorization));
      let found: Caller | undefined;
      // No early exit: the time taken says nothing about which token matched.
      for (const entry of known) if (timingSafeEqual(entry.digest, digest)) found = entry.caller;
      if (!found || isExpired(found)) {
        throw new GridError('UNAUTHENTICATED', 'The token is unknown or has expired.');
      }
      return found;
    },
  };
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

const caller = (token: StaticToken): Caller => ({
  identity: token.identity,
  roles: token.roles,
  scopes: token.scopes ?? [],
  expiresAt: token.expiresAt ?? null,
});
