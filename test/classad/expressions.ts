/** Random expressions, by structure. */
import fc from 'fast-check';
import type { Expr } from '../../src/classad/index.js';
import { absTime, errorValue, relTime } from '../../src/classad/index.js';
import { compareNames } from '../../src/classad/scope.js';
import type { BinaryOperator, LiteralValue, UnaryOperator } from '../../src/classad/ast.js';

const binaryOperators: readonly BinaryOperator[] = [
  ...(['||', '&&', '|', '^', '&', '==', '!=', 'is', 'isnt', '<', '<=', '>', '>='] as const),
  ...(['<<', '>>', '>>>', '+', '-', '*', '/', '%'] as const),
];

export const integers = fc.oneof(
  fc.bigInt({ min: -4n, max: 12n }),
  fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 1700000000n),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);

export const reals = fc.oneof(
  fc.constantFrom(0, -0, 0.5, 2, -1.5, 1e22, 1e-7, 0.1, 123456.789, 1e300),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** No lone surrogates and no NUL: a ClassAd has neither. */
export const strings = fc.oneof(
  fc.constantFrom('', 'a', 'A', 'abc', 'a,b, c', 'alice@example.test', 'true', '12', '1.5', 'x*y'),
  fc.string({ maxLength: 6 }),
  fc.string({ unit: 'grapheme', maxLength: 4 }).map((text) => text.replaceAll('\0', '')),
  fc.constantFrom('a\\', '"', '\\"', '"\n', '\n', "it's", 'é', '\x07\x1b', '\\\\', '\\"\n"\\'),
);

export const times = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 4e9 }), fc.integer({ min: -48, max: 48 }))
    .map(([secs, quarters]) => absTime(secs, quarters * 900 || 0)),
  fc.integer({ min: -1e6, max: 1e6 }).map((secs) => relTime(secs || 0)),
);

export const literalValues: fc.Arbitrary<LiteralValue> = fc.oneof(
  { weight: 4, arbitrary: integers },
  { weight: 2, arbitrary: reals },
  { weight: 4, arbitrary: strings },
  { weight: 2, arbitrary: fc.boolean() },
  { weight: 1, arbitrary: fc.constantFrom(null, errorValue) },
  { weight: 1, arbitrary: times },
);

export interface Vocabulary {
  readonly names: fc.Arbitrary<string>;
  readonly literals: fc.Arbitrary<LiteralValue>;
  /** Name and number of arguments. */
  readonly functions: fc.Arbitrary<readonly [string, number]>;
}

export const anyVocabulary: Vocabulary = {
  names: fc.oneof(
    fc.constantFrom('A', 'b', 'Owner', 'MY', 'TARGET', 'parent', 'error', 'is', 'a b', "it's", ''),
    fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,5}$/),
  ),
  literals: literalValues,
  functions: fc.tuple(
    fc.constantFrom('strcat', 'member', 'IfThenElse', 'nosuch', 'odd name', 'time'),
    fc.integer({ min: 0, max: 3 }),
  ),
};

/** Trees as they are: parentheses only where the tree says so, or where the parser would put them. */
export function expressions(words: Vocabulary, depth = 4): fc.Arbitrary<Expr> {
  const { tree } = fc.letrec<{ tree: Expr; leaf: Expr }>((tie) => ({
    leaf: fc.oneof(
      words.literals.map((value): Expr => ({ kind: 'literal', value })),
      fc.record({
        kind: fc.constant('attribute' as const),
        name: words.names,
        base: fc.constant(null),
        absolute: fc.boolean().map((absolute) => absolute && false),
      }),
    ),
    tree: fc.oneof(
      { maxDepth: depth, depthSize: 'small', withCrossShrink: true },
      tie('leaf'),
      fc.record({
        kind: fc.constant('binary' as const),
        operator: fc.constantFrom(...binaryOperators),
        left: tie('tree'),
        right: tie('tree'),
      }),
      fc.record({
        kind: fc.constant('unary' as const),
        operator: fc.constantFrom<UnaryOperator>('-', '+', '!', '~'),
        operand: tie('tree'),
      }),
      fc.record({
        kind: fc.constant('conditional' as const),
        test: tie('tree'),
        then: tie('tree'),
        otherwise: tie('tree'),
      }),
      fc.record({ kind: fc.constant('elvis' as const), left: tie('tree'), right: tie('tree') }),
      fc.record({ kind: fc.constant('parentheses' as const), inner: tie('tree') }),
      fc.record({ kind: fc.constant('subscript' as const), base: tie('tree'), index: tie('tree') }),
      fc.record({
        kind: fc.constant('attribute' as const),
        name: words.names,
        base: tie('tree'),
        absolute: fc.constant(false),
      }),
      words.functions.chain(([name, count]) =>
        fc.record({
          kind: fc.constant('call' as const),
          name: fc.constant(name),
          args: fc.array(tie('tree'), { minLength: count, maxLength: count }),
        }),
      ),
      fc.record({
        kind: fc.constant('list' as const),
        items: fc.array(tie('tree'), { maxLength: 4 }),
      }),
      fc
        .dictionary(fc.constantFrom('a', 'b', 'x y', 'Z'), tie('tree'), { maxKeys: 3 })
        .map((attributes): Expr => ({
          kind: 'ad',
          attributes: Object.entries(attributes)
            .map(([name, value]) => ({ name, value }))
            .sort((left, right) => compareNames(left.name, right.name)),
        })),
    ),
  }));
  return tree;
}
