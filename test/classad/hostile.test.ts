/** Texts and ads made to hang, to overflow or to fill the memory: each is refused or ends as an error. */
import { describe, expect, test } from 'vitest';
import {
  adScope,
  attributeRefs,
  ClassAdSyntaxError,
  evaluate,
  matchesConstraint,
  parseAd,
  parseConstraint,
  parseExpression,
  print,
  reachesUnnamed,
  toAdValue,
  type Value,
} from '../../src/classad/index.js';
import { Ad } from '../../src/classad/ad.js';

const wide = { maxLength: 1_000_000 };

/** Generous: what these catch takes minutes, or for ever. */
const soonMs = 30_000;

function valueOf(text: string, ad = '[]'): Value {
  return evaluate(parseExpression(text, wide), { my: adScope(parseAd(ad)) });
}

const isErrorValue = { type: 'error' };

function expected(text: string, limits = {}): string {
  try {
    parseExpression(text, limits);
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return error.expected;
    throw error;
  }
  return 'accepted';
}

describe('a text beyond a limit is refused with the limit', () => {
  test.each([
    ['long', `"${'x'.repeat(9000)}"`, 'at most 8192 characters'],
    ['parentheses', '('.repeat(5000), 'at most 100 levels of nesting'],
    ['lists', '{'.repeat(5000), 'at most 100 levels of nesting'],
    ['ads', '[a='.repeat(2000), 'at most 100 levels of nesting'],
    ['calls', 'f('.repeat(4000), 'at most 100 levels of nesting'],
    ['unary operators', `${'!'.repeat(5000)}x`, 'at most 100 levels of nesting'],
    ['minuses', `${'- '.repeat(4000)}x`, 'at most 100 levels of nesting'],
    ['conditions', `${'x?'.repeat(4000)}y`, 'at most 100 levels of nesting'],
    ['elvis', `${'x?:'.repeat(2500)}y`, 'at most 100 levels of nesting'],
    ['subscripts', `x${'[x'.repeat(4000)}`, 'at most 100 levels of nesting'],
    ['selections', `x${'.x'.repeat(4000)}`, 'at most 100 selections in a row'],
    ['subscripts in a row', `x${'[0]'.repeat(2500)}`, 'at most 100 selections in a row'],
    ['items', `{${'1,'.repeat(3000)}1}`, 'at most 2000 items'],
    ['arguments', `f(${'1,'.repeat(3000)}1)`, 'at most 2000 items'],
  ])('%s', (_, text, limit) => {
    expect(expected(text)).toBe(limit);
  });

  test.each([
    ['99999999999999999999', 'an integer of at most 64 bits'],
    [`1${'0'.repeat(8000)}`, 'an integer of at most 64 bits'],
    ['1e400', 'a real of at most 1.8E308'],
    [`1e${'9'.repeat(8000)}`, 'a real of at most 1.8E308'],
  ])('a huge number', (text, limit) => {
    expect(expected(text)).toBe(limit);
  });

  test('attributes of an ad', () => {
    const text = `[${Array.from({ length: 2001 }, (_, at) => `a${at}=1`).join(';')}]`;
    expect(expected(text, wide)).toBe('at most 2000 attributes');
  });
});

describe('a time that is none is refused soon', () => {
  const times = [
    ' '.repeat(4000),
    '1'.repeat(4000),
    '1 '.repeat(2000),
    '-:'.repeat(2000),
    '1z '.repeat(1300),
  ];
  test.each(times.flatMap((text) => [`absTime("${text}x")`, `relTime("${text}x")`]))(
    '%.40s…',
    { timeout: soonMs },
    (text) => {
      expect(expected(text)).toMatch(/a time in/);
    },
  );
});

describe('what nests as deep as the limit allows', () => {
  test.each([
    ['parentheses', `${'('.repeat(99)}1${')'.repeat(99)}`],
    ['lists', `size(${'{'.repeat(98)}${'}'.repeat(98)})`],
    ['calls', `${'strcat('.repeat(99)}"x"${')'.repeat(99)}`],
    ['negations', `${'!'.repeat(98)}true`],
    ['a long chain of operators', `1${' + 1'.repeat(2000)}`],
    ['a long chain of names', `a${' || a'.repeat(1500)} || true`],
  ])('is read, printed, examined and evaluated: %s', (_, text) => {
    const expr = parseExpression(text);
    expect(parseExpression(print(expr))).toEqual(expr);
    expect(attributeRefs(expr).length).toBeLessThan(3);
    expect(reachesUnnamed(expr)).toBeNull();
    expect(evaluate(expr)).not.toEqual(isErrorValue);
  });
});

