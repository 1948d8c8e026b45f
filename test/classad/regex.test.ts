/** Patterns whose meaning hangs on a corner of PCRE2's syntax, held equal to HTCondor. */
import { expect, test } from 'vitest';
import { compileRegex } from '../../src/classad/regex/regex.js';
import { evaluate, parseExpression, valueText } from '../../src/classad/index.js';
import { describeReal } from '../real/index.js';
import { ask } from './oracle.js';

const cases = [
  // A quantifier is for the last byte of what is quoted, and stands behind comments and ends of quotes as well.
  ['regexps("\\\\Qab\\\\E*", "abbb", "[\\\\0]")', '"[abbb]"'],
  ['regexps("\\\\Q*\\\\E+", "a**", "[\\\\0]")', '"[**]"'],
  ['regexps("a(?#c)*", "aaa", "[\\\\0]")', '"[aaa]"'],
  ['regexps("a\\\\Q\\\\E*", "aaa", "[\\\\0]")', '"[aaa]"'],
  ['regexps("a\\\\E*", "aaa", "[\\\\0]")', '"[aaa]"'],
  ['regexp("(?#", "a")', 'error'],
  ['regexp("\\\\E*", "a")', 'error'],
  // A round that took no byte is the last one, and what its groups took is what they hold.
  ['replace("(a?)*b", "b", "[\\\\1]")', '"[]"'],
  ['regexps("(a?)*", "a", "[\\\\1]")', '"[]"'],
  ['regexps("(a{0,3})+", "aa", "[\\\\1]")', '"[]"'],
  ['regexps("(?:|a)*", "a", "[\\\\0]")', '"[]"'],
  ['regexps("(|a)+b", "ab", "[\\\\0\\\\1]")', '"[ab]"'],
  ['regexps("((a?)(b?))*?c", "abc", "[\\\\1|\\\\2|\\\\3]")', '"[ab|a|b]"'],
  ['regexps("(a*)*", "b", "[\\\\1]")', '"[]"'],
  // A line end is not taken apart.
  ['regexp("^\\\\R{2}", "\\r\\n")', 'false'],
  ['regexp("^\\\\R\\\\n", "\\r\\n\\n")', 'true'],
  ['regexp("^\\\\R\\\\n", "\\r\\n")', 'false'],
  // Bytes by number.
  ['regexp("\\\\x{041}", "A")', 'true'],
  ['regexp("\\\\x{ 41 }", "A")', 'true'],
  ['regexp("\\\\o{0101}", "A")', 'true'],
  ['regexp("\\\\x{141}", "A")', 'error'],
  ['regexp("\\\\xg", "g")', 'error'],
  ['regexp("\\\\N{U+41}", "A")', 'error'],
  ['regexp("^\\\\ca$", "\\001")', 'true'],
  ['regexp("\\\\c\\t", "I")', 'error'],
  ['regexp("\\\\N{2}", "aa")', 'true'],
  // Brackets: a kind is no end of a range, nor without brackets of its own.
  ['regexp("[\\\\d-z]", "-")', 'error'],
  ['regexp("[a-\\\\d]", "-")', 'error'],
  ['regexp("[[:digit:]-z]", "-")', 'error'],
  ['regexp("[\\\\d-]", "-")', 'true'],
  ['regexp("[:alpha:]", "a")', 'error'],
  ['regexp("[]a]", "]")', 'true'],
  ['regexp("[[.]", ".")', 'true'],
  ['regexp("[[:]", "[")', 'true'],
  ['regexp("[[:a]", ":")', 'true'],
  ['regexp("[[:^digit:]]", "7")', 'false'],
  ['regexp("[[:[:digit:]]", ":")', 'true'],
  ['regexp("[[:none:]]", "a")', 'error'],
  ['regexp("[[:constructor:]]", "a")', 'error'],
  ['regexp("[[:a\\\\d:]]", "a")', 'error'],
  ['regexp("[[.a.]]", "a")', 'error'],
  ['regexpMember("[[.a.]]", {"a"})', 'false'],
  ['regexpMember("[[:none:]]", {"a"})', 'false'],
  ['regexp("[]", "]")', 'error'],
  ['regexp("[\\\\E]", "]")', 'error'],
  ['regexp("(?<n>a)(?<n>b)", "ab")', 'error'],
] as const;

test.each(cases)('%s is %s', (text, value) => {
  expect(valueText(evaluate(parseExpression(text)))).toBe(value);
});

describeReal('pool', 'in HTCondor', (pool) => {
  test('they are the same', async () => {
    const expressions = cases.map(([text]) => text);
    const answers = await ask(pool, { my: '[]', target: '[]', expressions });
    expect(answers.map((answer) => answer?.value)).toEqual(cases.map(([, value]) => value));
  });
});

const free = { spend: () => undefined };

test('an option that changes brackets is refused, as is what is too long', () => {
  expect(compileRegex('(?xx:[a b])', '', free)).toBe('refused');
  expect(compileRegex('a'.repeat(1_000_000), '', free)).toBe('refused');
});

test('a pattern is not taken for another one with options', () => {
  const matches = (pattern: string, options: string): boolean => {
    const regex = compileRegex(pattern, options, free);
    return typeof regex !== 'string' && regex.test('A', free);
  };
  expect(matches('a', 'i')).toBe(true);
  expect(matches('a\0i', '')).toBe(false);
  expect(matches('\0i', 'a')).toBe(false);
});
