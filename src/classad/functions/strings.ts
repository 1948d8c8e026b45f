/** Functions of strings. */
import type { Expr } from '../ast.js';
import { byteLength, compareBytes, lowerCase, sliceBytes, upperCase } from '../bytes.js';
import { toText, wrapped32 } from '../convert.js';
import { Failure } from '../failure.js';
import { errorValue, isList, listOf } from '../value.js';
import type { Value } from '../value.js';
import { areStrings, ofValue, ofValues, textOf } from './function.js';
import type { ClassAdFunction, Evaluator } from './function.js';
import { compareVersions } from './versions.js';

/** Refuses strings that would fill the memory; what was added last is what it cost. */
export function bounded(text: string, added: number, evaluator: Evaluator): string {
  if (text.length > evaluator.limits.maxStringBytes) throw new Failure();
  evaluator.spend(added);
  return text;
}

const strcat: ClassAdFunction = (args, evaluator) => {
  let text = '';
  for (const arg of args) {
    const part = toText(evaluator.evaluate(arg));
    if (typeof part !== 'string') return part;
    text = bounded(text + part, part.length, evaluator);
  }
  return text;
};

/** The first argument between the others, or between the items of a list that is the last of one or two. */
const join: ClassAdFunction = (args, evaluator) => {
  const last = args.length <= 2 ? args.at(-1) : undefined;
  if (last === undefined) return joined(args, evaluator);
  const before = args.slice(0, -1);
  const value = evaluator.orError(() => evaluator.evaluate(last));
  if (isList(value)) return joined([before[0] ?? '', ...value.items], evaluator);
  // One that failed fails in its turn: an error before it comes first.
  return joined([...before, value === errorValue ? last : value], evaluator);
};

/** Undefined parts are left out; nothing but undefined parts is undefined. */
function joined(parts: readonly (Expr | Value)[], evaluator: Evaluator): Value {
  let [text, separator] = ['', ''];
  let [defined, missing] = [false, false];
  for (const [at, part] of parts.entries()) {
    const value = toText(evaluator.item(part));
    if (value === errorValue) return errorValue;
    if (typeof value !== 'string') {
      missing = true;
    } else if (at === 0) {
      separator = value;
    } else {
      const added = text === '' ? value : separator + value;
      text = bounded(text + added, added.length, evaluator);
      defined = true;
    }
  }
  return missing && !defined ? null : text;
}

const changeCase = (change: (text: string) => string): ClassAdFunction =>
  ofValue((value, evaluator) => {
    const text = textOf(value, evaluator);
    return typeof text === 'string' ? change(text) : text;
  });

const substr = ofValues(2, 3, (values) => {
  if (values.includes(null)) return null;
  const [text, from, size = 0n] = values;
  if (typeof text !== 'string' || typeof from !== 'bigint' || typeof size !== 'bigint') {
    return errorValue;
  }
  const length = byteLength(text);
  const offset = wrapped32(from);
  const start = offset < 0 ? Math.max(0, length + offset) : Math.min(offset, length);
  const wanted = wrapped32(size);
  if (values.length === 3 && wanted === 0) return '';
  const rest = length - start;
  const taken = wanted > 0 ? Math.min(wanted, rest) : Math.max(0, rest + wanted);
  return sliceBytes(text, start, start + taken);
});

/** Two texts, or undefined where one is, or error. */
const ofTexts = (body: (left: string, right: string) => Value): ClassAdFunction =>
  ofValues(2, 2, ([left = null, right = null], evaluator) => {
    if (left === null || right === null) return null;
    const [first, second] = [textOf(left, evaluator), textOf(right, evaluator)];
    return typeof first === 'string' && typeof second === 'string'
      ? body(first, second)
      : errorValue;
  });

const versionInRange = ofValues(3, 3, ([version = null, least = null, most = null], evaluator) => {
  if (least === null || most === null) return null;
  const texts = [version, least, most].map((value) => textOf(value, evaluator));
  const [text, low, high] = texts;
  if (typeof text !== 'string' || typeof low !== 'string' || typeof high !== 'string') {
    return errorValue;
  }
  return compareVersions(low, text) <= 0 && compareVersions(text, high) <= 0;
});

const splitAt = (alone: 'first' | 'last'): ClassAdFunction =>
  ofValues(1, 1, ([value = null]) => {
    if (typeof value !== 'string') return errorValue;
    const at = value.indexOf('@');
    if (at === -1) return listOf(alone === 'first' ? [value, ''] : ['', value]);
    return listOf([value.slice(0, at), value.slice(at + 1)]);
  });

/** An empty item stands between two separators that are alike and not blank. */
const split = ofValues(1, 2, (values) => {
  if (!areStrings(values)) return errorValue;
  const [text = '', separators = ', \t'] = values;
  const items: string[] = [];
  let start = 0;
  let before = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (!separators.includes(char)) continue;
    if (at > start) items.push(text.slice(start, at));
    else if (before === char) items.push('');
    if (!/[ \t\n\v\f\r]/.test(char)) before = char;
    start = at + 1;
  }
  if (start < text.length) items.push(text.slice(start));
  return listOf(items);
});

export const stringFunctions: Readonly<Record<string, ClassAdFunction>> = {
  strcat,
  join,
  toupper: changeCase(upperCase),
  tolower: changeCase(lowerCase),
  substr,
  strcmp: ofTexts((left, right) => BigInt(compareBytes(left, right))),
  stricmp: ofTexts((left, right) => BigInt(compareBytes(lowerCase(left), lowerCase(right)))),
  versioncmp: ofTexts((left, right) => BigInt(compareVersions(left, right))),
  versionle: ofTexts((left, right) => compareVersions(left, right) <= 0),
  versionlt: ofTexts((left, right) => compareVersions(left, right) < 0),
  versionge: ofTexts((left, right) => compareVersions(left, right) >= 0),
  versiongt: ofTexts((left, right) => compareVersions(left, right) > 0),
  versioneq: ofTexts((left, right) => compareVersions(left, right) === 0),
  version_in_range: versionInRange,
  splitusername: splitAt('first'),
  splitslotname: splitAt('last'),
  split,
};
