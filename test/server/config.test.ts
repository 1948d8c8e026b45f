/** The configuration: where it comes from, what wins, and what is refused with which words. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { otherVariables, settingTable } from '../../src/config/environment.js';
import { fileNames, loadConfiguration, type Overrides } from '../../src/config/load.js';
import { masked } from '../../src/config/masked.js';
import { ConfigError } from '../../src/config/problem.js';
import { tableRows } from './documentation.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'htc-graph-config-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (content: unknown, name = 'htc-graph.config.json') =>
  writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
const load = (environment: Record<string, string> = {}, overrides: Overrides = {}) =>
  loadConfiguration({ folder, environment, overrides });

/** The problems of a configuration that is refused. */
async function problems(
  content: unknown,
  environment: Record<string, string> = {},
): Promise<readonly string[]> {
  await write(content);
  const error = await load(environment).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).problems;
}

const token = 'a-token-of-good-length';

describe('where settings come from', () => {
  it('nothing is needed: loopback, port 4000, grids by what is there', async () => {
    const found = await load();
    expect(found.server).toMatchObject({ host: '127.0.0.1', port: 4000 });
    expect(found).toMatchObject({ file: null, grids: undefined, access: { tokens: [] } });
  });

  it.each(['js', 'mjs'])('a module with a default export: .%s', async (ending) => {
    await write('{"type":"module"}', 'package.json');
    await write('export default { server: { port: 4001 } }', `htc-graph.config.${ending}`);
    expect((await load()).server.port).toBe(4001);
  });

  it('a .ts module, or the advice on where that works', async () => {
    await write('export default { server: { port: 4002 as number } }', 'htc-graph.config.ts');
    const found = await load().catch((error: unknown) => error);
    if (found instanceof ConfigError) expect(found.message).toContain('cannot import TypeScript');
    else expect(found).toMatchObject({ server: { port: 4002 } });
  });

  it('the command line wins over the environment, and that over the file', async () => {
    await write({ server: { port: 4001, host: 'localhost' }, limits: { depth: 7 } });
    const environment = { HTC_GRAPH_PORT: '4002', HTC_GRAPH_LIMITS_ALIASES: '9' };
    expect((await load(environment)).server.port).toBe(4002);
    const found = await load(environment, { port: '4003' });
    expect(found.server).toMatchObject({ port: 4003, host: 'localhost' });
    expect(found.limits).toMatchObject({ depth: 7, aliases: 9 });
  });

  it('HTC_GRAPH_CONFIG names another file, --config yet another', async () => {
    await write({ server: { port: 1 } });
    await write({ server: { port: 2 } }, 'two.json');
    await write({ server: { port: 3 } }, 'three.json');
    expect((await load({ HTC_GRAPH_CONFIG: 'two.json' })).server.port).toBe(2);
    const three = await load({ HTC_GRAPH_CONFIG: 'two.json' }, { config: 'three.json' });
    expect(three.server.port).toBe(3);
  });

  it('lists and switches are read from the environment', async () => {
    const { server } = await load({
      HTC_GRAPH_HOSTS: 'a.example, b.example',
      HTC_GRAPH_PLAYGROUND: 'off',
      HTC_GRAPH_INTROSPECTION: 'false',
    });
    expect(server).toMatchObject({
      hosts: ['a.example', 'b.example'],
      playground: false,
      introspection: false,
    });
  });

  it('paths in a file are relative to it, those of the command line to the working folder', async () => {
    await write({
      grids: [{ kind: 'HTC_GRID', name: 'a', embedded: true, handler: './task.mjs', dataDir: 'd' }],
    });
    const found = await load({}, { handler: 'mine.mjs' });
    expect(found.grids?.[0]).toMatchObject({
      handler: join(folder, 'task.mjs'),
      dataDir: join(folder, 'd'),
    });
    expect(found.handler).toBe(join(folder, 'mine.mjs'));
  });
});

