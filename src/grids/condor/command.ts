/** What is run: one HTCondor program with an argument array, and how the words reach the submit host. */
import { GridError } from '../../errors.js';

export type Program =
  | 'condor_q'
  | 'condor_qusers'
  | 'condor_history'
  | 'condor_status'
  | 'condor_config_val'
  | 'condor_submit'
  | 'condor_hold'
  | 'condor_release'
  | 'condor_rm'
  | 'condor_qedit';
export type CommandKind =
  'queue' | 'history' | 'status' | 'config' | 'submit' | 'hold' | 'release' | 'remove' | 'edit';

export interface Command {
  readonly program: Program;
  readonly args: readonly string[];
  /** A few ads, each wanted as it is found: a command's own output goes to a pipe in blocks of 4 KiB. */
  readonly lineByLine?: boolean;
}

/**
 * Words before each command, where the server does not live on the submit host. With `exec` the words
 * reach the program as they are (`["chroot", DIR]`, `["docker", "exec", NAME]`); with `ssh` a remote shell
 * reads them, so each is single-quoted and the remote side runs under `timeout`.
 */
export interface CommandPrefix {
  readonly kind: 'exec' | 'ssh';
  readonly argv: readonly string[];
}

export interface CommandPlace {
  readonly prefix?: CommandPrefix | undefined;
  /** Folder of the commands; default: found by PATH. */
  readonly path?: string | undefined;
}

/** From coreutils: sets how the program writes, then becomes the program. */
const writingLines = ['stdbuf', '-oL'];

export const kindOf: Readonly<Record<Program, CommandKind>> = {
  condor_q: 'queue',
  condor_qusers: 'queue',
  condor_history: 'history',
  condor_status: 'status',
  condor_config_val: 'config',
  condor_submit: 'submit',
  condor_hold: 'hold',
  condor_release: 'release',
  condor_rm: 'remove',
  condor_qedit: 'edit',
};

/** execve refuses an argument over 128 KiB; a plan never needs as much. */
const argumentLimitBytes = 100 * 1024;

/** The argument vector to spawn. */
export function argvOf(
  command: Command,
  place: CommandPlace,
  deadlineMs: number,
  extra: Readonly<Record<string, string>> = {},
): readonly [string, ...string[]] {
  const program = place.path === undefined ? command.program : `${place.path}/${command.program}`;
  const words = [...(command.lineByLine ? writingLines : []), program, ...command.args];
  for (const word of words) checkWord(word);
  const { prefix } = place;
  if (prefix === undefined) return words as [string, ...string[]];
  const [first, ...others] = prefix.argv;
  if (first === undefined) throw new Error('A command prefix needs at least one word.');
  if (prefix.kind === 'exec') {
    // `docker exec` and `sudo` hand no environment on: without it another account would act than was meant.
    const set = Object.keys(extra).length === 0 ? [] : ['env', ...assignments(extra)];
    return [first, ...others, ...set, ...words];
  }
  // One second more than here: the local deadline is the one that is reported.
  const remote = [
    'env',
    ...assignments({ ...fixedEnvironment(command), ...extra }),
    'timeout',
    String(Math.ceil(deadlineMs / 1000) + 1),
    ...words,
  ];
  return [first, ...others, remote.map(quoted).join(' ')];
}

const assignments = (variables: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(variables).map(([name, value]) => `${name}=${value}`);

/**
 * Who keeps in memory what it would log, line after line with each ad that it reads, until it ends: 96 MB and a third of
 * its time for 50,000 jobs. Any value of this setting ends that, and has the few lines of an error said with a failure.
 */
const keepsItsLog: ReadonlySet<Program> = new Set(['condor_q', 'condor_status']);

/** Nothing of a request gets here: `_CONDOR_NAME=value` would override every configuration file. */
const fixedEnvironment = ({ program }: Command) => ({
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  // Seconds; bounds what the collector part of a query waits (60 by default). condor_config_val would show it as the
  // setting of the host.
  ...(program !== 'condor_config_val' && { _CONDOR_QUERY_TIMEOUT: '10' }),
  // Each line with its category: by that it is known (errors.ts).
  ...(keepsItsLog.has(program) && { _CONDOR_TOOL_DEBUG_ON_ERROR: 'D_CAT' }),
});

/** What the operator's own environment may say to the commands: where configuration and credentials are. */
const inherited =
  /^(PATH|HOME|USER|LOGNAME|TMPDIR|SSH_AUTH_SOCK|DOCKER_HOST|CONDOR_CONFIG|_CONDOR_\w+|BEARER_TOKEN_FILE|KRB5CCNAME|X509_\w+)$/;

export const environment = (command: Command): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => inherited.test(name))),
  ...fixedEnvironment(command),
});

function checkWord(word: string): void {
  // eslint-disable-next-line no-control-regex -- NUL ends an argument, a newline ends a remote shell's line
  if (/[\u0000\n\r]/.test(word)) {
    throw new GridError('BAD_FILTER', 'A command word may hold neither NUL nor a line break.');
  }
  if (Buffer.byteLength(word) > argumentLimitBytes) {
    throw new GridError('BAD_FILTER', `A command word is longer than ${argumentLimitBytes} bytes.`);
  }
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
