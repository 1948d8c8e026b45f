import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Ad, Expression } from '../../src/classad/ad.js';
import {
  adOf,
  adScope,
  evaluate,
  fromAdValue,
  matchesConstraint,
  parseAd,
  parseConstraint,
  parseExpression,
  print,
  printAd,
  toAdValue,
  valueText,
  type AdScope,
} from '../../src/classad/index.js';
import { parseAds } from '../../src/classad/json.js';

const ad = (text: string): AdScope => adScope(parseAd(text));

const textOf = (expression: string, my?: AdScope, target?: AdScope): string =>
  valueText(
    evaluate(parseExpression(expression), {
      nowMs: 1_700_000_000_000,
      ...(my && { my }),
      ...(target && { target }),
    }),
  );

describe('integers and reals are told apart', () => {
  test.each([
    ['5 / 2', '2'],
    ['5 / 2.0', '2.500000000000000E+00'],
    ['-7 % 3', '-1'],
    ['9223372036854775807 + 1', '-9223372036854775808'],
    ['true + 1', '2'],
    ['1 / 0', 'error'],
    ['1 / 0.0', 'error'],
    ['-1 / 0.0', 'real("-INF")'],
    ['1 =?= 1.0', 'false'],
    ['1 == 1.0', 'true'],
    ['"a" == "A"', 'true'],
    ['"a" =?= "A"', 'false'],
    ['undefined || true', 'true'],
    ['undefined && true', 'undefined'],
    ['error || true', 'error'],
    ['"x" || true', 'error'],
    ['undefined =?= undefined', 'true'],
    ['undefined == undefined', 'undefined'],
  ])('%s is %s', (text, value) => {
    expect(textOf(text)).toBe(value);
  });
});

describe('names', () => {
  const my = ad('[A = 1; B = A + 1; N = [A = 5; C = A; D = parent.A; E = B]; T = TARGET.A]');
  const target = ad('[A = 10; Only = A * 2; Back = TARGET.A]');

  test.each([
    ['a', '1'],
    ['b', '2'],
    ['N.c', '5'],
    ['N.D', '1'],
    ['N.E', '2'],
    ['MY.A', '1'],
    ['TARGET.A', '10'],
    ['T', '10'],
    ['only', '20'],
    ['TARGET.Back', '1'],
    ['MY.Only', 'undefined'],
    ['N["C"]', '5'],
    ['absent', 'undefined'],
    ['A.x', 'error'],
    ['{ N, N }.A', '{ 5,5 }'],
    ['{ 1, B }[1]', '2'],
    ['CurrentTime == time()', 'true'],
  ])('%s is %s', (text, value) => {
    expect(textOf(text, my, target)).toBe(value);
  });

  test('of the other ad are undefined where there is none', () => {
    expect(textOf('TARGET.A', my)).toBe('undefined');
    expect(textOf('A')).toBe('undefined');
  });
});

describe('an ad of the JSON form', () => {
  const [job] = parseAds(
    String.raw`[{"I": 7, "R": 2.5, "Whole": 2.0, "Big": 9223372036854775807, "E": "\/Expr(I * 2)\/", "L": [1, "\/Expr(I)\/"], "N": {"x": "\/Expr(I + 1)\/"}, "U": null}]`,
    { exactReals: true },
  );
  if (job === undefined) throw new Error('No ad came.');

  test.each([
    ['i', '7'],
    ['E', '14'],
    ['L[1]', '7'],
    ['N.X', '8'],
    ['U', 'undefined'],
    ['Big', '9223372036854775807'],
    ['Whole', '2.000000000000000E+00'],
    ['5 / Whole', '2.500000000000000E+00'],
    ['unparse(E)', '"I * 2"'],
    ['size(MY)', '8'],
  ])('%s is %s', (text, value) => {
    expect(textOf(text, job)).toBe(value);
  });

  test('has whole reals as integers where nobody asked for them', () => {
    const [plain] = parseAds('[{"Whole": 2.0, "S": "x: 3.0, y"}]');
    expect(plain?.lookup('Whole')).toBe(2n);
    expect(job.get('Whole')).toBe(2);
  });

  test('keeps strings that look like reals', () => {
    const [ads] = parseAds(String.raw`[{"S": "a\": 3.0, ", "L": ["1.0", 1.0]}]`, {
      exactReals: true,
    });
    expect(ads?.get('S')).toBe('a": 3.0, ');
    expect(ads?.get('L')).toEqual(['1.0', 1]);
  });
});

