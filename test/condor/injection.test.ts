/** Text of a request must never be read as more than data: by a shell, an option parser or an expression. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pushdown, stringLiteral } from '../../src/grids/condor/constraint.js';
import { jobTable } from '../../src/grids/condor/fields.js';
import { alwaysHidden } from '../../src/grids/condor/hidden.js';
import { checkDaemonName } from '../../src/grids/condor/pool.js';
import { parseConstraint } from '../../src/query/constraint.js';
import { and, type Predicate } from '../../src/query/predicate.js';
import { describeReal } from '../real/index.js';
import { attribute, field, opened, scanned, selecting, signal, sourceOf } from './pool.js';

const hostile = [
  'true) || (true',
  '" || true || "',
  '\\" || true || \\"',
  "' || true || '",
  '") =?= true || ("',
  'alice"',
  'alice\\',
  'alice\\"',
  '/* */',
  '-allusers',
  '$(id)',
  '`id`',
  ';id',
  '%s%n',
  '${HOME}',
  '.*',
  '(a+)+$',
  '\u0000(x)/',
];

describe('hostile text in a filter', () => {
  test.each(hostile.filter((text) => !text.includes('\u0000')))(
    '%j stays inside its string',
    (text) => {
      for (const op of ['eq', 'startsWith', 'contains'] as const) {
        const { constraint, rest } = pushdown(
          { op, ref: attribute('Owner'), value: text },
          jobTable,
          alwaysHidden,
        );
        if (constraint === undefined) expect(rest.op).toBe(op);
        // Without its strings nothing of the text is left.
        else
          expect(constraint.replaceAll(/"(?:[^"\\]|\\")*"/g, '""')).toMatch(
            /^\((Owner =\?= ""|substr\(Owner, 0, \d+\) =\?= ""|regexp\("", Owner\) =\?= true)\)$/,
          );
      }
    },
  );

  test.each(['a\nb', 'a\rb', 'a\u0000b'])('%j is BAD_FILTER', (text) => {
    expect(() => stringLiteral(text)).toThrow(expect.objectContaining({ code: 'BAD_FILTER' }));
  });

  test('a filter that is too long is evaluated here, not sent', () => {
    const long: Predicate = { op: 'eq', ref: attribute('Owner'), value: 'x'.repeat(10_000) };
    const short: Predicate = { op: 'eq', ref: attribute('Owner'), value: 'x' };
    expect(pushdown(and(long, short), jobTable, alwaysHidden)).toEqual({
      constraint: '(Owner =?= "x")',
      rest: long,
    });
  });

  test('text that could be read two ways is evaluated here', () => {
    for (const value of ['back\\slash', 'tab\t', '\ufffd', '\ud800']) {
      const filter: Predicate = { op: 'eq', ref: field('owner'), value };
      expect(pushdown(filter, jobTable, alwaysHidden), value).toEqual({
        constraint: undefined,
        rest: filter,
      });
    }
  });
});

describe('a constraint of a client', () => {
  const sent = (text: string) =>
    pushdown({ op: 'constraint', constraint: parseConstraint(text) }, jobTable, alwaysHidden)
      .constraint;

  test.each([
    ['Owner=="a"||true', '((Owner == "a" || true) =?= true)'],
    ['-1<JobPrio', '((-1 < JobPrio) =?= true)'],
    ['Owner\n==\n"a" // ) || (', '((Owner == "a") =?= true)'],
    ['"$(id)" == `x`', undefined],
    ['"$(id) `id` ; \'" == Owner', '(("$(id) `id` ; \'" == Owner) =?= true)'],
    ['"a\nb" == Owner', undefined],
    ['"-pool" == Owner', '(("-pool" == Owner) =?= true)'],
    ['MY.Owner is "a"', '((Owner =?= "a") =?= true)'],
    ['a ? b : c', '((a ? b : c) =?= true)'],
  ])('%j is printed again, in parentheses', (text, expected) => {
    if (text.includes('`x`')) expect(() => sent(text)).toThrow();
    else expect(sent(text)).toBe(expected);
  });

  test.each([
    '(a|b)*',
    '(a+)+',
    '(a*b?){2,}',
    '((a+)b)*',
    '(x+x+)+y',
    '(?=a)',
    '(a)\\1',
    'a*b*c*d*',
    'a?a?a?a?a?a?a?a?a?a',
    'a{1000}b*c*d*',
    '(a|b)(a|b)(a|b)(a|b)',
    'a+{30}b',
    'a{0,4}{0,4}',
    'a+?{30}b',
    'a++b',
    '(a+){,30}b',
    '(a+){ 1,30 }b',
    '(*COMMIT)a',
    '(Q)E?a*Q(E?)+b'.replaceAll(/[QE]/g, '\\$&'),
    'x'.repeat(300),
  ])('the pattern %j could run away: refused', (pattern) => {
    expect(() => sent(`regexp("${pattern}", Owner)`)).toThrow(
      expect.objectContaining({ code: 'BAD_FILTER' }),
    );
  });

  test.each([
    '^alice@.*$',
    '[a-z]+-[0-9]+',
    '(a|b)c',
    '(ab)+',
    '\\.sub$',
    'job_?[0-9]{1,4}',
    'a+?b*?c',
  ])('the pattern %j is taken', (pattern) => {
    expect(sent(`regexp("${pattern}", Owner)`)).toBe(`((regexp("${pattern}",Owner)) =?= true)`);
  });

  test('chains of operators, however long, end neither the stack nor the time', () => {
    const text = Array.from({ length: 1500 }, () => 'a').join('||');
    expect(sent(text)).toContain('a || a || a');
    expect(() => sent('!'.repeat(3000) + 'a')).toThrow(/nesting/);
    expect(() => sent('['.repeat(3000))).toThrow();
  });
});

