/** Between what an expression evaluates to and the data form of ads. */
import { Expression } from './ad.js';
import type { AdValue, NestedAd } from './ad.js';
import { literal } from './ast.js';
import type { Expr } from './ast.js';
import { valueText } from './convert.js';
import { Evaluation } from './evaluation.js';
import type { EvaluateOptions } from './evaluation.js';
import { parseExpression } from './parser.js';
import type { Value } from './value.js';

/**
 * A value as data, as HTCondor's JSON form has it: error and times are expressions, undefined is null, items of
 * lists and attributes of ads are evaluated as far as they are no lists or ads themselves.
 */
export function toAdValue(value: Value, options: EvaluateOptions = {}): AdValue {
  switch (typeof value) {
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    case 'number':
      return Number.isFinite(value) ? value : new Expression(valueText(value));
    case 'string':
    case 'boolean':
      return value;
    case 'object':
      break;
    default:
      return value satisfies never;
  }
  if (value === null) return null;
  return value.type === 'list' || value.type === 'ad'
    ? composed(value, new Evaluation(options), new Set())
    : new Expression(valueText(value));
}

const mostNesting = 50;

/** An ad that leads back into itself, or nests too deep, ends there as an expression. */
function composed(
  value: Extract<Value, { type: 'list' | 'ad' }>,
  evaluation: Evaluation,
  around: ReadonlySet<unknown>,
): AdValue {
  const place = value.type === 'ad' ? value.scope.ad : value.items;
  if (around.has(place) || around.size > mostNesting) return new Expression('error');
  const inside = new Set([...around, place]);
  const part = (content: Expr | Value): AdValue => {
    const found = evaluation.valueIn(value.scope, content);
    const isComposed =
      typeof found === 'object' && found !== null && (found.type === 'list' || found.type === 'ad');
    return isComposed ? composed(found, evaluation, inside) : toAdValue(found);
  };
  if (value.type === 'list') return value.items.map(part);
  const { ad } = value.scope;
  return Object.fromEntries([...ad.names()].map((name) => [name, part(ad.lookup(name) ?? null)]));
}

/** The expression that stands for a value of the data form. */
export function fromAdValue(value: AdValue): Expr {
  if (value instanceof Expression) return parseExpression(value.text);
  if (typeof value === 'number') {
    return literal(Number.isInteger(value) ? BigInt(value) : value);
  }
  if (typeof value !== 'object' || value === null) return literal(value);
  if (isArray(value)) return { kind: 'list', items: value.map(fromAdValue) };
  return {
    kind: 'ad',
    attributes: Object.entries(value).map(([name, part]) => ({ name, value: fromAdValue(part) })),
  };
}

/** `Array.isArray` for readonly arrays. */
const isArray = (value: readonly AdValue[] | NestedAd): value is readonly AdValue[] =>
  Array.isArray(value);
