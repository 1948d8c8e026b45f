/** Text of a request is data: it changes no selection, and reaches a command only inside a quoted string. */
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobFilter, JobOrder } from '../generated/graphql.js';
import { encodeId } from '../../src/grids/id.js';
import { describeReal } from '../real/index.js';
import { parseConstraint } from '../../src/query/constraint.js';
import { caller, type Graph, openGraph, poolGrid } from './open-graph.js';
import { idsOf, type SeedJob, seedJobs } from './seed.js';
import { propertySeed } from '../property-seed.js';

const hostile = [
  'pwned) || (true',
  'pwned" || true || "',
  'pwned\\" || true || \\"',
  "pwned' || true || '",
  'pwned") =?= true || ("',
  '" || pwned || "',
  '/Expr(pwned)/',
  '$(touch pwned)',
  '`pwned`',
  '; pwned',
  '-pool pwned',
  'pwned%s%n',
  'pwned.*|^$',
  'pwned\u2028',
];
const severalLines = ['pwned\ntrue', 'pwned\r\n-constraint true', 'pwned\u0000true'];

describeReal('pool', 'hostile text', (pool) => {
  let graph: Graph;
  let all: readonly SeedJob[];
  let folder: string;
  const log = () => join(folder, 'words');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'htc-graph-words-'));
    const recorder = join(folder, 'record');
    const script = `#!/bin/sh\nprintf '%s\\0' "$@" >>'${log()}'\nexec "$@"\n`;
    await writeFile(recorder, script, { mode: 0o755 });
    await writeFile(log(), '');
    const argv = [recorder, ...pool.prefix];
    graph = await openGraph([poolGrid(pool, { prefix: { kind: 'exec', argv } })]);
    all = await seedJobs(graph);
  });
  afterAll(async () => {
    await graph.stop();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => truncate(log()));

  /** The words that commands were given, each with its quoted strings taken out. */
  async function bareWords(): Promise<string> {
    const words = (await readFile(log(), 'utf8')).split('\0');
    return words.map((word) => word.replaceAll(/"(?:\\"|[^"])*"/g, '""')).join('\n');
  }
  async function nothingEscaped(): Promise<void> {
    expect(await bareWords()).not.toMatch(/pwned/i);
  }

  describe('as a value', () => {
    const leaves = (text: string): readonly (readonly [JobFilter, 'none' | 'all'])[] => [
      [{ owner: { eq: text } }, 'none'],
      [{ owner: { ne: text } }, 'all'],
      [{ owner: { in: [text, 'pwned'] } }, 'none'],
      [{ owner: { startsWith: text } }, 'none'],
      [{ batchName: { contains: text } }, 'none'],
      [{ not: { batchName: { eq: text } } }, 'all'],
      [{ attributes: [{ name: 'Cmd', string: { eq: text } }] }, 'none'],
      [{ schedd: { ne: text } }, 'all'],
    ];

    it.each(hostile)('%j selects no job and hides none', async (text) => {
      // One question with all leaves would let one of them hide another.
      const answers = await Promise.all(
        leaves(text).map(async ([filter]) => idsOf(await seedJobs(graph, { filter }))),
      );
      expect(answers).toEqual(leaves(text).map(([, which]) => (which === 'all' ? idsOf(all) : [])));
      await nothingEscaped();
    });

    it.each(severalLines)('%j is refused: a command word has one line', async (text) => {
      for (const [filter] of leaves(text).slice(0, 7)) {
        const asked = seedJobs(graph, { filter });
        await expect(asked).rejects.toThrow(/BAD_FILTER/);
      }
      await nothingEscaped();
    });

    it('finds the job that has just this text', async () => {
      const text = 'pwned" || true || "x';
      const cluster = await pool.submit(
        'alice',
        `executable = /bin/true\ntransfer_executable = false\nhold = true\n+Hostile = "${text.replaceAll('"', '\\"')}"\nqueue\n`,
      );
      try {
        const filter: JobFilter = { attributes: [{ name: 'Hostile', string: { eq: text } }] };
        const { data } = await graph.answer<{ jobs: { nodes: { nativeId: string }[] } }, object>(
          'query ($filter: JobFilter) { jobs(filter: $filter) { nodes { nativeId } } }',
          { filter },
        );
        expect(data?.jobs.nodes).toEqual([{ nativeId: `${cluster}.0` }]);
        expect(await bareWords()).toContain('(Hostile =?= "")');
      } finally {
        await pool.remove(`ClusterId == ${cluster}`);
      }
    });
  });

  const names = [...hostile, ...severalLines, 'pwned pwned', '', '1pwned', 'pwned.x', 'true', 'é'];

  it.each(names)(
    '%j as the name of an attribute is BAD_ATTRIBUTE wherever one is taken',
    async (name) => {
      const filter: JobFilter = { attributes: [{ name, number: { gte: 0 } }] };
      const orderBy: JobOrder[] = [{ attribute: name }];
      for (const [document, variables] of [
        ['query ($filter: JobFilter) { jobs(filter: $filter) { totalCount } }', { filter }],
        ['query ($orderBy: [JobOrder!]) { jobs(orderBy: $orderBy) { nodes { id } } }', { orderBy }],
        [
          'query ($name: String!) { jobs { groups(by: [{ attribute: $name }]) { totalCount } } }',
          { name },
        ],
        [
          'query ($name: String!) { jobs { aggregates { attribute(name: $name) { count } } } }',
          { name },
        ],
        [
          'query ($name: String!) { jobs { nodes { attribute(name: $name) { value } } } }',
          { name },
        ],
        ['query ($name: String!) { slots { nodes { classAd(names: [$name]) } } }', { name }],
      ] as const) {
        const { codes } = await graph.answer(document, variables);
        expect(new Set(codes), document).toEqual(new Set(['BAD_ATTRIBUTE']));
      }
      await nothingEscaped();
    },
  );

  it.each([...hostile, ...severalLines])(
    '%j as an id or the name of a daemon finds nothing',
    async (text) => {
      const codesOf = async (document: string) => (await graph.answer(document, { text })).codes;
      const query = (field: string) => `query ($text: String!) { ${field} }`;
      expect(await codesOf(query('job(schedd: $text, jobId: "1.0") { id }'))).toEqual([
        'UNKNOWN_SCHEDD',
      ]);
      expect(
        await codesOf(query('jobs(filter: { schedd: { eq: $text } }) { totalCount }')),
      ).toEqual(['UNKNOWN_SCHEDD']);
      expect(await codesOf(query('jobs(filter: { nativeIds: [$text] }) { totalCount }'))).toEqual([
        'BAD_FILTER',
      ]);
      expect(await codesOf(query('job(jobId: $text) { id }'))).toEqual(['BAD_USER_INPUT']);
      expect(await codesOf(query('jobs(source: HISTORY, since: $text) { totalCount }'))).toEqual([
        'BAD_USER_INPUT',
      ]);
      const config = query(
        'config(matching: $text, names: [$text]) { totalCount } configEntry(name: $text) { value }',
      );
      expect((await graph.answer(config, { text })).data).toEqual({
        config: { totalCount: 0 },
        configEntry: null,
      });
      expect(
        await codesOf(
          query('configEntry(daemon: SCHEDD, daemonName: $text, name: "LOG") { value }'),
        ),
      ).toEqual(['UNKNOWN_SCHEDD']);
      await nothingEscaped();
    },
  );

  it.each([...hostile, ...severalLines])('%j in a forged id finds nothing', async (text) => {
    const ids = [
      encodeId('Job', 'pool', text, 1, 0),
      encodeId('JobCluster', 'pool', text, 1),
      encodeId('Slot', 'pool', text),
      encodeId('Machine', 'pool', text),
      encodeId('PoolAd', 'pool', 'SCHEDD', text),
      encodeId('PoolAd', 'pool', text, 'x'),
      encodeId('ConfigEntry', 'pool', null, null, text),
      encodeId('ConfigEntry', 'pool', 'SCHEDD', text, 'LOG'),
      encodeId('ConfigEntry', 'pool', text, null, 'LOG'),
    ];
    const document = 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }';
    const { data, codes } = await graph.answer(document, { ids });
    expect(data).toEqual({ nodes: ids.map(() => null) });
    expect(codes.filter((code) => code !== 'UNKNOWN_SCHEDD' && code !== 'BAD_FILTER')).toEqual([]);
    await nothingEscaped();
  });

  describe('as an expression', () => {
    const lists = ['jobs', 'slots', 'machines', 'ads'] as const;
    /** A string, and a remainder of division: data of the language, whatever they look like. */
    const expressions = ['" || pwned || "', 'pwned%s%n'];

    it.each([
      ...hostile.filter((text) => !expressions.includes(text)),
      ...severalLines.slice(1),
      'true) || (true',
      'true))) || (((true',
      'Owner == "alice") || (pwned =?= undefined',
      'true -constraint pwned',
      '"pwned',
      "'pwned",
      'pwned;',
      'pwned = 1',
      'true /* pwned',
      'true \\ pwned',
      '$(pwned)',
      'pwned(1)',
      'TARGET.pwned || true',
      '.pwned',
      'parent.pwned',
      'eval("pwned")',
      'unparse(pwned)',
      'userHome("pwned")',
      'random(pwned)',
      '[ pwned = true ].pwned',
      'pwned[pwned]',
      'regexp("(pwned+)+$", Owner)',
      'regexp(pwned, Owner)',
      '('.repeat(60) + 'pwned' + ')'.repeat(60),
      `"${'pwned'.repeat(2000)}"`,
    ])('%j is refused by every list, before a command runs', async (text) => {
      for (const list of lists) {
        const type = list === 'jobs' ? 'JobFilter' : 'AdFilter';
        const document = `query ($filter: ${type}) { ${list}(filter: $filter) { totalCount } }`;
        for (const filter of [{ constraint: text }, { not: { or: [{ constraint: text }] } }]) {
          const { codes } = await graph.answer(document, { filter });
          expect(codes, list).toEqual([text.length > 8192 ? 'BAD_USER_INPUT' : 'BAD_FILTER']);
        }
      }
      expect(await bareWords()).toBe('');
    });

    it.each([
      'MY.ClaimId =?= "x"',
      'Nested["CLAIMID"] == 1',
      "'capability' isnt undefined",
      '_condor_privX isnt undefined',
      '{ClaimId}[0] == 1 || member(ClaimId, { "x" })',
      'ifThenElse(size(Nested.TransferKey) > 5, true, false)',
    ])('%j names what is private: FORBIDDEN, or not to be written so', async (text) => {
      for (const list of lists) {
        const document = `{ ${list}(filter: { constraint: ${JSON.stringify(text)} }) { totalCount } }`;
        const { codes } = await graph.answer(document, {});
        expect(codes, list).toEqual([text.startsWith('{') ? 'BAD_FILTER' : 'FORBIDDEN']);
      }
      expect(await bareWords()).toBe('');
    });

    it.each([
      'true || true',
      'Owner == "bob" || true',
      'false ? false : true',
      '!false && true || Owner is "bob"',
      'Owner == "alice" || Owner == "bob" // ) && false',
      'undefined ?: true',
    ])('%j can not lead out of the jobs of the caller', async (constraint) => {
      const own = await seedJobs(graph, {}, caller('alice', 'reader'));
      for (const filter of [
        { constraint },
        { or: [{ constraint }, { owner: { eq: 'bob' } }] },
        // Evaluated here: no grid can compute waitMs, nor the name of the machine.
        { or: [{ constraint }, { constraint, not: { constraint } }] },
      ]) {
        const found = await seedJobs(graph, { filter }, caller('alice', 'reader'));
        expect(new Set(found.map(({ owner }) => owner))).toEqual(new Set(['alice']));
        expect(idsOf(found)).toEqual(idsOf(own));
        const { data } = await graph.answer<Counted, object>(
          'query ($filter: JobFilter) { jobs(filter: $filter) { totalCount groups(by: [{ field: OWNER }]) { nodes { key { text } } } } }',
          { filter },
          caller('alice', 'reader'),
        );
        expect(data?.jobs.groups.nodes).toEqual([{ key: [{ text: 'alice' }] }]);
      }
    });

    interface Counted {
      readonly jobs: { readonly groups: { readonly nodes: readonly unknown[] } };
    }

    it('any text is refused, or is in the command as it was parsed and printed, in parentheses', async () => {
      const piece = fc.oneof(
        fc.constantFrom(
          ...hostile,
          ...['(', ')', '"', "'", '\\', '||', '&&', '!', ' ', '=?=', '?', ':', ',', '{', '}'],
        ),
        fc.constantFrom(
          ...[
            'Owner',
            'JobStatus',
            'true',
            '1',
            '"alice"',
            'MY.',
            'time()',
            'member(',
            '/*',
            '//',
            '-',
            '.',
            '\n',
          ],
        ),
        fc.string({ unit: 'binary', maxLength: 3 }),
      );
      const texts = fc.array(piece, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));
      const structured = fc
        .tuple(
          fc.constantFrom('Owner', 'JobStatus', 'MyInt'),
          fc.constantFrom('==', '=?=', '<', '!='),
          fc.string({ unit: 'grapheme', maxLength: 6 }),
        )
        .map(([name, operator, value]) => `${name} ${operator} "${value}"`);
      let sent = 0;
      await fc.assert(
        fc.asyncProperty(fc.oneof(texts, structured), async (constraint) => {
          await truncate(log());
          const variables = { filter: { constraint } };
          const { codes, data } = await graph.answer<Reported, object>(
            'query ($filter: JobFilter) { jobs(filter: $filter, orderBy: [{ attribute: "QDate" }]) { totalCount nodes { nativeId } sources { pushedDown } } }',
            variables,
            caller('alice', 'reader'),
          );
          const words = (await readFile(log(), 'utf8')).split('\0');
          if (codes.length > 0) {
            expect(['BAD_FILTER', 'BAD_ATTRIBUTE', 'FORBIDDEN', 'BAD_USER_INPUT']).toContain(
              codes[0],
            );
            expect(words.filter((word) => word === '-constraint')).toEqual([]);
            return;
          }
          const { text } = parseConstraint(constraint);
          const expected = `((${text.replaceAll(/\b1\d{9}\b/g, 'NOW')}) =?= true) && (Owner =?= "alice")`;
          const at = words.indexOf('-constraint');
          const word = (words[at + 1] ?? '').replaceAll(/\b1\d{9}\b/g, 'NOW');
          // Control characters and what is no text stay here; the scope is sent all the same.
          expect([expected, '(Owner =?= "alice")']).toContain(word);
          expect(data?.jobs.sources[0]?.pushedDown).toBeDefined();
          if (word === expected) sent += 1;
        }),
        { numRuns: Number(process.env['INJECTION_RUNS'] ?? 60), seed: propertySeed },
      );
      expect(sent).toBeGreaterThan(10);
    });

    interface Reported {
      readonly jobs: { readonly sources: readonly { readonly pushedDown: string | null }[] };
    }
  });
});
