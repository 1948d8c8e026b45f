/** Random calls of every function whose value doesn't change by itself, mostly with fitting arguments. */
import fc from 'fast-check';
import type { Expr } from '../../src/classad/index.js';
import { literal, print } from '../../src/classad/index.js';
import { functionNames } from '../../src/classad/index.js';
import { expressions, integers, literalValues, reals, strings } from './expressions.js';

/** What depends on the time or on chance, and what HTCondor itself breaks over (docs/classad.md). */
const excluded = new Set([
  ...['time', 'currenttime', 'daytime', 'timezoneoffset', 'random', 'userhome', 'usermap'],
  ...['debug', 'abstime', 'reltime', 'formattime', 'unresolved'],
]);

const names = fc.constantFrom(
  ...['I', 'R', 'S', 'L', 'N', 'U', 'E', 'B', 'X', 'LoopA', 'T', 'Requirements', 'absent', 'Name'],
);

const text = (value: fc.Arbitrary<string>): fc.Arbitrary<Expr> =>
  value.map((part) => literal(part));
const list = (items: fc.Arbitrary<Expr>): fc.Arbitrary<Expr> =>
  fc.array(items, { maxLength: 4 }).map((found) => ({ kind: 'list', items: found }));

const stringLists = fc.oneof(
  fc.constantFrom('a,b,c', 'a, b ,c', ' a b', '1,2,3', '1.5, 2', '-3', 'A;B;C', ',,a', '', 'x,y,'),
  fc
    .array(fc.constantFrom('a', 'B', '1', '2.5', ' ', '-0', 'é'), { maxLength: 4 })
    .map((parts) => parts.join(',')),
);

const versions = fc.oneof(
  fc.constantFrom(
    '23.9.6',
    '23.10.1',
    '8.9.12',
    '1.01',
    '1.010',
    '1.1',
    'v2',
    '10',
    '9',
    '',
    '1.0a',
  ),
  fc.stringMatching(/^[0-9]{1,3}(\.[0-9a]{1,2}){0,3}$/),
);

export const patterns = fc.oneof(
  fc.constantFrom(
    ...[
      '^a',
      'b$',
      'a.c',
      '(a)(b)?',
      'a*',
      '[a-c]+',
      '[^a]',
      'A',
      '\\d+',
      '\\w*@(.*)',
      '(?i)ABC',
      '',
    ],
    ...[
      '(',
      '[',
      'a{2}',
      'a|b|',
      '\\.',
      '^$',
      '(a|b)*c',
      '\\bexample\\b',
      '\\Ax*\\z',
      'a{,2}',
      '[]a]',
    ],
    ...[
      '[[:alpha:]]+',
      'x?',
      '(?:a|ab)(c|bcd)',
      'a+?',
      '\\Qa.b\\E',
      '(?<n>a)',
      '.',
      'a\\x62',
      '$',
      '^',
    ],
    ...[
      '(a?)*b',
      '\\s',
      '[\\w.]+',
      '(?m)^b',
      '(?s).',
      '(?x) a b # c',
      '*',
      'a**',
      '\\y',
      '[z-a]',
      'a\\',
    ],
  ),
  fc
    .array(fc.constantFrom('a', 'b', '.', '*', '+', '?', '(', ')', '|', '[ab]', '^', '$', '\\d'), {
      maxLength: 6,
    })
    .map((parts) => parts.join('')),
);

const options = fc.constantFrom('', 'i', 'm', 's', 'x', 'f', 'g', 'fg', 'gi', 'z', 'I');
const replacements = fc.constantFrom('', 'x', '\\0', '[\\1]', '\\2', '\\', '\\a', '\\1\\0', 'é');
const environments = fc.constantFrom(
  ...[
    'A=1 B=2',
    "A='b c'",
    'A=1;B=2',
    '|A=1|B',
    'A',
    "it''s",
    "A='",
    'A=\n',
    '=x',
    "A='x''y'",
    '',
    'PATH=/a:/b C=$$(x)',
  ],
);

const as = {
  string: text(strings),
  list: text(stringLists),
  delimiters: text(fc.constantFrom(',', ';', ', ', ' ', '', 'ab')),
  version: text(versions),
  pattern: text(patterns),
  options: text(options),
  replacement: text(replacements),
  environment: text(environments),
  integer: integers.map((value): Expr => literal(value)),
  small: fc.bigInt({ min: -8n, max: 8n }).map((value): Expr => literal(value)),
  real: reals.map((value): Expr => literal(value)),
  literal: literalValues.map((value): Expr => literal(value)),
  strings: list(text(strings)),
  numbers: list(fc.oneof(integers, reals).map((value): Expr => literal(value))),
  any: list(literalValues.map((value): Expr => literal(value))),
  comparison: text(fc.constantFrom('<', '<=', '==', '!=', '>', '>=', 'is', 'isnt', '=')),
  name: names.map((name): Expr => ({ kind: 'attribute', name, base: null, absolute: false })),
};

