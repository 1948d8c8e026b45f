/** The command line, as it is typed: what it prints, how it fails, and how it ends. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../src/server/about.js';
import { connect, subscribe } from './raw-socket.js';
import { run } from './program.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'htc-graph-cli-'));
  await writeFile(
    join(folder, 'embedded.json'),
    JSON.stringify({
      server: { port: 0 },
      grids: [{ kind: 'HTC_GRID', name: 'local', embedded: true, workers: 1 }],
    }),
  );
});
afterAll(() => rm(folder, { recursive: true }));

const finish = async (args: readonly string[], environment: Record<string, string> = {}) => {
  await using program = run(args, environment, folder);
  const { code } = await program.exited;
  return { code, out: program.stdout(), err: program.stderr() };
};
const embedded = ['--config', 'embedded.json'];

describe('what ends at once', () => {
  it('--version and --help', async () => {
    expect(await finish(['--version'])).toMatchObject({ code: 0, out: `${version}\n` });
    const help = await finish(['--help']);
    expect(help.code).toBe(0);
    for (const option of [
      '--config',
      '--port',
      '--host',
      '--handler',
      '--exec',
      '--print-config',
      '--check',
    ]) {
      expect(help.out).toContain(option);
    }
  });

  it.each([['--nonsense'], ['nonsense']])('%s is refused with 2', async (argument) => {
    const { code, err } = await finish([argument]);
    expect(code).toBe(2);
    expect(err).toContain('error:');
  });

  it('--print-config shows what came of file, environment and options, without secrets', async () => {
    const token = 'a-token-of-good-length';
    const file = join(folder, 'secret.json');
    await writeFile(
      file,
      JSON.stringify({ access: { tokens: [{ token, identity: 'a', roles: ['admin'] }] } }),
    );
    const { code, out } = await finish(['--config', file, '--print-config', '--port', '4444'], {
      HTC_GRAPH_LIMITS_DEPTH: '7',
    });
    expect(code).toBe(0);
    expect(out).not.toContain(token);
    expect(JSON.parse(out)).toMatchObject({
      server: { port: 4444 },
      limits: { depth: 7 },
      access: { tokens: [{ token: '***', identity: 'a' }] },
    });
  });

  it('a configuration that cannot be used is a few words and 2, no stack', async () => {
    const { code, out, err } = await finish(['--host', '0.0.0.0', '--port', 'x']);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('server.port: expected number, but got "x" (HTC_GRAPH_PORT).');
    expect(err).not.toMatch(/^\s+at /m);
  });

  it.each([
    ['is not there', 'none.pem', /replicas\.ca: expected a PEM file that can be read, but ENOENT/],
    [
      'is something else',
      'embedded.json',
      /replicas\.ca: expected a PEM file, but .* no certificate/,
    ],
  ])('a file of authorities that %s is named with its setting, and 2', async (_, ca, sentence) => {
    const file = join(folder, 'authorities.json');
    await writeFile(file, JSON.stringify({ replicas: { redis: 'rediss://localhost', ca } }));
    const { code, err } = await finish(['--config', file]);
    expect(code).toBe(2);
    expect(err).toMatch(sentence);
  });

  it('a port that is taken is a few words and 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { readonly port: number };
    const { code, err } = await finish([...embedded, '--port', String(port)]);
    other.close();
    expect(code).toBe(1);
    expect(err).toContain('EADDRINUSE');
    expect(err).not.toMatch(/^\s+at /m);
  });

  it('--check says what each grid is: 0 when all answer, 1 when one does not', async () => {
    const well = await finish([...embedded, '--check']);
    expect([well.code, well.out]).toEqual([
      0,
      expect.stringMatching(/^ok {3}local: HTC-Grid, embedded/),
    ]);
    const file = join(folder, 'broken.json');
    await writeFile(
      file,
      JSON.stringify({
        grids: [
          { kind: 'HTC_GRID', name: 'local', embedded: true },
          { kind: 'HTCONDOR', name: 'gone', path: '/nowhere' },
          { kind: 'HTC_GRID', name: 'lost', embedded: true, handler: './none.mjs' },
        ],
      }),
    );
    const { code, out } = await finish(['--config', file, '--check']);
    expect(code).toBe(1);
    expect(out).toMatch(/^ok {3}local: .*\nFAIL gone: .*\nFAIL lost: .*none\.mjs/);
  });
});

describe('the running program', () => {
  it('says where it is and what it found, answers, and stops in order on SIGTERM', async () => {
    await using program = run(embedded, {}, folder);
    const [, address] = await program.says(/^htc-graph \S+ answers at (\S+)/);
    await program.says(/playground +http:\/\/127\.0\.0\.1:\d+\/\n/);
    await program.says(/grid local +HTC-Grid, embedded, 1 workers/);
    await program.says(/loopback only/);
    const url = new URL(address ?? '');
    const ready = await fetch(new URL('/readyz', url));
    expect(await ready.json()).toMatchObject({ status: 'OK', grids: [{ name: 'local' }] });

    using socket = await connect(`ws://${url.host}/graphql`);
    subscribe(socket, '1', '{ viewer { identity roles } }');
    expect((await socket.next()).payload).toEqual({
      data: { viewer: { identity: 'local', roles: ['admin'] } },
    });
    program.child.kill('SIGTERM');
    expect((await socket.closed).code).toBe(1001);
    expect(await program.exited).toEqual({ code: 0, signal: null });
    const logged = program.stderr().trim().split('\n');
    expect(logged.map((line) => (JSON.parse(line) as { readonly msg: string }).msg)).toEqual([
      'operation',
    ]);
  });

  it('takes apart what came up at a signal during the start', async () => {
    // The worker says that it is loaded before the program listens.
    const handler = join(folder, 'says.mjs');
    const once = `import { mkdirSync } from 'node:fs'; mkdirSync(${JSON.stringify(join(folder, 'once'))});`;
    const tell = `process.kill(process.ppid, 'SIGTERM'); export default () => 1;`;
    await writeFile(handler, `${once} ${tell}`);
    await using program = run([...embedded, '--handler', handler], {}, folder);
    expect(await program.exited).toEqual({ code: 0, signal: null });
  });

  it('ends at once at the second signal', async () => {
    await using program = run(embedded, { HTC_GRAPH_SHUTDOWN_MS: '60000' }, folder);
    const [, address] = await program.says(/answers at (\S+)/);
    await program.says(/loopback only/);
    // A socket that never answers a close keeps the orderly end waiting.
    const socket = await connect(`ws://${new URL(address ?? '').host}/graphql`);
    socket.socket.pause();
    program.child.kill('SIGTERM');
    await expect
      .poll(
        () =>
          fetch(address ?? '').then(
            () => 'answers',
            () => 'refuses',
          ),
        { timeout: 10_000 },
      )
      .toBe('refuses');
    program.child.kill('SIGINT');
    expect(await program.exited).toEqual({ code: 1, signal: null });
    socket.socket.terminate();
  });
});
