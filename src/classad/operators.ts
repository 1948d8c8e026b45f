/** Operators on values: three-valued logic, promotion of numbers, integers of 64 bits that wrap around. */
import type {
  ArithmeticOperator,
  BinaryOperator,
  BitwiseOperator,
  ComparisonOperator,
  UnaryOperator,
} from './ast.js';
import { compareBytes, lowerCase } from './bytes.js';
import { wrapped } from './convert.js';
import { errorValue, isAbsTime, isAd, isError, isList, isRelTime, truth } from './value.js';
import type { Value } from './value.js';
import { addTimes, subtractTimes, scaleTime } from './time-arithmetic.js';

export function operate(operator: BinaryOperator, left: Value, right: Value): Value {
  switch (operator) {
    case '||':
      return or(left, right);
    case '&&':
      return and(left, right);
    case 'is':
    case 'isnt':
      return identity(operator, left, right);
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return strict(left, right, compare, operator);
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return strict(left, right, arithmetic, operator);
    case '|':
    case '^':
    case '&':
    case '<<':
    case '>>':
    case '>>>':
      return strict(left, right, bitwise, operator);
    default:
      return operator satisfies never;
  }
}

/** `error` wins over undefined, which wins over the rest. */
function strict<Operator>(
  left: Value,
  right: Value,
  body: (operator: Operator, left: Value, right: Value) => Value,
  operator: Operator,
): Value {
  if (left === errorValue || right === errorValue) return errorValue;
  return left === null || right === null ? null : body(operator, left, right);
}

/** A number as it is after it was compared with another one: HTCondor keeps what it was promoted to. */
export function promoted(value: Value, other: Value): Value {
  const [number, beside] = [numeric(value), numeric(other)];
  if (number === null || beside === null) return value;
  return typeof beside === 'number' ? Number(number) : number;
}

export function operateUnary(operator: UnaryOperator, value: Value): Value {
  if (value === null || value === errorValue) return value;
  switch (operator) {
    case '+':
      return typeof value === 'bigint' || typeof value === 'number' || isRelTime(value)
        ? value
        : errorValue;
    case '-':
      if (typeof value === 'bigint') return wrapped(-value);
      if (typeof value === 'number') return -value;
      return isRelTime(value) ? { ...value, secs: -value.secs } : errorValue;
    case '~':
      return typeof value === 'bigint' ? ~value : errorValue;
    case '!': {
      const bool = truth(value);
      return bool === null ? errorValue : !bool;
    }
    default:
      return operator satisfies never;
  }
}

/** Undefined, error or a boolean; null of this function: no operand of logic. */
function logical(value: Value): Value | undefined {
  return value === null || value === errorValue ? value : (truth(value) ?? undefined);
}

function or(left: Value, right: Value): Value {
  const [first, second] = [logical(left), logical(right)];
  if (first === true) return true;
  if (first === undefined || second === undefined) return errorValue;
  if (first === errorValue) return errorValue;
  if (first === false || typeof second !== 'boolean') return second;
  return second ? true : null;
}

function and(left: Value, right: Value): Value {
  const [first, second] = [logical(left), logical(right)];
  if (first === false) return false;
  if (first === undefined || second === undefined) return errorValue;
  if (first === errorValue) return errorValue;
  if (first === true || typeof second !== 'boolean') return second;
  return second ? null : false;
}

/** Same type and same value, strings with regard to case. */
function identity(operator: 'is' | 'isnt', left: Value, right: Value): Value {
  const same = identical(left, right);
  if (isError(same)) return same;
  return operator === 'is' ? same : !same;
}

function identical(left: Value, right: Value): boolean | typeof errorValue {
  if (typeof left !== 'object' || typeof right !== 'object') return left === right;
  if (left === null || right === null) return left === right;
  if (isAbsTime(left) && isAbsTime(right)) {
    return left.secs === right.secs && left.offsetSecs === right.offsetSecs;
  }
  if (isRelTime(left) && isRelTime(right)) return left.secs === right.secs;
  if (left.type !== right.type) return false;
  if (isList(left) && isList(right) && (left.scope === null) !== (right.scope === null)) {
    return false;
  }
  return isError(left) ? true : errorValue;
}

