/** Who asks: an identity with roles, however it was proved. */
import { always, type Predicate } from '../query/predicate.js';

/** reader: sees own work; user: also submits and acts on it; admin: sees and acts on everybody's. */
export const roles = ['reader', 'user', 'admin'] as const;
export type Role = (typeof roles)[number];

export interface Caller {
  readonly identity: string;
  readonly roles: readonly Role[];
  readonly scopes: readonly string[];
  /** Epoch milliseconds; null for callers that do not expire. */
  readonly expiresAt: number | null;
}

export const isAdmin = (caller: Caller): boolean => caller.roles.includes('admin');
export const mayAct = (caller: Caller): boolean => isAdmin(caller) || caller.roles.includes('user');

/** The work a caller may see, as a predicate that joins every filter. */
export function ownWork(caller: Caller): Predicate {
  return isAdmin(caller) ? always : { op: 'eq', ref: { field: 'owner' }, value: caller.identity };
}

/** Whether work of this owner is the caller's to see; work without an owner is an admin's alone. */
export const maySee = (caller: Caller, owner: string | null | undefined): boolean =>
  isAdmin(caller) || (owner != null && owner === caller.identity);
