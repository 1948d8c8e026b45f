/** The tree of a ClassAd expression: plain, immutable nodes, equal where their structure is equal. */
import type { AbsTime, ErrorValue, RelTime } from './value.js';

/** A value that stands in a text as it is. `bigint` is an integer, `number` a real, `null` undefined. */
export type LiteralValue =
  boolean | bigint | number | string | null | ErrorValue | AbsTime | RelTime;

export interface Literal {
  readonly kind: 'literal';
  readonly value: LiteralValue;
}

/** `name`, `.name` (absolute) or `base.name`. */
export interface AttributeReference {
  readonly kind: 'attribute';
  readonly name: string;
  readonly base: Expr | null;
  readonly absolute: boolean;
}

export type UnaryOperator = '-' | '+' | '!' | '~';

export interface Unary {
  readonly kind: 'unary';
  readonly operator: UnaryOperator;
  readonly operand: Expr;
}

export type ComparisonOperator = '<' | '<=' | '!=' | '==' | '>=' | '>' | 'is' | 'isnt';
export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%';
export type BitwiseOperator = '|' | '^' | '&' | '<<' | '>>' | '>>>';
export type BinaryOperator =
  '||' | '&&' | ComparisonOperator | ArithmeticOperator | BitwiseOperator;

export interface Binary {
  readonly kind: 'binary';
  readonly operator: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
}

/** `test ? then : otherwise`. */
export interface Conditional {
  readonly kind: 'conditional';
  readonly test: Expr;
  readonly then: Expr;
  readonly otherwise: Expr;
}

/** `left ?: right`: the left side where it is not undefined. */
export interface Elvis {
  readonly kind: 'elvis';
  readonly left: Expr;
  readonly right: Expr;
}

export interface Subscript {
  readonly kind: 'subscript';
  readonly base: Expr;
  readonly index: Expr;
}

/** Parentheses as they were written: HTCondor keeps them, and `unparse()` shows them. */
export interface Parentheses {
  readonly kind: 'parentheses';
  readonly inner: Expr;
}

export interface FunctionCall {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Expr[];
}

export interface ListExpr {
  readonly kind: 'list';
  readonly items: readonly Expr[];
}

export interface AdAttribute {
  readonly name: string;
  readonly value: Expr;
}

/** `[ name = value; … ]`; of two attributes of one name the last one counts. */
export interface AdExpr {
  readonly kind: 'ad';
  readonly attributes: readonly AdAttribute[];
}

export type Expr =
  | Literal
  | AttributeReference
  | Unary
  | Binary
  | Conditional
  | Elvis
  | Subscript
  | Parentheses
  | FunctionCall
  | ListExpr
  | AdExpr;

export const literal = (value: LiteralValue): Literal => ({ kind: 'literal', value });

export const attribute = (name: string, base: Expr | null = null): AttributeReference => ({
  kind: 'attribute',
  name,
  base,
  absolute: false,
});

export const call = (name: string, ...args: readonly Expr[]): FunctionCall => ({
  kind: 'call',
  name,
  args,
});

export const binary = (operator: BinaryOperator, left: Expr, right: Expr): Binary => ({
  kind: 'binary',
  operator,
  left,
  right,
});

/** The operand itself where it already stands in parentheses or needs none. */
export const parentheses = (inner: Expr): Expr =>
  inner.kind === 'parentheses' || isPostfix(inner) ? inner : { kind: 'parentheses', inner };

/** Whether every version reads the text of this as one operand, whatever operator stands beside it. */
export function isPostfix(expr: Expr): boolean {
  switch (expr.kind) {
    case 'literal':
    case 'attribute':
    case 'subscript':
    case 'parentheses':
    case 'call':
    case 'list':
    case 'ad':
      return true;
    case 'unary':
    case 'binary':
    case 'conditional':
    case 'elvis':
      return false;
    default:
      return expr satisfies never;
  }
}
