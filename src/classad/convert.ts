/** Values made into integers, reals and texts, by the rules of `int()`, `real()` and `string()`. */
import type { Expr, LiteralValue } from './ast.js';
import { literal } from './ast.js';
import { print } from './print.js';
import { nameText } from './quote.js';
import type { Syntax } from './lexer.js';
import { compareNames } from './scope.js';
import type { AdScope } from './scope.js';
import { absTimeText, relTimeText } from './time-text.js';
import { errorValue, isExpr, relTime } from './value.js';
import type { ErrorValue, Value } from './value.js';

const smallest = -(2n ** 63n);

/** The part before the point; what 64 bits can't hold is the smallest integer, as on x86. */
export function truncated(real: number): bigint {
  if (!(Math.abs(real) < 2 ** 63)) return smallest;
  return BigInt(Math.trunc(real));
}

/** 64 bits, with wrap-around. */
export const wrapped = (integer: bigint): bigint => BigInt.asIntN(64, integer);

/** The same for 32 bits. */
export const truncated32 = (real: number): number =>
  Math.abs(real) < 2 ** 31 ? Math.trunc(real) : -(2 ** 31);

/** As HTCondor reads integers into 32 bits where it counts or indexes. */
export const wrapped32 = (integer: bigint): number => Number(BigInt.asIntN(32, integer));

export function toReal(value: Value): number | null | ErrorValue {
  switch (typeof value) {
    case 'number':
      return value;
    case 'bigint':
      return Number(value);
    case 'boolean':
      return value ? 1 : 0;
    case 'string':
      return leadingReal(value) ?? errorValue;
    case 'object':
      break;
    default:
      return value satisfies never;
  }
  if (value === null) return null;
  if (value.type === 'absTime') return value.secs;
  return value.type === 'relTime' ? Math.trunc(value.secs) : errorValue;
}

export function toInteger(value: Value): bigint | null | ErrorValue {
  if (typeof value === 'bigint') return value;
  const real = toReal(value);
  if (typeof real !== 'number') return real;
  // HTCondor goes from text through a real to an integer, and through a real once more.
  return typeof value === 'string' ? truncated(Number(truncated(real))) : truncated(real);
}

const number =
  /^[ \t\n\v\f\r]*([+-]?)(?:(inf(?:inity)?)|(nan)|0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p([+-]?\d+))?|(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?))/i;

/** The number a text begins with, as C's `strtod` finds it; null where it begins with none. */
export function leadingReal(text: string): number | null {
  const found = number.exec(text);
  if (found === null) return null;
  const [, sign, infinite, nan, hex, power, decimal] = found;
  let size = Number(decimal);
  if (infinite !== undefined) size = Infinity;
  else if (nan !== undefined) size = NaN;
  else if (hex !== undefined) size = hexReal(hex) * 2 ** Number(power ?? 0);
  return sign === '-' ? -size : size;
}

function hexReal(digits: string): number {
  const [whole = '', fraction = ''] = digits.split('.');
  return parseInt(`0${whole}${fraction}`, 16) / 16 ** fraction.length;
}

/** The text of a string is itself; of all else as HTCondor prints it. Null and error stay. */
export function toText(value: Value): string | null | ErrorValue {
  if (value === null || value === errorValue) return value;
  if (typeof value === 'string') return value;
  if (typeof value === 'object') {
    if (value.type === 'absTime') return absTimeText(value);
    if (value.type === 'relTime') return relTimeText(relTime(Math.trunc(value.secs)));
  }
  return valueText(value);
}

/** A value as HTCondor prints it, strings in quotes; items of lists stay unevaluated. */
export function valueText(value: Value, syntax: Syntax = 'new'): string {
  if (typeof value !== 'object' || value === null) return literalText(value, syntax);
  switch (value.type) {
    case 'error':
    case 'absTime':
    case 'relTime':
      return literalText(value, syntax);
    case 'list':
      return `{ ${value.items.map((item) => contentText(item, syntax)).join(',')} }`;
    case 'ad':
      return adText(value.scope.ad, syntax);
    default:
      return value satisfies never;
  }
}

export const contentText = (content: Expr | Value, syntax: Syntax = 'new'): string =>
  isExpr(content) ? print(content, { syntax, form: 'condor' }) : valueText(content, syntax);

const literalText = (value: LiteralValue, syntax: Syntax): string =>
  print(literal(value), { syntax, form: 'condor' });

function adText(ad: AdScope, syntax: Syntax): string {
  const attributes = [...ad.names()].sort(compareNames).map((name) => {
    const content = ad.lookup(name) ?? null;
    return `${nameText(name, 'new', false)} = ${contentText(content, syntax)}`;
  });
  return `[ ${attributes.join('; ')} ]`;
}
