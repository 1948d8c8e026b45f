import { describe, expect, test } from 'vitest';
import {
  attributeRefs,
  functionCalls,
  parseExpression,
  reachesUnnamed,
} from '../../src/classad/index.js';

const refs = (text: string): string[] =>
  attributeRefs(parseExpression(text))
    .map(({ name, scope }) => `${scope}:${name}`)
    .sort();

describe('the attributes an expression names', () => {
  test.each([
    ['a + B', ['none:B', 'none:a']],
    ['MY.a == TARGET.b', ['my:a', 'none:MY', 'none:TARGET', 'target:b']],
    ['(MY).a', ['my:a', 'none:MY']],
    ['.a', ['parent:a']],
    ['parent.a', ['none:parent', 'parent:a']],
    ['x.y.z', ['nested:y', 'nested:z', 'none:x']],
    ['x["secret"]', ['nested:secret', 'none:x']],
    ['MY["secret"]', ['my:secret', 'none:MY']],
    ['[a = secret].a', ['nested:a', 'none:secret']],
    ['{ 1, { secret } }[0]', ['none:secret']],
    [
      'f(a ?: b, c ? d : e, -g, (h))',
      ['none:a', 'none:b', 'none:c', 'none:d', 'none:e', 'none:g', 'none:h'],
    ],
    ["'Secret'", ['none:Secret']],
    ['"Secret" == "MY.Secret"', []],
  ])('%s', (text, expected) => {
    expect(refs(text)).toEqual(expected);
  });

  test('one in a long chain is found', () => {
    expect(refs(`${'a || '.repeat(1500)}secret`)).toEqual(['none:a', 'none:secret']);
  });
});

describe('what reaches further than the names say', () => {
  test.each([
    'eval("Sec" + "ret")',
    "'EVAL'(x)",
    'MY[strcat("Sec","ret")]',
    'string(MY)',
    'size({ TARGET })',
    'ifThenElse(true, MY, x).a',
    '{ [ a = parent ] }',
    'MY.parent == 1',
    'RIGHT',
  ])('%s', (text) => {
    expect(reachesUnnamed(parseExpression(text))).toEqual(expect.any(String));
  });

  test.each(['a', 'MY.a', '(TARGET).b[0]', '{1,2}[n]', 'MY["a"]', 'unparse(a)', 'MY.a.b'])(
    'not %s',
    (text) => {
      expect(reachesUnnamed(parseExpression(text))).toBeNull();
    },
  );
});

test('functions are named in lower case, once', () => {
  expect(
    [...functionCalls(parseExpression('StrCat(time(), [a = F(1)], strcat())'))].sort(),
  ).toEqual(['f', 'strcat', 'time']);
});
