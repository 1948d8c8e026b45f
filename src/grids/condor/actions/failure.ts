/** Why a command that acts failed as a whole. */
import type { GridError } from '../../../errors.js';
import { InputError } from '../../action.js';
import type { Command } from '../command.js';
import { failureOf, type Ended } from '../errors.js';

/** Of chroot, sudo, su and runuser, in their own words. */
const unknownAccount =
  /invalid user|unknown user|no such user|user \S+ does not exist|no passwd entry|invalid group|unable to initialize policy/i;

/** The reason, in words for the one who asked; undefined where the command did not fail. */
export function actionFailure(
  command: Command,
  ended: Ended,
  user: string | undefined,
): GridError | undefined {
  if (ended.code === 0) return undefined;
  if (unknownAccount.test(ended.stderr)) {
    const message = `The pool has no account ${user ?? 'for this caller'}.`;
    return new InputError('FORBIDDEN', message, []);
  }
  return failureOf(command, ended);
}

const submitRules: readonly {
  readonly says: RegExp;
  readonly code: 'LIMIT_EXCEEDED' | 'FORBIDDEN';
  readonly message: string;
}[] = [
  {
    says: /MAX_JOBS_PER_SUBMISSION|MAX_JOBS_PER_OWNER|MAX_JOBS_SUBMITTED|would exceed/,
    code: 'LIMIT_EXCEEDED',
    message: 'The pool takes fewer jobs at once, or of one owner.',
  },
  {
    says: /Cannot allocate a cluster id|Failed to create cluster|Failed to set Owner|not authorized|not allowed to own jobs/,
    code: 'FORBIDDEN',
    message: 'The pool takes no jobs from the account that submits.',
  },
];

/** The same of condor_submit, whose other errors are about what was to be submitted. */
export function submitFailure(
  command: Command,
  ended: Ended,
  user: string | undefined,
): GridError | undefined {
  const failure = actionFailure(command, ended, user);
  if (failure === undefined || failure instanceof InputError) return failure;
  const errors = ended.stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('WARNING'))
    .join(' ');
  const rule = submitRules.find(({ says }) => says.test(errors));
  if (rule) return new InputError(rule.code, rule.message, []);
  if (failure.code !== 'UNAVAILABLE' || !/ERROR: /.test(errors)) return failure;
  if (
    /Can't find address|Failed to connect|SECMAN|CEDAR|Failed to (queue|send|commit)/i.test(errors)
  ) {
    return failure;
  }
  const told = errors
    .replace(/^.*?ERROR: /s, '')
    .replaceAll(/<[^<>]*>/g, '…')
    .slice(0, 300);
  return new InputError('BAD_USER_INPUT', `condor_submit refused it: ${told}`, []);
}
