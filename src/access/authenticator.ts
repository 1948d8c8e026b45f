/** Proof of identity: turns the credentials of a request into a caller, or refuses. */
import { GridError } from '../errors.js';
import type { Caller } from './caller.js';

export interface Authenticator {
  /** How callers prove themselves; 'open' means that nobody has to (and that the server stays on loopback). */
  readonly scheme: 'open' | 'bearer';
  /** The caller behind an `Authorization` value. Throws UNAUTHENTICATED; never says which part was wrong. */
  authenticate(authorization: string | undefined): Promise<Caller>;
}

/** Whoever reaches a server without configured access: loopback only, hence the person at this machine. */
export const localAdmin: Caller = {
  identity: 'local',
  roles: ['admin'],
  scopes: [],
  expiresAt: null,
};

export const openAccess: Authenticator = {
  scheme: 'open',
  authenticate: async () => localAdmin,
};

export const isExpired = (caller: Caller, now = Date.now()): boolean =>
  caller.expiresAt !== null && caller.expiresAt <= now;

const bearer = /^bearer +([\x21-\x7e]+) *$/i;

/** The token of `Authorization: Bearer <token>`. */
export function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined || authorization.trim() === '') {
    throw new GridError(
      'UNAUTHENTICATED',
      'No token came. Send "Authorization: Bearer <token>", over a WebSocket as "authorization" in connection_init.',
    );
  }
  const token = bearer.exec(authorization)?.[1];
  if (token === undefined) {
    throw new GridError(
      'UNAUTHENTICATED',
      'The Authorization value is not "Bearer <token>" with one token of visible ASCII characters.',
    );
  }
  return token;
}

/** The `Authorization` value of a connection_init payload: `{ authorization: "Bearer …" }` or `{ token: "…" }`. */
export function authorizationOf(
  parameters: Readonly<Record<string, unknown>> | undefined,
): string | undefined {
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (typeof value !== 'string') continue;
    if (name.toLowerCase() === 'authorization') return value;
    if (name === 'token') return `Bearer ${value}`;
  }
  return undefined;
}
