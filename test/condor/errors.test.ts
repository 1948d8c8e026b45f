import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Program } from '../../src/grids/condor/command.js';
import { failureOf } from '../../src/grids/condor/errors.js';
import { describeReal } from '../real/index.js';
import { all, attribute, opened, scanned, selecting, signal, sourceOf } from './pool.js';

/** The code of each captured failure of a query; undefined where the output stands. */
type Codes = Readonly<Record<string, string | undefined>>;
const expected: Codes = {
  'config-name-unknown': 'UNKNOWN_SCHEDD',
  'config-schedd-undefined': undefined,
  'history-bad-constraint': 'BAD_FILTER',
  'history-bad-since': 'BAD_FILTER',
  'history-forwards-since': 'CAPABILITY_MISSING',
  'history-name-unknown': 'UNKNOWN_SCHEDD',
  'history-no-file': 'UNAVAILABLE',
  'q-bad-constraint': 'BAD_FILTER',
  'q-bad-limit': 'CAPABILITY_MISSING',
  'q-bad-option': 'CAPABILITY_MISSING',
  'q-empty-constraint': 'BAD_FILTER',
  'q-global-empty': undefined,
  'q-name-quote': 'BAD_FILTER',
  'q-no-account': 'FORBIDDEN',
  'q-no-such-schedd': 'UNKNOWN_SCHEDD',
  'q-pool-refused': 'UNAVAILABLE',
  'q-pool-unknown-host': 'UNAVAILABLE',
  'q-schedd-down': 'UNKNOWN_SCHEDD',
  'q-schedd-frozen': 'UNAVAILABLE',
  'q-submitter-unknown': 'UNKNOWN_SCHEDD',
  'q-unknown-host': 'UNKNOWN_SCHEDD',
  'reconfig-denied': 'FORBIDDEN',
  'status-bad-constraint': 'BAD_FILTER',
  'status-bad-option': 'CAPABILITY_MISSING',
  'status-pool-refused': 'UNAVAILABLE',
};

/** 25 no longer names a constraint that it can't read: that is why none is sent unparsed. */
const expectedOf25: Codes = {
  ...expected,
  'q-bad-constraint': 'UNAVAILABLE',
  'q-empty-constraint': 'UNAVAILABLE',
};

describe.each([
  ['23.9.6', 'htcondor', expected],
  ['25.14.1', 'htcondor-25', expectedOf25],
])('captured failures of HTCondor %s are told apart', (_version, captured, codes) => {
  const folder = new URL(`../fixtures/${captured}/errors/`, import.meta.url);
  const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
  const names = readdirSync(folder).flatMap((file) => /^(.*)\.rc$/.exec(file)?.[1] ?? []);

  test.each(names.filter((name) => Object.hasOwn(codes, name)))('%s', (name) => {
    const program = read(`${name}.cmd`).split(' ')[0] as Program;
    const failure = failureOf(
      { program, args: [] },
      {
        code: Number(read(`${name}.rc`)),
        stderr: read(`${name}.stderr`),
        stdout: read(`${name}.stdout`),
      },
    );
    expect(failure?.code).toBe(codes[name]);
  });

  test('every captured failure of a query gets a code', () => {
    const queries = names.filter((name) => /^(q|history|status|config)-/.test(name));
    expect(queries.length).toBeGreaterThan(20);
    for (const name of queries) {
      const ended = {
        code: Number(read(`${name}.rc`)),
        stderr: read(`${name}.stderr`),
        stdout: '',
      };
      const failure = failureOf({ program: 'condor_q', args: [] }, ended);
      expect(failure === undefined, name).toBe(ended.code === 0);
    }
  });

  test('what a command logged on its way is neither why it failed nor its message, and stays in the cause', () => {
    const own = read('q-no-such-schedd.stderr');
    const logged = [
      `11/22/26 20:34:05 (D_ALWAYS) Can't open directory "/etc/condor/passwords.d", errno: 13 (Permission denied)`,
      `11/22/26 20:34:05 (D_ALWAYS:2) attempt to connect to <127.0.0.1:1> failed: Connection refused.`,
    ].join('\n');
    const block = `\n---------------- TOOL_DEBUG_ON_ERROR output -----------------\n${logged}\n---------------- TOOL_DEBUG_ON_ERROR ends -------------------\n`;
    const failed = (stderr: string) =>
      failureOf({ program: 'condor_q', args: [] }, { code: 1, stderr, stdout: '' });
    const alone = failed(own);
    expect(alone?.code).toBe('UNKNOWN_SCHEDD');
    for (const stderr of [`${own}${block}`, `${logged}\n${own}`]) {
      const failure = failed(stderr);
      expect(failure).toMatchObject({ code: alone?.code, message: alone?.message });
      expect(String(failure?.cause)).toContain('Connection refused');
    }
  });

  test('a message gives no address away', () => {
    const stderr = read('q-schedd-frozen.stderr');
    const failure = failureOf({ program: 'condor_q', args: [] }, { code: 1, stderr, stdout: '' });
    expect(stderr).toContain('127.0.0.1');
    expect(failure?.message).not.toContain('127.0.0.1');
  });
});

