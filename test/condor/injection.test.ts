/** Text of a request must never be read as more than data: by a shell, an option parser or an expression. */
import { describe, expect, test } from 'vitest';
import { pushdown, stringLiteral } from '../../src/grids/condor/constraint.js';
import { jobTable } from '../../src/grids/condor/fields.js';
import { alwaysHidden } from '../../src/grids/condor/hidden.js';
import { checkDaemonName } from '../../src/grids/condor/pool.js';
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