describe('an ad that leads round in circles', () => {
  test.each([
    ['itself', '[a = a]'],
    ['each other', '[a = b + 1; b = a + 1]'],
    ['through MY', '[a = MY.a || MY.a]'],
    ['through a nested ad', '[a = n.b; n = [b = parent.a]]'],
    ['through a list', '[a = { a }[0]]'],
    ['through eval', '[a = eval("a")]'],
    ['through eval of itself', '[a = eval(unparse(a))]'],
    ['through ifThenElse', '[a = ifThenElse(true, a, 1)]'],
    ['with deep expressions', `[a = ${'('.repeat(90)}a + 1${')'.repeat(90)}]`],
    ['with deep calls', `[a = ${'strcat('.repeat(90)}a${')'.repeat(90)}]`],
  ])('is an error: %s', (_, ad) => {
    expect(valueOf('a', ad)).toEqual(isErrorValue);
  });

  test('of two ads is an error', () => {
    const my = adScope(parseAd('[a = TARGET.a]'));
    expect(evaluate(parseExpression('a'), { my, target: my })).toEqual(isErrorValue);
  });

  test('ends as data', () => {
    const my = adScope(parseAd('[a = MY; l = { MY, l }]'));
    const value = evaluate(parseExpression('MY'), { my });
    expect(JSON.stringify(toAdValue(value, { my })).length).toBeLessThan(100_000);
  });

  test('that doubles at every step ends', { timeout: soonMs }, () => {
    const doubling = Array.from({ length: 60 }, (_, at) => `a${at} = a${at + 1} + a${at + 1}`);
    expect(valueOf('a0', `[${doubling.join(';')}; a60 = 1]`)).toEqual(isErrorValue);
    const names = Array.from(
      { length: 60 },
      (_, at) => `a${at} = b${at} + a${at + 1} + a${at + 1}`,
    );
    expect(valueOf('size(unresolved(a0)) > 0', `[${names.join(';')}]`)).toBe(true);
  });
});

describe('a text that grows', () => {
  test('at every step is an error', { timeout: soonMs }, () => {
    const doubling = Array.from(
      { length: 40 },
      (_, at) => `a${at} = strcat(a${at + 1}, a${at + 1})`,
    );
    expect(valueOf('a0', `[${doubling.join(';')}; a40 = "${'x'.repeat(1000)}"]`)).toEqual(
      isErrorValue,
    );
  });

  test('by replacement is an error', { timeout: soonMs }, () => {
    const once = (inner: string) => `replaceall("x", ${inner}, "${'x'.repeat(500)}")`;
    expect(valueOf(once(once(once(once('"x"')))))).toEqual(isErrorValue);
  });

  test('by a width of a time is cut', () => {
    expect(valueOf(`formatTime(0, "${'%999d'.repeat(1000)}")`)).toBe('');
  });
});

describe('what is done to long texts and lists over and over is an error', () => {
  const long = 'ab,'.repeat(100_000);
  const items = Array.from({ length: 20_000 }, (_, at) => at);
  // Each one twice the one before: 16,384 times what the last one holds.
  const doubled = (last: string): Ad =>
    new Ad({
      ...{ Long: long, Longer: `${long}c`, Items: items },
      ...{
        Sum: `\u0000(${'(Zz + 1) || '.repeat(2000)}1)/`,
        List: `\u0000({${'1,'.repeat(3500)}1})/`,
      },
      ListText: `{${'1,'.repeat(3500)}1}`,
      ...Object.fromEntries(
        Array.from({ length: 14 }, (_, at) => [`a${at}`, `\u0000(a${at + 1} + a${at + 1})/`]),
      ),
      a14: `\u0000(${last})/`,
    });

  test.each([
    ...['Long < Longer', 'Long =?= Longer', 'member(Long, { Longer })', 'toLower(Long) == ""'],
    ...['size(split(Long))', 'stringListsIntersect(Long, "x")'],
    ...['stringListSubsetMatch(Long, Long)', 'versionCmp(Long, Longer)', 'int(Long)'],
    ...['sum(Items)', 'member(-1, Items)', 'countMatches(false, Items)'],
    ...['size(string(Items))', 'size(unparse(Sum))', 'size(unresolved(Sum))'],
    ...['size(eval(ListText))', 'size(listToArgs({ Long }))', 'size(envV1ToV2(Long))'],
    ...['size(mergeEnvironment("a=1", Long))', 'isError(formatTime(0, Long))'],
  ])('%s', { timeout: soonMs }, (last) => {
    expect(evaluate(parseExpression('a0'), { my: doubled(last) })).toEqual(isErrorValue);
  });

  test('but each of them once is not', () => {
    expect(
      evaluate(parseExpression('size(split(Long)) + size(listToArgs({ Quotes }))'), {
        my: new Ad({ Long: long, Quotes: "'".repeat(100_000) }),
      }),
    ).toBe(300_002n);
    const parts = Array.from({ length: 900 }, () => '"abcd"').join();
    expect(valueOf(`size(strcat(${parts},${parts}))`)).toBe(7200n);
    expect(valueOf(`size(replaceall("a", "${'a'.repeat(8000)}", "bb"))`)).toBe(16_000n);
  });

  test('also as data', { timeout: soonMs }, () => {
    const nested = Array.from(
      { length: 40 },
      (_, at) => `a${at} = [x = a${at + 1}; y = a${at + 1}]`,
    );
    const my = adScope(parseAd(`[${nested.join(';')}; a40 = 1]`));
    const data = toAdValue(evaluate(parseExpression('a0'), { my }), {
      my,
      limits: { maxSteps: 5000 },
    });
    expect(JSON.stringify(data).length).toBeLessThan(1_000_000);
  });
});

