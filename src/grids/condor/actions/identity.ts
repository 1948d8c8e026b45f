/** Whose account acts: the gateway's own, a token of the caller's, or a command prefix with the caller's name. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../action.js';
import type { Actor } from '../../job-actions.js';
import type { CommandPrefix } from '../command.js';

export type ActAs =
  | {
      /** The account that the server's commands run as. HTCondor can't tell callers apart. */
      readonly kind: 'gateway';
    }
  | {
      /** A folder of IDTOKENs for each identity: `DIRECTORY/IDENTITY/`, where the commands run. */
      readonly kind: 'tokens';
      readonly directory: string;
      /** Whose tokens act for admins; their own unless given. */
      readonly adminAs?: string | undefined;
    }
  | {
      /** Words before each command, in place of the pool's prefix; `{user}` stands for the identity. */
      readonly kind: 'prefix';
      readonly argv: readonly string[];
      /** How the words reach the command: as they are, or through a remote shell. @default 'exec' */
      readonly via?: CommandPrefix['kind'] | undefined;
      /** Which account acts for admins; their own unless given. */
      readonly adminAs?: string | undefined;
    };

export interface Acting {
  /** The account on the submit host; undefined: whatever the gateway runs as. */
  readonly user: string | undefined;
  readonly prefix: CommandPrefix | undefined;
  readonly environment: Readonly<Record<string, string>>;
}

/** A name that an account can have, and that no shell, path or option parser reads as more. */
const accountName = /^[a-z_][a-z0-9_-]{0,31}$/;

/** Accounts that may do anything: nobody acts as these through a graph. */
const never = new Set(['root', 'toor']);

/** `{user}` replaced; the name has been checked. */
export const forUser = (text: string, user: string): string => text.replaceAll('{user}', user);

export async function actingFor(
  actAs: ActAs,
  actor: Actor,
  pool: CommandPrefix | undefined,
  purpose: 'submit' | 'act',
): Promise<Acting> {
  if (actAs.kind === 'gateway') return { user: undefined, prefix: pool, environment: {} };
  const stand = purpose === 'act' && actor.admin ? actAs.adminAs : undefined;
  const user = checkedUser(stand ?? actor.identity);
  if (actAs.kind === 'prefix') {
    const argv = actAs.argv.map((word) => forUser(word, user));
    return { user, prefix: { kind: actAs.via ?? 'exec', argv }, environment: {} };
  }
  const directory = join(actAs.directory, user);
  // With a prefix the folder is elsewhere: there HTCondor alone can say that a token is missing.
  if (pool === undefined && !(await exists(directory))) throw noAccount(user);
  return { user, prefix: pool, environment: tokensOnly(directory) };
}

/**
 * A token from that folder or nothing. Without the last three a client that runs as root and finds no token
 * makes one of the pool's own key, and acts as the queue's superuser (docs/grids/htcondor.md, "Acting").
 */
const tokensOnly = (directory: string): Readonly<Record<string, string>> => ({
  _CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS: 'IDTOKENS',
  _CONDOR_SEC_TOKEN_DIRECTORY: directory,
  _CONDOR_SEC_TOKEN_SYSTEM_DIRECTORY: directory,
  _CONDOR_SEC_TOKEN_POOL_SIGNING_KEY_FILE: '/nonexistent',
  _CONDOR_SEC_PASSWORD_DIRECTORY: '/nonexistent',
});

function checkedUser(identity: string): string {
  if (accountName.test(identity) && !never.has(identity)) return identity;
  throw new InputError(
    'FORBIDDEN',
    never.has(identity)
      ? 'Nobody acts as root.'
      : `The identity ${JSON.stringify(identity.slice(0, 80))} is no name of an account (a-z, 0-9, _ and -, at most 32): it can't act on this pool.`,
    [],
  );
}

const noAccount = (user: string): InputError =>
  new InputError('FORBIDDEN', `There is no token for ${user} on this pool.`, []);

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
