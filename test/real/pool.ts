/** The real HTCondor pool that scripts/pool brings up: where it is, and commands in it. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export type PoolUser = 'alice' | 'bob';

export interface CommandAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RealPool {
  readonly dir: string;
  /** Goes before a command to run it in the pool: the `prefix` of the server's configuration. */
  readonly prefix: readonly [string, string];
  readonly eventLog: string;
  readonly historyFile: string;
  readonly scheddName: string;
  readonly collectorPort: number;
  readonly users: readonly PoolUser[];
  /** Runs a command as root, who may read everything and act on everyone's jobs. */
  run(argv: readonly string[]): Promise<CommandAnswer>;
  asUser(user: PoolUser, argv: readonly string[], stdin?: string): Promise<CommandAnswer>;
  /** Submits a submit description (with its `queue` line) and gives the cluster id. */
  submit(user: PoolUser, description: string): Promise<number>;
  /** Removes what matches, and does not mind when nothing does. */
  remove(constraint: string): Promise<void>;
}

const commandLimitMs = 60_000;

/** The running pool, or the reason why there is none. */
export const findPool = (): RealPool | string =>
  poolOf(process.env['TEST_POOL_DIR'] ?? '/var/cache/htc-graph/pool');

/** The second one: a newer HTCondor, with two schedds. */
export const findSecondPool = (): RealPool | string =>
  poolOf(process.env['TEST_POOL_2_DIR'] ?? '/var/cache/htc-graph/pool-2');

/** The other schedd of a pool that has two. */
export const otherSchedd = 'second@pool.example.test';

function poolOf(dir: string): RealPool | string {
  const marker = join(dir, 'etc/htc-graph-pool');
  if (process.getuid?.() !== 0) return 'the HTCondor pool needs root (chroot)';
  if (!existsSync(marker)) return `no HTCondor pool in ${dir} (scripts/pool up makes it)`;
  if (!isRunning(dir)) return `the HTCondor pool in ${dir} does not run (scripts/pool up)`;
  return poolIn(dir, Number(readFileSync(marker, 'utf8')));
}

/** Compares the process's root, since a pid file outlives its process and pids are reused. */
function isRunning(dir: string): boolean {
  try {
    const pid = readFileSync(join(dir, 'run/condor/master.pid'), 'utf8').trim();
    return readlinkSync(`/proc/${pid}/root`) === dir;
  } catch {
    return false;
  }
}

function poolIn(dir: string, collectorPort: number): RealPool {
  const run = (argv: readonly string[]) => execute(['chroot', dir, ...argv]);
  const asUser = (user: PoolUser, argv: readonly string[], stdin?: string) => {
    const home = ['env', '-i', `HOME=/home/${user}`, 'PATH=/usr/bin:/bin', 'LANG=C.UTF-8'];
    const shell = ['sh', '-c', 'cd && exec "$@"', 'sh'];
    return execute(
      ['chroot', `--userspec=${user}:${user}`, dir, ...home, ...shell, ...argv],
      stdin,
    );
  };
  return {
    dir,
    prefix: ['chroot', dir],
    eventLog: join(dir, 'var/log/condor/EventLog'),
    historyFile: join(dir, 'var/spool/condor/history'),
    scheddName: 'pool.example.test',
    collectorPort,
    users: ['alice', 'bob'],
    run,
    asUser,
    async submit(user, description) {
      const answer = await asUser(user, ['condor_submit', '-terse', '-'], description);
      const cluster = /^(\d+)\.\d+ - /.exec(answer.stdout)?.[1];
      if (answer.code !== 0 || cluster === undefined)
        throw new Error(`condor_submit failed (${answer.code}): ${answer.stderr}`);
      return Number(cluster);
    },
    async remove(constraint) {
      await run(['condor_rm', '-constraint', constraint]);
    },
  };
}

function execute(argv: readonly string[], stdin = ''): Promise<CommandAnswer> {
  const [program = '', ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      stdio: 'pipe',
      signal: AbortSignal.timeout(commandLimitMs),
      killSignal: 'SIGKILL',
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({
        code: code ?? -1,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
    // A command that reads no input may end before it is written: its answer tells, not the broken pipe.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
  });
}
