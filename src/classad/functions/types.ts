/** Functions that tell the type of a value or change it. */
import { lowerCase } from '../bytes.js';
import { toInteger, toReal, truncated } from '../convert.js';
import { errorValue, isAbsTime, isAd, isList, isRelTime } from '../value.js';
import type { Value } from '../value.js';
import { ofValue, textOf } from './function.js';
import type { ClassAdFunction } from './function.js';

const isType = (test: (value: Value) => boolean): ClassAdFunction => ofValue(test);

function bool(value: Value): Value {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return value !== 0n;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'string') {
    const lower = lowerCase(value);
    if (lower === 'true') return true;
    return lower === 'false' ? false : null;
  }
  return isRelTime(value) ? Math.trunc(value.secs) !== 0 : errorValue;
}

/** An integer stays what it is; all else goes through a real. */
const rounded = (round: (real: number) => number): ClassAdFunction =>
  ofValue((value) => {
    if (typeof value === 'bigint') return value;
    const real = toReal(value);
    return typeof real === 'number' ? truncated(round(real)) : errorValue;
  });

/** To the next integer, halves to the even one. */
function toEven(real: number): number {
  const down = Math.floor(real);
  if (real - down !== 0.5) return Math.round(real);
  return down % 2 === 0 ? down : down + 1;
}

export const typeFunctions: Readonly<Record<string, ClassAdFunction>> = {
  isundefined: isType((value) => value === null),
  iserror: isType((value) => value === errorValue),
  isstring: isType((value) => typeof value === 'string'),
  isinteger: isType((value) => typeof value === 'bigint'),
  isreal: isType((value) => typeof value === 'number'),
  isboolean: isType((value) => typeof value === 'boolean'),
  islist: isType(isList),
  isclassad: isType(isAd),
  isabstime: isType(isAbsTime),
  isreltime: isType(isRelTime),
  int: ofValue(toInteger),
  real: ofValue(toReal),
  string: ofValue(textOf),
  bool: ofValue(bool),
  floor: rounded(Math.floor),
  ceil: rounded(Math.ceil),
  ceiling: rounded(Math.ceil),
  round: rounded(toEven),
};
