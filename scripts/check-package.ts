/** Packs the package, installs the tarball in an empty folder, starts its command, asks /healthz and stops it. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly entryCount: number;
}

const run = promisify(execFile);
const startLimitMs = 20_000;
const stopLimitMs = 15_000;
const pollMs = 50;

const folder = await mkdtemp(join(tmpdir(), 'htc-graph-package-'));
try {
  await installInto(folder);
  await startAndStop(folder);
} catch (error) {
  console.error(`check-package: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function installInto(cwd: string): Promise<void> {
  // The build step ran before: packing must not build a second time.
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', cwd];
  const [packed] = JSON.parse((await run('npm', pack)).stdout) as readonly Packed[];
  if (packed === undefined) throw new Error('npm pack made no tarball');
  const { filename, entryCount, unpackedSize } = packed;
  console.log(`check-package: ${filename}, ${entryCount} files, ${unpackedSize} bytes unpacked`);
  await writeFile(join(cwd, 'package.json'), '{ "private": true }\n');
  const install = ['install', '--no-audit', '--no-fund', '--prefer-offline', join(cwd, filename)];
  await run('npm', install, { cwd });
}

async function startAndStop(cwd: string): Promise<void> {
  const port = await freePort();
  // The installed command itself: npx would stand between it and the signal.
  const server = spawn(join(cwd, 'node_modules/.bin/htc-graph'), [], {
    cwd,
    // No setting of this shell reaches it, and no grid is configured: the defaults must start.
    env: { PATH: process.env['PATH'], HOME: cwd, HTC_GRAPH_PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: Buffer[] = [];
  for (const stream of [server.stdout, server.stderr])
    stream.on('data', (chunk: Buffer) => log.push(chunk));
  const exited = once(server, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  try {
    const began = performance.now();
    await healthy(port, () => server.exitCode !== null || server.signalCode !== null);
    const tookMs = Math.round(performance.now() - began);
    console.log(`check-package: /healthz answers ${tookMs} ms after the start`);
    server.kill('SIGTERM');
    const late = setTimeout(() => server.kill('SIGKILL'), stopLimitMs);
    const [code, signal] = await exited;
    clearTimeout(late);
    if (code !== 0)
      throw new Error(
        `after SIGTERM expected exit code 0 within ${stopLimitMs} ms, got ${signal ?? code}`,
      );
    console.log('check-package: stopped with exit code 0');
  } catch (error) {
    console.error(Buffer.concat(log).toString().slice(-4000));
    throw error;
  } finally {
    server.kill('SIGKILL');
  }
}

async function healthy(port: number, gone: () => boolean): Promise<void> {
  const end = Date.now() + startLimitMs;
  while (Date.now() < end) {
    if (gone()) throw new Error('the server ended before it was ready');
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
    if (answer?.ok === true) return;
    if (answer) throw new Error(`/healthz answered ${answer.status}, expected 200`);
    await pause(pollMs);
  }
  throw new Error(`no /healthz within ${startLimitMs} ms`);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
