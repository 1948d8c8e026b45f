/** What differs from HTCondor 23.9.6 on purpose, as docs/classad.md lists it. */
import { expect, test } from 'vitest';
import {
  adScope,
  ClassAdSyntaxError,
  evaluate,
  parseAd,
  parseExpression,
  print,
  valueText,
} from '../../src/classad/index.js';

const textOf = (text: string, ad = '[]'): string =>
  valueText(evaluate(parseExpression(text), { my: adScope(parseAd(ad)) }));

test.each([
  ['0x10', 'read as 0, or refused'],
  ['-010', 'read as -10'],
  ['99999999999999999999', 'read as 0'],
  ['1e400', 'read as infinity'],
  ['a..b', 'read as a.b'],
  ['a ? b : c junk', 'read without what stands behind'],
])('%s is refused, which HTCondor %s', (text) => {
  expect(() => parseExpression(text)).toThrow(ClassAdSyntaxError);
});

test('names that need quotes get them behind a point and as functions, which HTCondor forgets', () => {
  expect(print(parseExpression("a.'x y' + 'f g'(1)"))).toBe("a.'x y' + 'f g'(1)");
});

test('a number before a point is printed so that it can be read again', () => {
  expect(print(parseExpression('5 .x'))).toBe('5 .x');
});

test('operands of ?: are printed in parentheses, since HTCondor 25 binds it tighter', () => {
  expect(print(parseExpression('a && b ?: c + 1'))).toBe('(a && b) ?: (c + 1)');
});

test('only the side of ?: that is needed is evaluated, as in HTCondor 25', () => {
  expect(textOf('1 ?: a', '[a = a]')).toBe('1');
  expect(textOf('undefined ? a : a', '[a = a]')).toBe('undefined');
});

test('versions are compared by functions in any case, as in HTCondor 25', () => {
  expect(textOf('VERSIONge("23.10", "23.9")')).toBe('true');
});

test('absTime and relTime of a text that is no literal are errors, over which HTCondor reads stray memory', () => {
  expect(textOf('absTime(strcat("2024","-01-01"))')).toBe('error');
  expect(textOf('relTime(strcat("1"))')).toBe('error');
});

test('functions that look into the host are refused', () => {
  expect(textOf('userHome("root")')).toBe('error');
  expect(textOf('userMap("map", "alice")')).toBe('error');
});

test('debug writes no log', () => {
  expect(textOf('debug(1 + 1)')).toBe('2');
});

test('patterns that need backtracking are errors', () => {
  expect(textOf('regexp("(a)\\\\1", "aa")')).toBe('error');
  expect(textOf(`regexp("${'()'.repeat(501)}", "aa")`)).toBe('error');
  expect(textOf('regexp("a++", "aa")')).toBe('error');
  expect(textOf('regexpMember("|a++", { "aa" })')).toBe('error');
});

test('a character that is cut through becomes U+FFFD', () => {
  expect(evaluate(parseExpression('substr("é", 0, 1)'))).toBe('\ufffd');
});

test('countMatches evaluates its list where it stands, also when the first name is found elsewhere', () => {
  expect(textOf('countMatches(absent, { N, N })', '[N = [absent = true]]')).toBe('2');
});

test('selecting from a list of lists works, over which HTCondor crashes', () => {
  expect(textOf('{ splitUserName("a@b") }.x')).toBe('{ { error,error } }');
});

test('durations of more than 68 years are counted on, which overflow in HTCondor', () => {
  expect(textOf('string(relTime(1e11))')).toBe('"1157407+09:46:40"');
});