test.each([...hostile, '', '-name', 'a b', 'é@x', 'a\nb'])('%j is no name of a daemon', (name) => {
  expect(() => checkDaemonName(name)).toThrow(expect.objectContaining({ code: 'UNKNOWN_SCHEDD' }));
});

describeReal('pool', 'on the real pool', (pool) => {
  test.each(hostile)('%j as a value matches no job of the seed', async (value) => {
    const { port } = opened(pool, { schedds: [pool.scheddName] });
    for (const source of ['QUEUE', 'HISTORY'] as const) {
      const found = scanned(await sourceOf(port, source), {
        filter: { op: 'eq', ref: attribute('Owner'), value },
      });
      if (value.includes('\u0000'))
        await expect(found).rejects.toMatchObject({ code: 'BAD_FILTER' });
      else expect(await found).toEqual([]);
    }
  });

  test('a scope that joins a hostile filter still holds', async () => {
    const { port } = opened(pool);
    const scope: Predicate = { op: 'eq', ref: field('owner'), value: 'bob' };
    for (const text of ['true) || (true', '" || true || "']) {
      const filter = and(scope, {
        op: 'not',
        term: { op: 'eq', ref: attribute('MyString'), value: text },
      });
      const found = await scanned(await sourceOf(port), {
        filter,
        projection: selecting(['owner']),
      });
      expect(new Set(found.map(({ owner }) => owner))).toEqual(new Set(['bob']));
    }
  });

  /** Strikes at the shell that reads the words behind these. */
  async function strikeAt(argv: readonly string[]): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'htc-graph-shell-'));
    const { port } = opened(pool, { prefix: { kind: 'ssh', argv }, path: `${pool.dir}-bin` });
    try {
      const source = await sourceOf(port);
      for (const strike of [
        '$(touch F)',
        '`touch F`',
        "'; touch F; '",
        '; touch F #',
        '$IFS',
        '\\$(touch F)',
      ]) {
        const word = strike.replaceAll('F', join(folder, 'pwned'));
        const text = `Owner == "bob" && Cmd != "${word}"`;
        const filter: Predicate = { op: 'constraint', constraint: parseConstraint(text) };
        const found = await scanned(source, { filter, projection: selecting(['owner']) });
        expect(new Set(found.map(({ owner }) => owner)), strike).toEqual(new Set(['bob']));
      }
      expect(await readdir(folder)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  test('a shell in between reads nothing of a constraint', () => strikeAt(['sh', '-c']));

  describeReal('sshd', 'over a real connection', (sshd) => {
    const connected = async () => {
      const server = await sshd.start();
      onTestFinished(() => server.stop());
      return server;
    };

    test("the user's shell there reads nothing of it either", async () => {
      await strikeAt((await connected()).argv);
    });

    test('a host that is gone is UNAVAILABLE', async () => {
      const server = await connected();
      const prefix = { kind: 'ssh', argv: server.argv } as const;
      const { port } = opened(pool, { prefix, path: `${pool.dir}-bin` });
      expect(await port.schedds(signal)).toContain(pool.scheddName);
      await server.stop();
      const key = { schedd: pool.scheddName, clusterId: 1, procId: 0 };
      expect(await port.findJobs([key], selecting(), signal)).toMatchObject([
        { code: 'UNAVAILABLE' },
      ]);
    });
  });

  test('a hostile schedd name reaches no command', async () => {
    const { port, commands } = opened(pool);
    const [found] = await port.findJobs(
      [{ schedd: 'a@" || true || "', clusterId: 1, procId: 0 }],
      selecting(),
      signal,
    );
    expect(found).toMatchObject({ code: 'UNKNOWN_SCHEDD' });
    expect(commands.filter(({ kind }) => kind === 'queue' || kind === 'history')).toEqual([]);
  });
});
