import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  attribute,
  binary,
  call,
  ClassAdPrintError,
  ClassAdSyntaxError,
  literal,
  parseConstraint,
  parseExpression,
  print,
  printConstraint,
  type Expr,
} from '../../src/classad/index.js';
import { anyVocabulary, expressions } from './expressions.js';

const reprint = (text: string): string => print(parseExpression(text));

function syntaxError(text: string, syntax: 'new' | 'old' = 'new'): ClassAdSyntaxError {
  try {
    parseExpression(text, { syntax });
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

/** Without parentheses that only group. */
function grouped(expr: Expr): unknown {
  return JSON.parse(
    JSON.stringify(expr, (_, part: unknown) => {
      if (typeof part === 'bigint') return `${part}n`;
      if (typeof part === 'number') return Object.is(part, -0) ? '-0' : String(part);
      let inner = part;
      while (isParentheses(inner)) inner = inner.inner;
      return inner;
    }),
  );
}

const isParentheses = (part: unknown): part is { inner: unknown } =>
  typeof part === 'object' && part !== null && 'kind' in part && part.kind === 'parentheses';

describe('what is printed', () => {
  test('is read back as the same tree, in both syntaxes', () => {
    fc.assert(
      fc.property(expressions(anyVocabulary), (expr) => {
        const text = print(expr);
        const once = parseExpression(text);
        expect(grouped(once)).toEqual(grouped(expr));
        expect(print(once)).toBe(text);
        expect(parseExpression(print(once))).toEqual(once);
      }),
      { numRuns: 2000 },
    );
  });

  test('in the old syntax is read back as the same tree where strings need no help', () => {
    fc.assert(
      fc.property(expressions(anyVocabulary), (expr) => {
        const text = printConstraint(expr);
        fc.pre(!/substr|strcat/.test(text));
        expect(grouped(parseConstraint(text))).toEqual(grouped(expr));
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['1+2*3', '1 + 2 * 3'],
    ['(1+2)*3', '(1 + 2) * 3'],
    ['a  ||b&&  c', 'a || b && c'],
    ['a=?=undefined', 'a is undefined'],
    ['A ISNT Error', 'A isnt error'],
    ['!a&&-b>- 5', '!a && -b > - 5'],
    ['a?b:c?d:e', 'a ? b : c ? d : e'],
    ['a ?: b', 'a ?: b'],
    ['a ? : b + 1', 'a ?: (b + 1)'],
    ['x&&a?:b', '(x && a) ?: b'],
    ['TARGET.Memory[0].x', 'TARGET.Memory[0].x'],
    ['f( )+g(1,{})', 'f() + g(1,{  })'],
    ['[b=1;;a=2;B=3]', '[ a = 2; b = 3 ]'],
    ["'my attr'+'is'", "'my attr' + 'is'"],
    ['"a" "b\\n"', '"ab\\n"'],
    ['1.5', '1.500000000000000E+00'],
    ['0.30000000000000004', '3.0000000000000004E-01'],
    ['"\\303\\251"', '"é"'],
    ['a // to the end', 'a'],
    ['a /* b */ + /**/ c', 'a + c'],
    ['absTime("2024-01-02T03:04:05Z")', 'absTime("2024-01-02T03:04:05-00:00")'],
    ['relTime("1d2h")', 'relTime("1+02:00:00")'],
  ])('%s is %s', (text, printed) => {
    expect(reprint(text)).toBe(printed);
  });

  test('as HTCondor prints it, for what compares texts', () => {
    const text = '!a && -b > 0.30000000000000004 + x["é"]';
    expect(print(parseExpression(text), { form: 'condor' })).toBe(
      ' !a &&  -b > 3.000000000000000E-01 + x["\\303\\251"]',
    );
  });

  test('trees that were put together get the parentheses they need', () => {
    const sum = binary('+', literal(1n), literal(2n));
    expect(print(binary('*', sum, sum))).toBe('(1 + 2) * (1 + 2)');
    expect(print(binary('-', literal(1n), binary('-', literal(2n), literal(3n))))).toBe(
      '1 - (2 - 3)',
    );
    expect(print(attribute('x', sum))).toBe('(1 + 2).x');
  });

  test('long chains of operators are no nesting', () => {
    const text = Array.from({ length: 2000 }, () => 'ab').join('||');
    expect(reprint(text)).toBe(text.replaceAll('||', ' || '));
  });
});

describe('the old syntax', () => {
  test('has backslashes that mean nothing, but before a quote', () => {
    expect(parseConstraint(String.raw`"C:\dir\n"`)).toEqual(literal(String.raw`C:\dir\n`));
    expect(parseConstraint(String.raw`"say \"x\""`)).toEqual(literal('say "x"'));
  });

  test('ends a string at a backslash and a quote only where the line ends', () => {
    expect(parseConstraint('"a\\"')).toEqual(literal('a\\'));
    expect(() => parseConstraint('"a\\" || true')).toThrow(ClassAdSyntaxError);
  });

  test('gets strings that it can not hold from parts', () => {
    expect(printConstraint(binary('==', attribute('Owner'), literal('a\\')))).toBe(
      'Owner == substr("a\\ ",0,2)',
    );
    expect(printConstraint(literal('a"\nb'))).toBe('strcat("a\\"","\nb")');
    expect(() => printConstraint(literal('a\0'))).toThrow(ClassAdPrintError);
    expect(() => printConstraint(attribute('a\\'))).toThrow(ClassAdPrintError);
  });

  test('is what a command gets: =?= and reals as people write them', () => {
    expect(printConstraint(parseExpression('a is 1.5 && b isnt 2e30'))).toBe(
      'a =?= 1.5 && b =!= 2E+30',
    );
    expect(printConstraint(parseExpression('a < 3845862274949153.0'))).toBe(
      'a < 3845862274949153.0',
    );
  });
});

describe('a text that is no expression', () => {
  test.each([
    ['', 'an expression', 0],
    ['1 +', 'an expression', 3],
    ['(1', '")"', 2],
    ['a b', 'an operator or the end', 2],
    ['a = 1', 'an operator or the end', 2],
    ['f(1 2)', '"," or ")"', 4],
    ['{1,}', 'an expression', 3],
    ['[a 1]', '"="', 3],
    ['a.1', 'an operator or the end', 1],
    ['MY.error', 'an attribute name', 3],
    ['"abc', 'a closing "', 4],
    ['"a\\0b"', 'no NUL in a string', 2],
    ['0x10', 'a decimal number without leading zeros', 0],
    ['007', 'a decimal number without leading zeros', 0],
    ['99999999999999999999', 'an integer of at most 64 bits', 0],
    ['1e999', 'a real of at most 1.8E308', 0],
    ['1.', 'digits of a real', 2],
    ['a..b', 'an attribute name after "."', 2],
    ['a ? b', '":"', 5],
    ['a ? b : c junk', 'an operator or the end', 10],
    ['a /* b', '"*/" at the end of the comment', 6],
    ['#', 'an expression', 0],
    ['a =? b', 'an operator or the end', 2],
    ['absTime("never")', 'a time in absTime()', 0],
  ])('%j: expected %s at %i', (text, expected, offset) => {
    const error = syntaxError(text);
    expect({ expected: error.expected, offset: error.offset }).toEqual({ expected, offset });
  });

  test('is shown with a caret under the place', () => {
    expect(syntaxError('Owner == alice && ) || x').caret).toBe(
      'Owner == alice && ) || x\n                  ^',
    );
    expect(syntaxError(`${'x && '.repeat(30)})`).caret).toBe(
      `${'x && '.repeat(6)})\n${' '.repeat(30)}^`,
    );
    expect(syntaxError('a\n\t)').caret).toBe('a  )\n   ^');
  });

  test('never gives another error than a syntax error', () => {
    const pieces = fc.constantFrom(
      ...['(', ')', '[', ']', '{', '}', '.', '..', '?', ':', '=', '=?=', '!', '!=', '"', "'"],
      ...['\\', '-', '1', '1.', '0x', 'e5', 'a', 'is', ' ', '\n', '\0', 'é', '/*', '//', ';', ','],
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces).map((parts) => parts.join('')),
          fc.string({ unit: 'binary' }),
        ),
        fc.constantFrom('new' as const, 'old' as const),
        (text, syntax) => {
          try {
            parseExpression(text, { syntax });
          } catch (error) {
            expect(error).toBeInstanceOf(ClassAdSyntaxError);
          }
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe('a list of functions that may be called', () => {
  const functions = new Set(['strcat']);
  test('is held, in any case and in quotes', () => {
    expect(parseExpression('StrCat("a")', { functions })).toEqual(call('StrCat', literal('a')));
    expect(() => parseExpression('1 + eval("x")', { functions })).toThrow(ClassAdSyntaxError);
    expect(() => parseExpression('\'eval\'("x")', { functions })).toThrow(ClassAdSyntaxError);
  });
});
