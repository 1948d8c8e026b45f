/** A real redis-server on a free port of loopback, with nothing on disk after it stops. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { findProgram } from './program.js';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface RealRedis {
  readonly program: string;
  /** Starts a server of its own; `args` are redis-server options, such as `--requirepass secret`. */
  start(...args: readonly string[]): Promise<RedisServer>;
}

type RedisProcess = ChildProcessByStdio<null, Readable, Readable>;

const startLimitMs = 10_000;
const stopLimitMs = 5_000;

/** The installed Redis, or the reason why there is none. */
export function findRedis(): RealRedis | string {
  const program = findProgram('redis-server');
  if (program === undefined) return 'no redis-server in PATH (scripts/setup installs it)';
  return { program, start: (...args) => start(program, args) };
}

async function start(program: string, args: readonly string[]): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), 'htc-graph-redis-'));
  const port = await freePort();
  const memoryOnly = ['--save', '', '--appendonly', 'no'];
  const child = spawn(
    program,
    ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, ...memoryOnly, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const killWithParent = () => child.kill('SIGKILL');
  process.once('exit', killWithParent);
  const stop = async () => {
    await end(child);
    process.off('exit', killWithParent);
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await ready(child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, url: `redis://127.0.0.1:${port}`, pid: child.pid ?? -1, stop };
}

async function ready(child: RedisProcess): Promise<void> {
  const closed = once(child, 'close').catch(() => undefined);
  const lines = createInterface({ input: child.stdout });
  const limit = setTimeout(() => child.kill('SIGKILL'), startLimitMs);
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString().trim()));
  try {
    for await (const line of lines) {
      if (line.includes('Ready to accept connections')) return;
      said.push(line);
    }
  } finally {
    clearTimeout(limit);
    lines.close();
    child.stdout.resume(); // an unread pipe would block the server's log
  }
  await closed; // what it said on stderr comes after the end of stdout
  throw new Error(`redis-server did not start: ${said.slice(-5).join(' | ')}`);
}

async function end(child: RedisProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const limit = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
  await exited;
  clearTimeout(limit);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