describe('what is refused, with the key, what was expected and what came', () => {
  it.each<[string, unknown, RegExp]>([
    ['an unknown section', { sever: {} }, /^sever: unknown key \(in .*htc-graph.config.json\)\.$/],
    ['an unknown key', { server: { prot: 1 } }, /^server\.prot: unknown key/],
    ['a wrong type', { server: { port: 'x' } }, /^server\.port: expected number, but got "x"/],
    [
      'a number out of range',
      { server: { port: 70_000 } },
      /^server\.port: expected at most 65535, but got 70000/,
    ],
    [
      'a word outside a list',
      { log: { level: 'loud' } },
      /^log\.level: expected "fatal" or .*, but got "loud"/,
    ],
    [
      'a role that does not exist',
      { access: { tokens: [{ token, identity: 'a', roles: ['root'] }] } },
      /^access\.tokens\[0\]\.roles\[0\]: expected "reader" or "user" or "admin", but got "root"/,
    ],
    [
      'a grid of no kind',
      { grids: [{ name: 'a' }] },
      /^grids\[0\]\.kind: expected "HTC_GRID" or "HTCONDOR", but got nothing/,
    ],
    [
      'an unknown key of a grid',
      { grids: [{ kind: 'HTCONDOR', name: 'a', table: 'x' }] },
      /^grids\[0\]\.table: unknown key/,
    ],
    [
      'a deployed grid without its table',
      { grids: [{ kind: 'HTC_GRID', name: 'a', region: 'x' }] },
      /^grids\[0\]\.table: expected it here, or ddb_state_table in grids\[0\]\.agentConfig, but got neither/,
    ],
    [
      'an embedded grid with an endpoint',
      { grids: [{ kind: 'HTC_GRID', name: 'a', embedded: true, endpoint: 'http://x' }] },
      /^grids\[0\]\.endpoint: unknown key/,
    ],
    ['no grid at all', { grids: [] }, /^grids: expected at least 1 entry, but got \[\]/],
    [
      'an embedded pool with more slots than cores',
      { grids: [{ kind: 'HTCONDOR', name: 'a', embedded: true, cpus: 2, slots: 3 }] },
      /^grids\[0\]\.slots: expected at most one slot for each of 2 cpus, but got 3/,
    ],
    [
      'an embedded pool with commands',
      { grids: [{ kind: 'HTCONDOR', name: 'a', embedded: true, path: '/usr/bin' }] },
      /^grids\[0\]\.path: unknown key/,
    ],
    [
      'two grids of one name',
      {
        grids: [
          { kind: 'HTCONDOR', name: 'a' },
          { kind: 'HTCONDOR', name: 'a' },
        ],
      },
      /^grids\[1\]\.name: expected each name once, but got "a" again/,
    ],
    [
      'a host beyond loopback without access',
      { server: { host: '0.0.0.0' } },
      /^server\.host: expected a loopback address .* but got "0\.0\.0\.0"/,
    ],
    [
      'an origin with a path',
      { server: { origins: ['https://a.example/x'] } },
      /^server\.origins\[0\]: expected an origin/,
    ],
    [
      'a body limit above that of submitters',
      { limits: { bodyBytes: 1_000_000, submitBodyBytes: 2_000 } },
      /^limits\.bodyBytes: expected at most limits\.submitBodyBytes/,
    ],
    [
      'a token with two owners',
      {
        access: {
          tokens: [
            { token, identity: 'a', roles: ['user'] },
            { token, identity: 'b', roles: ['admin'] },
          ],
        },
      },
      /^access\.tokens\[1\]\.token: expected each token once/,
    ],
    ['no object', '[]', /expected an object of settings/],
    ['no JSON', '{', /expected readable JSON/],
  ])('%s', async (_, content, message) => {
    expect(await problems(content)).toEqual([expect.stringMatching(message)]);
  });

  it('a short token, without showing it', async () => {
    const [problem] = await problems({
      access: { tokens: [{ token: 'hunter2', identity: 'a', roles: ['user'] }] },
    });
    expect(problem).toMatch(/^access\.tokens\[0\]\.token: expected at least 16 visible/);
    expect(problem).not.toContain('hunter2');
  });

  it('all problems at once', async () => {
    expect(await problems({ server: { port: -1, playground: 'maybe' }, x: 1 })).toHaveLength(3);
  });

  it('a variable that is no setting, and one that does not fit, by its name', async () => {
    expect(await problems({}, { HTC_GRAPH_PROT: '1' })).toEqual([
      expect.stringMatching(/^HTC_GRAPH_PROT: unknown environment variable/),
    ]);
    expect(await problems({}, { HTC_GRAPH_PORT: 'x' })).toEqual([
      'server.port: expected number, but got "x" (HTC_GRAPH_PORT).',
    ]);
  });

  it('two files in one folder, and a file that is not there', async () => {
    await write({});
    await write('export default {}', 'htc-graph.config.mjs');
    await expect(load()).rejects.toThrow(/expected one configuration file/);
    await expect(load({}, { config: 'none.json' })).rejects.toThrow(/none\.json/);
  });

  it('a handler without an embedded grid', async () => {
    await write({ grids: [{ kind: 'HTCONDOR', name: 'a' }] });
    await expect(load({}, { handler: 'x.mjs' })).rejects.toThrow(/embedded HTC-Grid/);
  });
});