const fitting: Readonly<Record<string, readonly (keyof typeof as)[]>> = {
  substr: ['string', 'small', 'small'],
  strcmp: ['string', 'string'],
  stricmp: ['string', 'string'],
  member: ['literal', 'any'],
  identicalmember: ['literal', 'any'],
  sum: ['numbers'],
  avg: ['numbers'],
  min: ['numbers'],
  max: ['numbers'],
  anycompare: ['comparison', 'any', 'literal'],
  allcompare: ['comparison', 'any', 'literal'],
  join: ['string', 'strings'],
  splitusername: ['string'],
  splitslotname: ['string'],
  split: ['list', 'delimiters'],
  versioncmp: ['version', 'version'],
  versionle: ['version', 'version'],
  versionlt: ['version', 'version'],
  versionge: ['version', 'version'],
  versiongt: ['version', 'version'],
  versioneq: ['version', 'version'],
  version_in_range: ['version', 'version', 'version'],
  regexp: ['pattern', 'string', 'options'],
  regexpmember: ['pattern', 'strings', 'options'],
  regexps: ['pattern', 'string', 'replacement', 'options'],
  replace: ['pattern', 'string', 'replacement'],
  replaceall: ['pattern', 'string', 'replacement', 'options'],
  stringlist_regexpmember: ['pattern', 'list', 'delimiters', 'options'],
  stringlistsize: ['list', 'delimiters'],
  stringlistsum: ['list', 'delimiters'],
  stringlistavg: ['list'],
  stringlistmin: ['list'],
  stringlistmax: ['list'],
  stringlistmember: ['string', 'list', 'delimiters'],
  stringlistimember: ['string', 'list'],
  stringlistsubsetmatch: ['list', 'list', 'delimiters'],
  stringlistisubsetmatch: ['list', 'list'],
  stringlistsintersect: ['list', 'list', 'delimiters'],
  pow: ['small', 'small'],
  quantize: ['integer', 'numbers'],
  argstolist: ['environment', 'small'],
  listtoargs: ['strings', 'small'],
  envv1tov2: ['environment'],
  mergeenvironment: ['environment', 'environment'],
  eval: ['string'],
  unparse: ['name'],
  interval: ['integer'],
  splittime: ['integer'],
  countmatches: ['name', 'any'],
  evalineachcontext: ['name', 'any'],
};

/** Names as HTCondor's own case: it compares five of them with regard to case (docs/classad.md). */
export const spelled: Readonly<Record<string, string>> = {
  versionle: 'versionLE',
  versionlt: 'versionLT',
  versionge: 'versionGE',
  versiongt: 'versionGT',
  versioneq: 'versionEQ',
};

const callable = [...functionNames].filter((name) => !excluded.has(name));

const loose = expressions(
  {
    names,
    literals: literalValues,
    functions: fc.tuple(
      fc.constantFrom(...callable.map((name) => spelled[name] ?? name)),
      fc.integer({ min: 0, max: 3 }),
    ),
  },
  4,
);

const calls: fc.Arbitrary<Expr> = fc.constantFrom(...callable).chain((name) => {
  const args = (fitting[name] ?? ['literal']).map((kind) =>
    fc.oneof({ weight: 9, arbitrary: as[kind] }, { weight: 1, arbitrary: loose }),
  );
  return fc.tuple(fc.tuple(...args), fc.integer({ min: 0, max: 9 })).map(([found, cut]): Expr => ({
    kind: 'call',
    name: spelled[name] ?? name,
    args: cut === 0 ? found.slice(0, -1) : found,
  }));
});

/** Every function with an argument that fails, in every place, behind others of each kind. */
export const failingCalls: readonly string[] = callable.flatMap((name) =>
  ['"a"', '{ "a" }', '1', 'error'].flatMap((other) =>
    [1, 2, 3].flatMap((count) =>
      Array.from({ length: count }, (_, place) => {
        const args = Array.from({ length: count }, (_, at) =>
          at === place ? 'random(-1)' : at === 0 ? other : '"a"',
        );
        return `isError(${spelled[name] ?? name}(${args.join(',')}))`;
      }),
    ),
  ),
);

/** Calls and everything else. */
export const evaluable: fc.Arbitrary<Expr> = fc.oneof(
  { weight: 3, arbitrary: calls },
  { weight: 3, arbitrary: loose },
);

/** The ads they are evaluated in. */
export const myAd = `[ I = 7; R = 2.5; S = "Hello, World"; L = { 1, 2.5, "x", I, undefined }; N = [ I = 8; Q = I + 1; P = parent.I; O = R ];
  U = undefined; E = error; B = true; X = I * 2 + TARGET.T; LoopA = LoopB + 1; LoopB = LoopA; Requirements = TARGET.T > I && Name isnt undefined ]`;
