/** When the last client who waits for a command has gone, no process of it is left after a second. */
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { connect, subscribe } from './raw-socket.js';
import { run, type Program } from './program.js';

/** Stands for a pool whose schedd does not answer: condor_q hangs, with a child of its own, perhaps under stdbuf. */
const hangs = (pids: string): string => `#!/bin/sh
case "$*" in
*-version*) exit 0 ;;
stdbuf*) shift 2; exec stdbuf -oL "$0" "$@" ;;
condor_q*) sleep 600 & echo "$$ $! $_STDBUF_O" >>'${pids}'; exec sleep 600 ;;
condor_config_val*) echo 'FULL_HOSTNAME = pool.example.test'; echo 'DAEMON_LIST = SCHEDD' ;;
esac
`;

const counting = '{ jobs { totalCount } }';
const lookUp = '{ job(jobId: "1.0") { owner } }';

let folder: string;
let pids: string;
let program: Program;
let url: URL;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'htc-graph-left-'));
  pids = join(folder, 'pids');
  const prefix = join(folder, 'pool');
  await writeFile(prefix, hangs(pids));
  await chmod(prefix, 0o755);
  const config = join(folder, 'config.json');
  const grid = {
    kind: 'HTCONDOR',
    name: 'pool',
    prefix: { kind: 'exec', argv: [prefix] },
    schedds: ['pool.example.test'],
    eventLog: false,
    deadlineMs: 600_000,
  };
  await writeFile(config, JSON.stringify({ grids: [grid] }));
  program = run(['--config', config, '--port', '0']);
  const [, found = ''] = await program.says(/(http:\/\/127\.0\.0\.1:\d+)/);
  url = new URL('/graphql', found);
});
afterEach(() => rm(pids, { force: true }));
afterAll(async () => {
  await program[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** The processes of the commands that were started since the last test. */
const processes = (): readonly number[] =>
  existsSync(pids) ? (readFileSync(pids, 'utf8').match(/\d+/g) ?? []).map(Number) : [];

const alive = (pid: number): boolean => {
  try {
    // A zombie has ended: it waits for its parent to ask.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
const left = (): readonly number[] => processes().filter(alive);

const started = (commands: number) =>
  vi.waitFor(() => expect(processes()).toHaveLength(2 * commands));
/** A second on a machine that has time for it; by themselves they would be there for ten minutes. */
const noneLeft = () => vi.waitFor(() => expect(left()).toEqual([]));

function ask(query = counting): { leave(): void } {
  const body = JSON.stringify({ query });
  const sent = request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
  });
  sent.on('error', () => undefined); // it was left
  sent.end(body);
  return { leave: () => void sent.destroy() };
}

/** Operations over HTTP that have ended, as the metrics count them. */
async function endedOverHttp(): Promise<number> {
  const metrics = await (await fetch(new URL('/metrics', url))).text();
  const counts = metrics.matchAll(/^htc_graph_requests_total\{transport="http".*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

const socket = () => connect(String(url).replace('http', 'ws'));

it.each([counting, lookUp])('over HTTP: %s', async (query) => {
  const client = ask(query);
  await started(1);
  expect(left()).toHaveLength(2);
  client.leave();
  await noneLeft();
});

it('the last of several who wait for one command', async () => {
  const first = ask();
  await started(1);
  using second = await socket();
  subscribe(second, 'q', counting);
  // Answered behind the subscribe, and at once: by then the second waits too.
  subscribe(second, 'g', '{ grids { name } }');
  expect(await second.next()).toMatchObject({ id: 'g', type: 'next' });
  const before = await endedOverHttp();
  first.leave();
  await vi.waitFor(async () => expect(await endedOverHttp()).toBe(before + 1));
  expect(left()).toHaveLength(2);
  expect(processes()).toHaveLength(2);
  second.socket.terminate();
  await noneLeft();
});

it.each([counting, lookUp])('over WebSocket, when the socket goes away: %s', async (query) => {
  using client = await socket();
  subscribe(client, 'q', query);
  await started(1);
  client.socket.terminate();
  await noneLeft();
});

it('under stdbuf, which is used once it was tried', async () => {
  const underStdbuf = () => /L$/m.test(readFileSync(pids, 'utf8'));
  for (let isUsed = false; !isUsed;) {
    await rm(pids, { force: true });
    using client = await socket();
    subscribe(client, 'q', lookUp);
    await started(1);
    isUsed = underStdbuf();
    client.socket.terminate();
    await noneLeft();
  }
});

it('over WebSocket, when the client completes the query; the socket stays', async () => {
  using client = await socket();
  for (const [i, query] of [counting, lookUp].entries()) {
    subscribe(client, 'q', query);
    await started(i + 1);
    client.send({ id: 'q', type: 'complete' });
    await noneLeft();
  }
  subscribe(client, 'g', '{ grids { name } }');
  expect(await client.next()).toEqual({
    id: 'g',
    type: 'next',
    payload: { data: { grids: [{ name: 'pool' }] } },
  });
});

it('of what it finds out as it starts, when the program is stopped meanwhile', async () => {
  const prefix = join(folder, 'silent-pool');
  const asked = join(folder, 'asked');
  const script = `#!/bin/sh\necho $$ >>'${pids}'; echo "$*" >>'${asked}'; exec sleep 600\n`;
  await writeFile(prefix, script);
  await chmod(prefix, 0o755);
  const config = join(folder, 'silent.json');
  const grid = { kind: 'HTCONDOR', name: 'pool', prefix: { kind: 'exec', argv: [prefix] } };
  await writeFile(config, JSON.stringify({ grids: [grid] }));
  await using silent = run(['--config', config, '--port', '0']);
  await silent.says(/answers at/);
  await vi.waitFor(() => expect(readFileSync(asked, 'utf8')).toContain('condor_q -version'));
  silent.child.kill('SIGTERM');
  expect(await silent.exited).toEqual({ code: 0, signal: null });
  await noneLeft();
});