describe('a host beyond loopback', () => {
  it('is refused beside an embedded pool, with tokens too: jobs run as the account of the server', async () => {
    await write({
      server: { host: '0.0.0.0' },
      access: { tokens: [{ token, identity: 'a', roles: ['admin'] }] },
      grids: [{ kind: 'HTCONDOR', name: 'a', embedded: true }],
    });
    await expect(load()).rejects.toThrow(
      /^grids\[0\]\.embedded: expected server\.host to be a loopback address/m,
    );
  });

  it('has no embedded pool by default; on loopback it takes the place of a pool that is not here', async () => {
    vi.stubEnv('PATH', '/nowhere');
    onTestFinished(() => void vi.unstubAllEnvs());
    const kinds = async (host: string) => {
      const found = await load();
      const { configuredGrids } = await import('../../src/server/grids.js');
      const chosen = await configuredGrids({ ...found, server: { ...found.server, host } });
      return chosen.map(({ kind, embedded }) => `${kind} ${embedded}`);
    };
    await write({});
    expect(await kinds('0.0.0.0')).toEqual(['HTC_GRID true']);
    expect(await kinds('127.0.0.1')).toEqual(['HTC_GRID true', 'HTCONDOR true']);
  });

  it('is allowed once there is a token', async () => {
    await write({
      server: { host: '0.0.0.0' },
      access: {
        tokens: [{ token, identity: 'a', roles: ['admin'], expiresAt: '2099-01-01T00:00:00Z' }],
      },
    });
    const { access } = await load();
    expect(access.tokens[0]?.expiresAt).toBe(Date.parse('2099-01-01T00:00:00Z'));
  });

  it.each(['127.0.0.1', '127.8.8.8', 'localhost', '::1', '[::1]'])(
    'is none of these: %s',
    async (host) => {
      expect((await load({ HTC_GRAPH_HOST: host })).server.host).toBe(host);
    },
  );
});

