/**
 * Tells failed commands apart. Exit codes lie and one code stands for every failure, so the rules read
 * the text (docs/grids/htcondor.md, "errors"); the first rule that fits wins.
 */
import { GridError, type ErrorCode } from '../../errors.js';
import type { Command } from './command.js';
import { noDaemonOfThatName } from './versions.js';

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly stderr: string;
  /** The first few kilobytes. */
  readonly stdout: string;
}

interface Rule {
  readonly says: RegExp;
  readonly code: ErrorCode;
  readonly message: string;
}

const silent = {
  code: 'UNAVAILABLE',
  message: 'The daemon that was asked does not answer.',
} as const;

const rules: readonly Rule[] = [
  // Who is cut off while both sides agree on a way to authenticate was refused by nobody.
  { says: /AUTHENTICATE:1002/, ...silent },
  {
    says: /AUTHENTICATE:\d+|Received "DENIED"|SECMAN:2010|Permission denied|PERMISSION DENIED/,
    code: 'FORBIDDEN',
    message:
      'The pool does not admit this server: its account has to exist there and be authorized.',
  },
  {
    says: /could not parse constraint|Parse error in constraint|invalid (-since )?constraint/i,
    code: 'BAD_FILTER',
    message: 'The pool could not read the constraint.',
  },
  {
    says: noDaemonOfThatName,
    code: 'UNKNOWN_SCHEDD',
    message: 'The pool knows no daemon of that name; schedds lists those it has.',
  },
  {
    says: /unrecognized argument|Unknown (argument|option)|cannot be combined|is not a valid for/i,
    code: 'CAPABILITY_MISSING',
    message: 'This version of HTCondor does not know an option that the query needs.',
  },
  {
    says: /Couldn't contact the condor_collector|communication error|CEDAR:6001|Can't (connect|find address)|Failed to (fetch ads|connect)|SECMAN:20(0\d|11)|Error opening history file/,
    ...silent,
  },
];

/** Why the command failed, or undefined where its output stands. */
export function failureOf(command: Command, ended: Ended): GridError | undefined {
  if (ended.code === 0) return undefined;
  const said = withoutLog(ended.stderr);
  const told = `${said}\n${ended.stdout.startsWith('[') ? '' : ended.stdout}`;
  // A pool that can't be resolved is not a schedd that can't: the operator named it.
  const rule = /-pool argument/.test(told)
    ? rules.at(-1)
    : rules.find(({ says }) => says.test(told));
  const cause = new Error(`${command.program} ended with ${ended.code}: ${ended.stderr.trim()}`);
  if (rule === undefined) {
    return new GridError('UNAVAILABLE', `${command.program} failed on the pool.`, { cause });
  }
  return new GridError(rule.code, `${rule.message} (${firstLine(said)})`, { cause });
}

/** Log lines say what was tried on the way: one about a file it may not open is not why it failed. */
const withoutLog = (stderr: string): string =>
  stderr.replaceAll(/^.*\(D_[A-Z_]+[^)]*\) .*$|^-+ TOOL_DEBUG_ON_ERROR (output|ends) -+$/gm, '');

/** Why the command could not be started at all. */
export function startFailure(command: Command, error: NodeJS.ErrnoException): GridError {
  const missing = error.code === 'ENOENT' || error.code === 'EACCES';
  return new GridError(
    'UNAVAILABLE',
    missing
      ? `${command.program} could not be started: the command or its prefix was not found.`
      : `${command.program} could not be started.`,
    { cause: error },
  );
}

/** The first line with words, without addresses: `<127.0.0.1:9618?addrs=…>` says nothing to a client. */
function firstLine(stderr: string): string {
  const line = stderr.split('\n').find((text) => /\w/.test(text)) ?? 'no message';
  return line
    .replaceAll(/<[^<>]*>/g, '…')
    .trim()
    .slice(0, 200);
}
