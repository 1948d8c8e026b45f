/** The closed set of rules that guard the root fields of the graph. */
import { GridError } from '../errors.js';
import { isExpired } from './authenticator.js';
import { isAdmin, mayAct, type Caller } from './caller.js';

/**
 * What each rule asks of a caller.
 *
 * anyone: a proved identity. own: any role; the resolver joins `ownWork(caller)` to what it reads.
 * read: any role; what is read belongs to nobody (grids, machines, configuration).
 * act: role user or admin; acts on own work, an admin on everybody's. admin: role admin.
 */
export const rules = ['anyone', 'own', 'read', 'act', 'admin'] as const;
export type Rule = (typeof rules)[number];

export const isRule = (value: unknown): value is Rule => rules.includes(value as Rule);

/** Throws where the caller may not do what `field` does. */
export function enforce(rule: Rule, caller: Caller, field = 'This field'): void {
  if (isExpired(caller)) {
    throw new GridError('UNAUTHENTICATED', 'The token has expired; connect with a new one.');
  }
  switch (rule) {
    case 'anyone':
      return;
    case 'own':
    case 'read':
      return allow(caller.roles.length > 0, 'reader, user or admin');
    case 'act':
      return allow(mayAct(caller), 'user or admin');
    case 'admin':
      return allow(isAdmin(caller), 'admin');
    default:
      rule satisfies never;
  }

  function allow(allowed: boolean, needed: string): void {
    if (allowed) return;
    throw new GridError(
      'FORBIDDEN',
      `${field} needs the role ${needed}; ${caller.identity} has ${caller.roles.join(', ') || 'none'}.`,
    );
  }
}