describe('a constraint', () => {
  test.each([
    ['JobStatus == 2', true],
    ['JobStatus', true],
    ['JobStatus - 2', false],
    ['0.5', true],
    ['"true"', false],
    ['NoSuch', false],
    ['error', false],
    ['NoSuch =?= undefined', true],
    ['Owner == "ALICE"', true],
    ['regexp("^al", Owner) && stringListMember("b", "a, b")', true],
  ])('%s matches: %s', (text, matches) => {
    const job = new Ad({ JobStatus: 2, Owner: 'alice' });
    expect(matchesConstraint(parseConstraint(text), job)).toBe(matches);
  });
});

describe('values and data', () => {
  test('go over into each other', () => {
    const text =
      '[ a = 1; r = 2.5; s = "x"; u = undefined; b = true; l = { 1,{ "y" } }; n = [ z = 1 ] ]';
    const my = ad(text);
    const data = toAdValue(evaluate(parseExpression('MY'), { my }), { my });
    expect(data).toEqual({
      ...{ a: 1, r: 2.5, s: 'x', u: null, b: true, l: [1, ['y']], n: { z: 1 } },
    });
    expect(print(fromAdValue(data))).toBe(print(parseExpression(text)));
  });

  test('items and attributes are evaluated, errors and times stay expressions', () => {
    const my = ad(
      '[a = 1; l = { a + 1, error, absTime("2024-01-02T03:04:05Z"), 9007199254740993 }]',
    );
    expect(toAdValue(evaluate(parseExpression('l'), { my }), { my })).toEqual([
      2,
      new Expression('error'),
      new Expression('absTime("2024-01-02T03:04:05-00:00")'),
      9007199254740993n,
    ]);
  });

  test('a written ad becomes one that can be read and evaluated', () => {
    const made = adOf(
      parseAd('[ A = 1; B = A + 1; R = 2.0; S = "x"; L = { B }; Big = 9007199254740993 ]'),
    );
    expect(made.get('b')).toEqual(new Expression('A + 1'));
    expect(made.get('R')).toBe(2);
    expect(textOf('{ B, R, S, L[0], Big }[0] + L[0]', made)).toBe('4');
    expect(textOf('isReal(R) && Big == 9007199254740993', made)).toBe('true');
  });
});

describe('whole ads as text', () => {
  test('lines of the old syntax and brackets of the new one are the same ad', () => {
    const lines = 'Owner = "a\\b"\n# a comment\n\nRequirements = (TARGET.X =?= 1)\n  I = 5\n';
    const brackets = '[ Owner = "a\\\\b"; Requirements = (TARGET.X =?= 1); I = 5 ]';
    expect(parseAd(lines)).toEqual(parseAd(brackets));
    expect(printAd(parseAd(brackets), { syntax: 'old' })).toBe(
      'I = 5\nOwner = "a\\b"\nRequirements = (TARGET.X =?= 1)\n',
    );
    expect(parseAd(printAd(parseAd(lines)))).toEqual(parseAd(lines));
  });

  test('an error is told where it is in the whole text', () => {
    expect(() => parseAd('A = 1\nB = 1 +\n')).toThrow('offset 13');
    expect(() => parseAd('A = 1\nno attribute\n')).toThrow('offset 6');
  });

  test('the long form of a real job is the job of its JSON form', () => {
    const fixture = (name: string): string =>
      readFileSync(new URL(`../fixtures/htcondor/${name}`, import.meta.url), 'utf8');
    const [job] = parseAds(fixture('condor_q.awkward.json'), { exactReals: true });
    const long = parseAd(fixture('condor_q.awkward.long.txt').trim());
    const same = long.attributes.filter(({ name }) => job?.has(name));
    expect(same.length).toBeGreaterThan(100);
    for (const { name } of same) {
      expect([name, textOf(name, adScope(long))]).toEqual([name, textOf(name, job)]);
    }
  });
});

describe('an argument that can not be evaluated', () => {
  const loop = ad('[ A = B + 1; B = A ]');

  test.each([
    'stringListsIntersect("a", A)',
    'evalInEachContext(1, A)',
    'allCompare(1, 2, A)',
    'argsToList(A, "a")',
    'listToArgs(A, 3)',
    'formatTime("a", A)',
    'join(error, A)',
  ])('is an error of %s alone', (call) => {
    expect(textOf(`isError(${call})`, loop)).toBe('true');
  });

  test.each([
    'size(A)',
    'strcat(A)',
    'join("a", A)',
    'regexp(A, "a")',
    'allCompare("<", { 1 }, A)',
    'stringListMember("a", A)',
    'stringListSize(A)',
    'stringList_regexpMember("a", A)',
    'split(A)',
    'splitUserName(A)',
    'argsToList(A)',
    'listToArgs({ A })',
    'envV1ToV2(A)',
    'mergeEnvironment("a=1", A)',
    'relTime(A, 1)',
  ])('fails the whole expression around %s', (call) => {
    expect(textOf(`isError(${call})`, loop)).toBe('error');
  });
});