describe('a pattern that makes other matchers backtrack for ever', () => {
  const subject = 'a'.repeat(5000);
  test.each([
    ['(a+)+$', `${subject}!`],
    ['^(a|a)*$', `${subject}!`],
    ['(a*)*b', subject],
    ['(a|aa)+$', `${subject}!`],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', subject],
    ['(.*)*x(.*)*y', subject],
    ['a?'.repeat(40) + 'a'.repeat(40), 'a'.repeat(39)],
    ['.*.*.*.*.*.*.*.*x', subject],
    ['(x+x+)+y', 'x'.repeat(5000)],
    ['^((a{0,20}){0,20}){0,20}$', `${'a'.repeat(60)}!`],
    ['([a-c]*[b-d]*)*e', 'abcd'.repeat(1000)],
    [`^${'a*'.repeat(20)}(?:b{17})?c`, 'a'.repeat(16)],
    ['^a*a*a*(?:b{4097})?c', 'a'.repeat(4000)],
  ])('%s is answered', { timeout: soonMs }, (pattern, text) => {
    const ad = new Ad({ Pattern: pattern, Subject: text });
    const value = evaluate(parseExpression('regexp(Pattern, Subject)'), { my: ad });
    expect([false, { type: 'error' }]).toContainEqual(value);
  });

  test.each(['(a)\\1', '(?=a)', '(?<!a)b', 'a++', '(?>a)', '(?R)', '(*UTF)a', '\\p{L}', '\\Ka'])(
    '%s is refused, since it needs backtracking',
    (pattern) => {
      expect(evaluate(parseExpression('regexp(P, "aa")'), { my: new Ad({ P: pattern }) })).toEqual(
        isErrorValue,
      );
    },
  );

  test('many patterns on long texts end together', { timeout: soonMs }, () => {
    const calls = Array.from({ length: 50 }, (_, at) => `regexp("(a|b|ab)*${at}$", S)`);
    const value = evaluate(parseExpression(calls.join(' || ')), {
      my: new Ad({ S: 'ab'.repeat(50_000) }),
    });
    expect(value).toEqual(isErrorValue);
  });

  test('a pattern of many groups ends', { timeout: soonMs }, () => {
    const ad = new Ad({ S: 'a'.repeat(1000) });
    for (const groups of [100, 500, 3500]) {
      const text = `regexps("${'()'.repeat(groups)}b", S, "x")`;
      expect(['', isErrorValue]).toContainEqual(evaluate(parseExpression(text), { my: ad }));
    }
  });

  test(
    'reading patterns counts, and many beginnings of kinds are read once',
    { timeout: soonMs },
    () => {
      const calls = Array.from({ length: 100 }, (_, at) => `regexp(strcat("${at}", P), "a")`);
      const constraint = parseExpression(calls.join(' || '));
      for (const pattern of [`[${'[:'.repeat(16_000)}`, '[:'.repeat(16_000), '[a]'.repeat(2_000)]) {
        expect(evaluate(constraint, { my: new Ad({ P: pattern }) })).toEqual(isErrorValue);
      }
    },
  );

  test(
    'many short subjects with many ways through the pattern end together',
    { timeout: soonMs },
    () => {
      const list = `${'a'.repeat(60)},`.repeat(16_000);
      const text = `stringListRegexpMember("^(a?){12}b", L)`;
      expect(evaluate(parseExpression(text), { my: new Ad({ L: list }) })).toEqual(isErrorValue);
    },
  );

  test('a pattern of huge repeats is refused', { timeout: soonMs }, () => {
    for (const pattern of ['a{60000}', '((a{1000}){1000}){1000}', '(('.repeat(3000), 'a{99999}']) {
      const value = evaluate(parseExpression('regexp(P, "a")'), { my: new Ad({ P: pattern }) });
      expect(value).toEqual(isErrorValue);
    }
  });
});

describe('names that mean something to JavaScript', () => {
  test('a letter that only Unicode calls a K is none', () => {
    const my = new Ad({ Key: 1 });
    expect(evaluate(parseExpression("'\u212aey'"), { my })).toBeNull();
    expect(evaluate(parseExpression('KEY'), { my })).toBe(1n);
  });

  test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'])('%s', (name) => {
    expect(evaluate(parseExpression(`isUndefined(${name})`), { my: new Ad({}) })).toBe(true);
    expect(valueOf(`isUndefined([a = 1].${name})`)).toBe(true);
    expect(valueOf(`[${name} = 7].${name}`)).toBe(7n);
    expect(valueOf(`${name}(1)`)).toEqual(isErrorValue);
  });
});

test('what an ad holds can not be read is an error of that attribute', () => {
  const ad = new Ad({ Bad: '\u0000(1 +)/', Deep: `\u0000(${'('.repeat(500)})/`, Good: 1 });
  expect(evaluate(parseExpression('Bad'), { my: ad })).toEqual(isErrorValue);
  expect(evaluate(parseExpression('Deep'), { my: ad })).toEqual(isErrorValue);
  expect(matchesConstraint(parseConstraint('Good == 1'), ad)).toBe(true);
});
