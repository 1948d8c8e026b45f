/** Expressions of clients mean the same wherever they are evaluated: in the grid, counted by it, or here. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobRow } from '../../src/grids/jobs.js';
import { rows } from '../../src/grids/row.js';
import { parseConstraint } from '../../src/query/constraint.js';
import { and, matches, not, or, type Predicate } from '../../src/query/predicate.js';
import type { Source, SourceNotes } from '../../src/query/source.js';
import { describeReal } from '../real/index.js';
import { all, attribute, field, opened, scanned, seeded, signal, sourceOf } from './pool.js';
import { propertySeed } from '../property-seed.js';

const constraint = (text: string): Predicate => ({
  op: 'constraint',
  constraint: parseConstraint(text),
});

const textOf = (predicate: Predicate): string =>
  predicate.op === 'constraint' ? predicate.constraint.text : '';

/** A term that no grid can evaluate for us, and that holds nowhere. */
const onlyHere: Predicate = { op: 'eq', ref: field('machineName'), value: 'nowhere' };

const names = [
  ...[
    'Owner',
    'MyInt',
    'MyBigInt',
    'MyReal',
    'MyRealWhole',
    'MyBool',
    'MyString',
    'MyQuoted',
    'MyUnicode',
  ],
  ...[
    'MyUndefined',
    'MyError',
    'MyList',
    'MyNested',
    'MyMissing',
    'MyEmpty',
    'MyNaN',
    'MyExpr',
    'MyFakeExpr',
  ],
  ...[
    'JobStatus',
    'JobPrio',
    'QDate',
    'RequestMemory',
    'RequestCpus',
    'RequestDisk',
    'MemoryUsage',
  ],
  ...[
    'ExitBySignal',
    'LeaveJobInQueue',
    'NumHoldsByReason.UserRequest',
    'MyNested.A',
    'MyList[0]',
    'HtcGraphSeed',
  ],
];
const literals = [
  ...[
    '0',
    '1',
    '2',
    '5',
    '42',
    '-5',
    '3.14',
    '2.0',
    '128',
    '1e3',
    '9223372036854775807',
    'true',
    'false',
  ],
  ...[
    'undefined',
    'error',
    '"alice"',
    '"ALICE"',
    '"plain"',
    '"say \\"hi\\""',
    '"żółć"',
    '""',
    '"5"',
    '"back\\slash"',
  ],
];
const atoms = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...names) },
  { weight: 2, arbitrary: fc.constantFrom(...literals) },
);
const oneOf = (...texts: readonly string[]) => fc.constantFrom(...texts);
const { expr } = fc.letrec<{ expr: string; call: string; inner: string }>((tie) => ({
  inner: fc.oneof({ maxDepth: 3, depthSize: 'small' }, atoms, tie('call'), tie('expr')),
  call: fc
    .oneof(
      fc.tuple(
        oneOf('isUndefined', 'isString', 'isReal', 'isInteger', 'isError', 'isBoolean', 'isList'),
        tie('inner'),
      ),
      fc.tuple(
        oneOf('int', 'real', 'string', 'bool', 'floor', 'round', 'toUpper', 'size'),
        tie('inner'),
      ),
      fc.tuple(
        oneOf('strcat', 'strcmp', 'stricmp', 'pow', 'stringListMember'),
        fc.tuple(tie('inner'), tie('inner')).map((two) => two.join(', ')),
      ),
      fc.tuple(
        oneOf('member'),
        fc.tuple(tie('inner'), atoms, atoms).map(([x, a, b]) => `${x}, { ${a}, ${b} }`),
      ),
      fc.tuple(
        oneOf('ifThenElse', 'substr'),
        fc.tuple(tie('inner'), tie('inner'), tie('inner')).map((three) => three.join(', ')),
      ),
      fc.tuple(
        oneOf('regexp'),
        fc
          .tuple(oneOf('"^a"', '"l+"', '"[a-z]+$"', '"ALICE", Owner, "i"'), atoms)
          .map(([p, x]) => (p.includes(',') ? p : `${p}, ${x}`)),
      ),
    )
    .map(([name, args]) => `${name}(${args})`),
  expr: fc.oneof(
    fc
      .tuple(
        tie('inner'),
        oneOf(
          '==',
          '!=',
          '=?=',
          '=!=',
          '<',
          '<=',
          '>',
          '>=',
          '&&',
          '||',
          '+',
          '-',
          '*',
          '/',
          '%',
          '|',
          '&',
          '<<',
        ),
        tie('inner'),
      )
      .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    fc
      .tuple(oneOf('!', '-', '~'), tie('inner'))
      .map(([operator, inner]) => `${operator}(${inner})`),
    fc.tuple(tie('inner'), tie('inner'), tie('inner')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    tie('call'),
  ),
}));

const idsOf = (jobs: readonly JobRow[]) =>
  jobs.map(({ clusterId, procId }) => `${clusterId}.${procId}`).sort();

describeReal('pool', 'constraints on the real pool', (pool) => {
  const listed = async (source: Source<JobRow>, filter: Predicate) => {
    const notes: SourceNotes = {};
    return { ids: idsOf(await scanned(source, { filter: and(seeded, filter), notes })), notes };
  };

  test.each([
    'Owner == "ALICE" && JobStatus < 5',
    'RequestMemory > 100',
    'RequestMemory >= 128 || isUndefined(RequestMemory)',
    'MyRealWhole / 4 == 0.5 && isReal(MyRealWhole)',
    'MyBigInt == 9223372036854775807',
    'NumHoldsByReason.UserRequest > 0',
    'member(JobStatus, { 1, 2 }) && QDate < time()',
    'regexp("^[a-z]+$", Owner) && MyMissing =?= undefined',
    'MyString == "back\\slash" || MyUnicode == "żółć 日本語 🎉"',
    'MY.JobPrio >= 0 && CurrentTime > EnteredCurrentStatus',
    'MemoryUsage isnt undefined || MemoryUsage is undefined',
    'true',
    '1',
    'undefined',
    'error || true',
  ])('%s: the same jobs pushed down, counted in the schedd, and evaluated here', async (text) => {
    const { port } = opened(pool, { schedds: [pool.scheddName] });
    const source = await sourceOf(port);
    // Parsed once: time() is the second of that.
    const asked = constraint(text);
    const there = await listed(source, asked);
    expect(there.notes.pushedDown).toContain(`((${textOf(asked)}) =?= true)`);
    const here = await listed(source, or(asked, onlyHere));
    expect(here.notes.pushedDown ?? '').not.toContain('QDate <');
    expect(here.ids).toEqual(there.ids);
    const by = [field('owner')];
    const request = { filter: and(seeded, asked), by, notes: {}, signal };
    const tallies = source.tally?.(request);
    expect(tallies).toBeDefined();
    if (tallies === undefined) return;
    const counted = (await all(tallies)).flat().reduce((sum, { count }) => sum + count, 0);
    expect(counted).toBe(there.ids.length);
    const rest = await listed(source, not(asked));
    const everything = await listed(source, constraint('true'));
    expect([...there.ids, ...rest.ids].sort()).toEqual(everything.ids);
  });

  test('pushed-down and local evaluation agree', async () => {
    const { port } = opened(pool, { schedds: [pool.scheddName] });
    const source = await sourceOf(port);
    const whole = { fields: new Set<string>(), attributes: 'all' as const };
    // With a term that is evaluated here the ads come whole, and with their reals as they are.
    const read = () =>
      scanned(source, {
        filter: and(seeded, or(constraint('true'), onlyHere)),
        projection: whole,
      });
    expect((await read()).length).toBeGreaterThan(10);
    await fc.assert(
      fc.asyncProperty(fc.array(expr, { minLength: 8, maxLength: 8 }), async (texts) => {
        const filters = texts.flatMap((text) => {
          try {
            return [constraint(text)];
          } catch {
            return [];
          }
        });
        const before = await read();
        const there = await Promise.all(filters.map((filter) => listed(source, filter)));
        const after = await read();
        for (const [at, filter] of filters.entries()) {
          const [here, later] = [before, after].map((jobs) =>
            idsOf(jobs.filter((job) => matches(filter, job, (row, ref) => rows.read(row, ref)))),
          );
          // A running job reports its use now and then: what both readings agree on is compared.
          const isSure = (id: string) => here?.includes(id) === later?.includes(id);
          const { ids, notes } = there[at] ?? {};
          expect(ids?.filter(isSure), notes?.pushedDown).toEqual(here?.filter(isSure));
        }
      }),
      {
        numRuns: Number(process.env['CONSTRAINT_RUNS'] ?? 15),
        seed: propertySeed,
        endOnFailure: true,
      },
    );
  }, 120_000);

  test('what is too long for a command is evaluated here', async () => {
    const { port } = opened(pool);
    const source = await sourceOf(port);
    const others = Array.from({ length: 250 }, (_, i) => `"user-number-${i}"`).join(', ');
    const text = `member(Owner, { ${others}, "bob" })`;
    const long = and(constraint(text), constraint(text), constraint('JobStatus > 0'));
    const { ids, notes } = await listed(source, long);
    expect(ids).toEqual((await listed(source, constraint('Owner == "bob"'))).ids);
    expect(notes.pushedDown).toContain('JobStatus > 0');
    expect(notes.pushedDown?.match(/user-number-7\b/g)).toHaveLength(1);
  });

  test('an expression can not lead to what is hidden', async () => {
    const { port } = opened(pool, { hideAttributes: ['MyInt', 'ImageSize'] });
    const source = await sourceOf(port);
    const forbidden = { code: 'FORBIDDEN' };
    for (const text of [
      'MyInt > 0',
      'MyNested.myint > 0',
      'MyNested["MYINT"] > 0',
      "'MyInt' > 0",
      '!(true || MY.MyInt is 1)',
    ]) {
      const filter = and(seeded, or(constraint(text), onlyHere));
      await expect(scanned(source, { filter }), text).rejects.toMatchObject(forbidden);
    }
    // An attribute whose own expression leads there is undefined here.
    const { ids } = await listed(
      source,
      or(constraint('MyExpr isnt undefined && MyExpr isnt error'), onlyHere),
    );
    const open = await listed(
      await sourceOf(opened(pool).port),
      or(constraint('MyExpr isnt undefined && MyExpr isnt error'), onlyHere),
    );
    expect(open.ids.length).toBeGreaterThan(ids.length);
    expect(ids).toEqual([]);
  });

  test('history, slots, machines and ads take them too', async () => {
    const { port } = opened(pool);
    const history = await sourceOf(port, 'HISTORY');
    expect(
      await listed(history, constraint('ExitCode == 3 && RemoteWallClockTime >= 0')),
    ).toMatchObject({ ids: [expect.any(String)] });
    const slots = await all(
      port.slots().scan({
        filter: constraint('SlotType == "Partitionable" && TotalSlotCpus == 4'),
        notes: {},
        signal,
        projection: { fields: new Set(), attributes: new Set() },
      }),
    );
    expect(slots.map(({ name }) => name)).toEqual([`slot1@${pool.scheddName}`]);
    const notes: SourceNotes = {};
    const machinesOf = (filter: Predicate) =>
      scanned(port.machines() as never as Source<{ name: string; cpus: number }>, {
        filter,
        notes,
      });
    const expected = [{ name: pool.scheddName, cpus: 4 }];
    // Of the whole machine, though but one of its slots matches.
    expect(await machinesOf(constraint('SlotType == "Partitionable"'))).toMatchObject(expected);
    expect(notes.pushedDown).toContain('SlotType');
    expect(
      await machinesOf(and(constraint('Cpus >= 0'), { op: 'gte', ref: field('cpus'), value: 4 })),
    ).toMatchObject(expected);
    expect(
      await machinesOf(
        or(constraint('SlotType == "Partitionable"'), {
          op: 'gte',
          ref: field('cpus'),
          value: 400,
        }),
      ),
    ).toMatchObject(expected);
    expect(
      await machinesOf(or(constraint('Cpus > 400'), { op: 'gte', ref: field('cpus'), value: 400 })),
    ).toEqual([]);
    expect(await machinesOf({ op: 'eq', ref: attribute('Arch'), value: 'X86_64' })).toMatchObject(
      expected,
    );
    expect(await machinesOf({ op: 'eq', ref: attribute('Arch'), value: 'PDP11' })).toEqual([]);
    const ads = await scanned(port.ads('ANY') as never as Source<{ type: string }>, {
      filter: constraint('MyType == "Scheduler" && TotalJobAds > 0'),
    });
    expect(ads).toMatchObject([{ type: 'Scheduler' }]);
  });
});