type Order = Exclude<ComparisonOperator, 'is' | 'isnt'>;

function compare(operator: Order, left: Value, right: Value): Value {
  if (typeof left === 'string' && typeof right === 'string') {
    return holds(operator, compareTexts(operator, left, right));
  }
  if (isAbsTime(left) && isAbsTime(right)) return holds(operator, left.secs - right.secs);
  if (isRelTime(left) && isRelTime(right)) return holds(operator, left.secs - right.secs);
  const [first, second] = [numeric(left), numeric(right)];
  if (first === null || second === null) return errorValue;
  if (typeof first === 'bigint' && typeof second === 'bigint') {
    return holds(operator, first < second ? -1 : first > second ? 1 : 0);
  }
  return holds(operator, difference(Number(first), Number(second)));
}

/** Without regard to the case of ASCII letters, which changes no length. */
function compareTexts(operator: Order, left: string, right: string): number {
  if (left === right) return 0;
  if ((operator === '==' || operator === '!=') && left.length !== right.length) return 1;
  return compareBytes(lowerCase(left), lowerCase(right));
}

/** NaN where either is. */
function difference(left: number, right: number): number {
  if (left === right) return 0;
  if (left < right) return -1;
  return left > right ? 1 : NaN;
}

function holds(operator: Order, order: number): boolean {
  switch (operator) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    default:
      return operator satisfies never;
  }
}

/** A boolean counts as 0 or 1. */
function numeric(value: Value): bigint | number | null {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return typeof value === 'boolean' ? BigInt(value) : null;
}

function arithmetic(operator: ArithmeticOperator, left: Value, right: Value): Value {
  if (isAd(left) || isAd(right) || isList(left) || isList(right)) return errorValue;
  if (isAbsTime(left) || isAbsTime(right) || isRelTime(left) || isRelTime(right)) {
    return timeArithmetic(operator, left, right);
  }
  const [first, second] = [numeric(left), numeric(right)];
  if (first === null || second === null) return errorValue;
  if (typeof first === 'bigint' && typeof second === 'bigint') {
    return integerArithmetic(operator, first, second);
  }
  return realArithmetic(operator, Number(first), Number(second));
}

function timeArithmetic(operator: ArithmeticOperator, left: Value, right: Value): Value {
  switch (operator) {
    case '+':
      return addTimes(left, right);
    case '-':
      return subtractTimes(left, right);
    case '*':
    case '/':
      return scaleTime(operator, left, right);
    case '%':
      return errorValue;
    default:
      return operator satisfies never;
  }
}

const largest = 2n ** 63n - 1n;

function integerArithmetic(operator: ArithmeticOperator, left: bigint, right: bigint): Value {
  switch (operator) {
    case '+':
      return wrapped(left + right);
    case '-':
      return wrapped(left - right);
    case '*':
      return wrapped(left * right);
    case '/': {
      if (right === 0n) return errorValue;
      const quotient = left / right;
      return quotient > largest ? largest : quotient;
    }
    case '%':
      return right === 0n ? errorValue : left % right;
    default:
      return operator satisfies never;
  }
}

/** What grows beyond the reals is an error, but only upwards. */
function realArithmetic(operator: ArithmeticOperator, left: number, right: number): Value {
  const result = realResult(operator, left, right);
  return result === Infinity || result === null ? errorValue : result;
}

function realResult(operator: ArithmeticOperator, left: number, right: number): number | null {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '%':
      return null;
    default:
      return operator satisfies never;
  }
}

function bitwise(operator: BitwiseOperator, left: Value, right: Value): Value {
  if (typeof left !== 'bigint' || typeof right !== 'bigint') return errorValue;
  switch (operator) {
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '&':
      return left & right;
    case '<<':
      return wrapped(left << (right & 63n));
    case '>>':
      if (left >= 0n) return left >> (right & 63n);
      return right <= 0n ? left : left >> (right > 63n ? 63n : right);
    case '>>>':
      if (left >= 0n) return left >> (right & 63n);
      return (BigInt.asUintN(64, left) >> 1n) >> ((right - 1n) & 63n);
    default:
      return operator satisfies never;
  }
}