/** What the commands said while the schedd was killed (docs/grids/htcondor.md, "errors"). */
describe('a schedd that dies while it is asked does not answer, and refuses nobody', () => {
  test.each([
    ['condor_q', '-- Failed to fetch ads from: <127.0.0.1:9618> : pool.example.test\nAUTHENTICATE:1002:Failure performing handshake'],
    ['condor_hold', 'AUTHENTICATE:1002:Failure performing handshake\nNo result found for job 999.0'],
    ['condor_hold', 'SECMAN:2011:Connection closed during command authorization. Probably due to an unknown command.\nNo result found for job 999.0'],
    ['condor_submit', 'ERROR: Failed to connect to local queue manager\nAUTHENTICATE:1002:Failure performing handshake\nAUTHENTICATE:1004:Failed to authenticate using FS'],
  ] as const)('%s: %s', (program, stderr) => {
    const failure = failureOf({ program, args: [] }, { code: 1, stderr, stdout: '' });
    expect(failure).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('does not answer') as string,
    });
  }); // prettier-ignore
});

describeReal('pool', 'on the real pool', (pool) => {
  const owner = attribute('Owner');

  test('nothing matched is an empty list, not an error', async () => {
    const { port } = opened(pool);
    const filter = { op: 'eq', ref: owner, value: 'nobody' } as const;
    for (const source of ['QUEUE', 'HISTORY', 'ALL'] as const) {
      expect(await scanned(await sourceOf(port, source), { filter })).toEqual([]);
    }
  });

  test('a schedd that the pool does not know is UNKNOWN_SCHEDD where a caller names it', async () => {
    const { port } = opened(pool);
    const [found] = await port.findJobs(
      [{ schedd: 'nosuch@pool.example.test', clusterId: 1, procId: 0 }],
      selecting(),
      signal,
    );
    expect(found).toMatchObject({ code: 'UNKNOWN_SCHEDD' });
  });

  test('a schedd that was listed and has gone is UNAVAILABLE: the rest of a list stands', async () => {
    const { port } = opened(pool, { schedds: ['nosuch@pool.example.test'] });
    for (const source of ['QUEUE', 'HISTORY'] as const) {
      await expect(scanned(await sourceOf(port, source))).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
    }
    const queue = await sourceOf(port);
    const filter = { op: 'const', value: true } as const;
    const tallies = queue.tally?.({ filter, by: [], notes: {}, signal });
    await expect(tallies && all(tallies)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const page = { from: 'front', limit: 1, after: undefined, before: undefined } as const;
    await expect(
      queue.window?.({ filter, page, projection: selecting(), notes: {}, signal }),
    ).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('a collector that is down is UNAVAILABLE', async () => {
    const { port } = opened(pool, { pool: '127.0.0.1:1' });
    await expect(port.schedds(signal)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(scanned(port.slots())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    });
    expect(await port.health(signal)).toMatchObject({ status: 'DOWN', lastOkAt: null });
  });

  test('what a command logs is known by its form', async () => {
    const asServed = ['env', '_CONDOR_TOOL_DEBUG_ON_ERROR=D_CAT', 'condor_status'];
    const { stderr, code } = await pool.run([...asServed, '-pool', '127.0.0.1:1']);
    expect(stderr).toMatch(/\(D_ALWAYS\) attempt to connect to/);
    const failure = failureOf({ program: 'condor_status', args: [] }, { code, stderr, stdout: '' });
    expect(failure?.message).toContain('(Error: communication error)');
  });

  test('a deadline that passes is TIMED_OUT', async () => {
    // No command of HTCondor starts within a millisecond.
    const { port } = opened(pool, { deadlineMs: 1, coolDownMs: 0 });
    await expect(scanned(port.slots())).rejects.toMatchObject({ code: 'TIMED_OUT' });
  });

  test.each(['a b', 'a-b', '1a', 'true', 'Owner)||(true', ''])(
    'the attribute name %j is BAD_ATTRIBUTE, filtered by or asked for',
    async (name) => {
      const { port, commands } = opened(pool, { schedds: [pool.scheddName] });
      const source = await sourceOf(port);
      const before = commands.length;
      const filter = { op: 'defined', ref: attribute(name) } as const;
      await expect(scanned(source, { filter })).rejects.toMatchObject({ code: 'BAD_ATTRIBUTE' });
      await expect(scanned(source, { projection: selecting([], [name]) })).rejects.toMatchObject({
        code: 'BAD_ATTRIBUTE',
      });
      expect(commands).toHaveLength(before);
    },
  );
});
