/** A real sshd on a free port of loopback, with keys of its own, that lets this user in and nobody else. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findProgram } from './program.js';
import { freePort } from './redis.js';

export interface SshServer {
  /** The words that run a command there: what follows is read by the user's shell. */
  readonly argv: readonly string[];
  stop(): Promise<void>;
}

export interface RealSshd {
  start(): Promise<SshServer>;
}

const startLimitMs = 10_000;
const setupInstalls = '(scripts/setup installs it)';

/** The installed sshd, or the reason why there is none. It is not in every PATH, and has to be started by its full path. */
export function findSshd(): RealSshd | string {
  const program = findProgram('sshd') ?? '/usr/sbin/sshd';
  if (!existsSync(program)) return `no sshd on this machine ${setupInstalls}`;
  if (findProgram('ssh') === undefined || findProgram('ssh-keygen') === undefined)
    return `no ssh in PATH ${setupInstalls}`;
  return { start: () => start(program) };
}

async function start(program: string): Promise<SshServer> {
  const dir = await mkdtemp(join(tmpdir(), 'htc-graph-sshd-'));
  const file = (name: string): string => join(dir, name);
  for (const key of ['host', 'user']) {
    const words = ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)];
    const { status, stderr } = spawnSync('ssh-keygen', words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ssh-keygen failed: ${stderr}`);
  }
  const port = await freePort();
  const hostKey = await readFile(file('host.pub'), 'utf8');
  await writeFile(file('known'), `[127.0.0.1]:${port} ${hostKey}`);
  await writeFile(
    file('config'),
    `ListenAddress 127.0.0.1:${port}
HostKey ${file('host')}
AuthorizedKeysFile ${file('user.pub')}
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
`,
  );
  // Where root starts it, it wants this folder, which a service would make.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const child = spawn(program, ['-D', '-e', '-f', file('config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const killWithParent = () => child.kill('SIGKILL');
  process.once('exit', killWithParent);
  const stop = async () => {
    const exited = once(child, 'exit');
    if (child.exitCode === null && child.kill('SIGKILL')) await exited;
    process.off('exit', killWithParent);
    await rm(dir, { recursive: true, force: true });
  };
  const limit = setTimeout(killWithParent, startLimitMs);
  const said: string[] = [];
  const lines = createInterface({ input: child.stderr });
  for await (const line of lines) {
    if (line.startsWith('Server listening')) break;
    said.push(line);
  }
  clearTimeout(limit);
  child.stderr.resume();
  if (child.exitCode !== null || child.killed) {
    await stop();
    throw new Error(`sshd did not start: ${said.slice(-5).join(' | ')}`);
  }
  const options = [
    ...['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=yes'],
    `UserKnownHostsFile=${file('known')}`,
  ].flatMap((option) => ['-o', option]);
  const who = `${userInfo().username}@127.0.0.1`;
  const argv = ['ssh', '-F', 'none', '-p', String(port), '-i', file('user'), ...options, who];
  return { argv, stop };
}
