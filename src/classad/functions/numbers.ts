/** Functions of two numbers, and chance. */
import { toReal, truncated, wrapped, wrapped32 } from '../convert.js';
import { Failure } from '../failure.js';
import { errorValue, isList } from '../value.js';
import type { Value } from '../value.js';
import { ofValues } from './function.js';
import type { ClassAdFunction } from './function.js';

const pow = ofValues(2, 2, ([base = null, exponent = null]) => {
  if (typeof base === 'bigint' && typeof exponent === 'bigint' && exponent >= 0n) {
    return truncated(power(Number(base), Number(exponent)) + 0.5);
  }
  const [real, by] = [toReal(base), toReal(exponent)];
  return typeof real === 'number' && typeof by === 'number' ? power(real, by) : errorValue;
});

/** C gives 1 where JavaScript gives NaN. */
const power = (base: number, exponent: number): number =>
  base === 1 || (base === -1 && Math.abs(exponent) === Infinity) ? 1 : base ** exponent;

const quantize = ofValues(2, 2, ([value = null, base = null], evaluator) => {
  const real = toReal(value);
  if (typeof real !== 'number') return errorValue;
  return isList(base)
    ? quantizeByList(
        value,
        real,
        base.items.map((item) => evaluator.item(item)),
      )
    : quantizeBy(value, real, base);
});

/** The first that is large enough, else multiples of the last. */
function quantizeByList(value: Value, real: number, steps: readonly Value[]): Value {
  for (const step of steps) {
    const size = toReal(step);
    if (typeof size !== 'number') return errorValue;
    if (size >= real) return step;
  }
  return quantizeBy(value, real, steps.at(-1) ?? 0);
}

function quantizeBy(value: Value, real: number, base: Value): Value {
  const size = toReal(base);
  if (typeof size !== 'number') return errorValue;
  if (typeof base === 'bigint') {
    if (base === 0n) return value;
    if (typeof value !== 'bigint') return Math.ceil(real / size) * size;
    return wrapped((wrapped(value + base - 1n) / base) * base);
  }
  return Math.abs(size) <= 1e-8 ? value : Math.ceil(real / size) * size;
}

const random = ofValues(0, 1, ([most = 1]) => {
  if (typeof most === 'bigint') {
    const integer = wrapped32(most);
    if (integer <= 0) throw new Failure();
    return BigInt(Math.floor(Math.random() * integer));
  }
  if (typeof most !== 'number') return errorValue;
  if (most <= 0) throw new Failure();
  return Math.random() * most;
});

export const numberFunctions: Readonly<Record<string, ClassAdFunction>> = { pow, quantize, random };