export const targetAd = `[ T = 40; Name = "slot1@host.example.test"; I = 70; Requirements = TARGET.I < T; L = { T, TARGET.I } ]`;

/** Texts with a piece put in or exchanged. */
export const mutated: fc.Arbitrary<string> = fc
  .tuple(
    evaluable.map((expr) => print(expr)).filter((whole) => whole.length < 200),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.nat(6),
        fc.constantFrom(
          ...['(', ')', '[', ']', '{', '}', '.', ',', ';', '?', ':', '?:', '=', '==', '=?=', '=!='],
          ...[
            '"',
            "'",
            '\\',
            '-',
            '+',
            ' ',
            '\n',
            '1',
            '.5',
            'e',
            'x',
            'is',
            'isnt',
            '/',
            '*',
            '!',
          ],
          ...[
            '&',
            '|',
            '<',
            '>',
            '>>>',
            '^',
            '~',
            '%',
            '_',
            'error',
            'true',
            'é',
            '0',
            '#',
            '/*',
            '//',
          ],
        ),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([whole, changes]) =>
    changes.reduce((changed, [place, cut, piece]) => {
      const at = place % (changed.length + 1);
      return changed.slice(0, at) + piece + changed.slice(at + (cut < 3 ? cut : 0));
    }, whole),
  )
  .filter((changed) => !/\p{Surrogate}/u.test(changed));

/** What has to do with time, and depends on neither the clock nor chance. */
export const timeTexts: readonly string[] = [
  'formatTime(1700000000)',
  `formatTime(1700000000,"${[...'cxXDFTRrpPIlkjUWVGguwyCYhbBaAdemHMSnt%zZsQ'].map((letter) => `%${letter}|`).join('')}")`,
  ...['%-d %_d %5d %^a %Ey %', '', '%k%l %e'].map((format) => `formatTime(1704067200,"${format}")`),
  'formatTime(splitTime(absTime("2024-02-29T12:00:00+02:00")),"%F %T %j")',
  'formatTime([Year = 2024],"%F")',
  'formatTime([Month = 0; Day = 7],"%F")',
  'formatTime(relTime(5))',
  'formatTime("x")',
  'formatTime(undefined)',
  'formatTime(5000000000)',
  'formatTime(1e300)',
  'splitTime(absTime("2024-02-29T12:00:00+02:00"))',
  'splitTime(relTime(-3661.5))',
  'splitTime(relTime(90061))',
  'splitTime("2024")',
  'absTime(0,3600)',
  'absTime(0,-1)',
  'absTime(1.5)',
  'absTime(relTime(5))',
  'absTime(undefined)',
  'absTime(true)',
  'absTime(1,relTime(60))',
  'absTime(1,"a")',
  'absTime("2020-06-01T00:00:00Z")',
  'absTime("2020-06-01 00:00:00 +0130")',
  'absTime("2020")',
  'absTime("2020-13-45")',
  'absTime("x")',
  'string(relTime(absTime(5)))',
  'relTime(1,2)',
  'relTime(5) + absTime(10,0)',
  'string(absTime(10,0) - absTime(5,0))',
  'absTime(10,0) - relTime(3.7)',
  'string(relTime(10) * 2)',
  'string(relTime(10) / 4.0)',
  'string(2 * relTime(5))',
  '2 / relTime(5)',
  'relTime(5) < relTime(6)',
  'relTime(5) < 6',
  'absTime(5,0) == absTime(5,60)',
  'absTime(5,0) =?= absTime(5,60)',
  ...[
    'Year',
    'Month',
    'DayOfYear',
    'DayOfMonth',
    'DayOfWeek',
    'Days',
    'Hours',
    'Minutes',
    'Seconds',
  ].flatMap((part) => [
    `get${part}(absTime(1704067199,3600))`,
    `get${part}(relTime(-200000))`,
    `get${part}(5)`,
  ]),
  'int(absTime(5,0))',
  'real(relTime(1.5))',
  'bool(relTime(0.5))',
  'bool(absTime(5,0))',
  'isAbsTime(absTime(5))',
  'isRelTime(relTime(5))',
  'relTime("1+02:03:04.5") * 2',
  'relTime("-1d2h3m4.25s")',
  'string(relTime(100000))',
  'interval(-90061)',
  'dayTime(1)',
  'unresolved(Requirements)',
  'unresolved(X)',
  'unresolved(Requirements,"^n")',
  'unresolved(nope)',
  'unresolved(1)',
  'isError(time()) || isError(CurrentTime)',
  'random(1)',
  'random(-1)',
  'random("a")',
];