describe('replicas', () => {
  it('share nothing until a Redis is named, by file or by variable', async () => {
    await write({});
    expect((await load()).replicas).toEqual({
      ...{ redis: null, password: null, ca: null },
      ...{ prefix: 'htc-graph', leaseMs: 3000 },
    });
    const { replicas } = await load({
      HTC_GRAPH_REPLICAS_REDIS: 'redis://r:6379/2',
      HTC_GRAPH_REPLICAS_PASSWORD: '0123',
      HTC_GRAPH_REPLICAS_CA: 'ca.pem',
      HTC_GRAPH_REPLICAS_LEASE_MS: '1000',
    });
    expect(replicas).toEqual({
      ...{ redis: 'redis://r:6379/2', password: '0123', ca: join(folder, 'ca.pem') },
      ...{ prefix: 'htc-graph', leaseMs: 1000 },
    });
  });

  it.each([
    'r:6379',
    'https://r:6379',
    'redis://',
    'redis://r/db',
    'redis://u:secret-1@r:x/',
    'redis://:a/secret-1@r/',
    'REDISS://:secret-1@r/',
    'redis://r/0?password=secret-1',
  ])('need the URL of a Redis, not %s, and no message shows its password', async (url) => {
    const found = await problems({ replicas: { redis: url } });
    expect(found).toEqual([expect.stringMatching(/^replicas\.redis: expected a URL such as/)]);
    expect(found.join()).not.toContain('secret-1');
  });

  it('have no password without a Redis', async () => {
    expect(await problems({ replicas: { password: 'secret-1' } })).toEqual([
      'replicas.redis: expected a URL with replicas.password or ca, but got nothing.',
    ]);
  });
});

describe('what may be shown', () => {
  it('holds no secret', async () => {
    await write({
      replicas: { redis: 'rediss://u:secret-1@secret-1@r:6379/2', password: 'secret-2' },
      access: { tokens: [{ token, identity: 'a', roles: ['admin'] }] },
      grids: [
        {
          kind: 'HTC_GRID',
          name: 'b',
          region: 'r',
          table: 't',
          endpoint: 'http://user:secret-1@host:1/',
          redis: { host: 'h', password: 'secret-2' },
        },
        {
          kind: 'HTC_GRID',
          name: 'c',
          embedded: true,
          exec: ['env', 'API_KEY=secret-3 x', 'run', '--password', 'secret-4', '--level=3'],
        },
        {
          kind: 'HTCONDOR',
          name: 'd',
          prefix: {
            kind: 'exec',
            argv: ['sh', '-c', 'export TOKEN="secret-5"; go --secret secret-6'],
          },
        },
        {
          kind: 'HTCONDOR',
          name: 'e',
          prefix: {
            kind: 'exec',
            argv: [
              ...['call', '-H', 'Authorization: Bearer secret-7', '-HX-Api-Key:secret-8'],
              `sh -c 'call -H "authorization: Basic secret-9" --data {"password":"secret-0"}'`,
              ...['-v', '/run/secrets:/mnt'],
            ],
          },
        },
      ],
    });
    const text = JSON.stringify(masked(await load()));
    expect(text).toContain('"identity":"a"');
    expect(text).toContain('"host":"h"');
    expect(text).toContain('["env","API_KEY=***","run","--password","***","--level=3"]');
    expect(text).toContain('["sh","-c","export TOKEN=***; go --secret ***"]');
    expect(text).toContain('"Authorization: ***","-HX-Api-Key:***"');
    expect(text).toContain('"/run/secrets:/mnt"');
    expect(text).toContain('"redis":"rediss://***@r:6379/2","password":"***"');
    expect(text).not.toMatch(/secret-\d/);
    expect(text).not.toContain(token);
  });
});

describe('docs/configuration.md', () => {
  it('lists every setting with its variable, default and meaning', async () => {
    const text = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    const rows = settingTable.map(({ key, env, default: value, meaning }) => [
      `\`${key}\``,
      env === null ? 'file only' : `\`${env}\``,
      key === 'server.introspection'
        ? '`true`, in production `false`'
        : `\`${JSON.stringify(value)}\``,
      meaning,
    ]);
    expect(tableRows(text, /^`(server|limits|log|replicas|access)\./)).toEqual(rows);
    for (const name of [...fileNames, ...Object.keys(otherVariables)]) expect(text).toContain(name);
  });
});
