/** Sums, differences and multiples of instants and durations; every other combination is an error. */
import { errorValue, isAbsTime, isRelTime, relTime } from './value.js';
import type { Value } from './value.js';

export function addTimes(left: Value, right: Value): Value {
  if (isAbsTime(left) && isRelTime(right)) {
    return { ...left, secs: left.secs + Math.trunc(right.secs) };
  }
  if (isRelTime(left) && isAbsTime(right)) {
    return { ...right, secs: right.secs + Math.trunc(left.secs) };
  }
  return isRelTime(left) && isRelTime(right) ? relTime(left.secs + right.secs) : errorValue;
}

export function subtractTimes(left: Value, right: Value): Value {
  if (isAbsTime(left) && isAbsTime(right)) return relTime(left.secs - right.secs);
  if (isAbsTime(left) && isRelTime(right)) {
    return { ...left, secs: left.secs - Math.trunc(right.secs) };
  }
  return isRelTime(left) && isRelTime(right) ? relTime(left.secs - right.secs) : errorValue;
}

export function scaleTime(operator: '*' | '/', left: Value, right: Value): Value {
  const factor = factorOf(right);
  if (isRelTime(left) && factor !== null) {
    return relTime(operator === '*' ? left.secs * factor : left.secs / factor);
  }
  const before = factorOf(left);
  if (operator === '*' && before !== null && isRelTime(right)) return relTime(before * right.secs);
  return errorValue;
}

function factorOf(value: Value): number | null {
  return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : null;
}
