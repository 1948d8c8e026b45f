/** Functions of strings that hold lists: `"a, b, c"`. */
import { lowerCase } from '../bytes.js';
import { leadingReal, truncated } from '../convert.js';
import { compileRegex } from '../regex/regex.js';
import { errorValue } from '../value.js';
import type { Value } from '../value.js';
import { areStrings, ofValues, spendOn } from './function.js';
import type { ClassAdFunction } from './function.js';

/** Parts between any of the delimiters, without blanks around them; empty ones don't count. */
export function itemsOf(list: string, delimiters: string): string[] {
  const items: string[] = [];
  let start = -1;
  let end = -1;
  for (let at = 0; at <= list.length; at += 1) {
    const char = list.charAt(at);
    if (char !== '' && !delimiters.includes(char)) {
      if (isBlank(list.charCodeAt(at))) continue;
      if (start === -1) start = at;
      end = at + 1;
    } else if (start !== -1) {
      items.push(list.slice(start, end));
      start = -1;
    }
  }
  return items;
}

const isBlank = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

const size = ofValues(1, 2, (values) => {
  if (!areStrings(values)) return errorValue;
  const [list = '', delimiters = ', '] = values;
  return BigInt(itemsOf(list, delimiters).length);
});

/** `least` and `most` start where C's FLT_MAX and FLT_MIN are, which small numbers show. */
const starts = { sum: 0, avg: 0, min: 3.4028234663852886e38, max: 1.1754943508222875e-38 };

const combine = {
  sum: (total: number, item: number) => total + item,
  avg: (total: number, item: number) => total + item,
  min: (least: number, item: number) => (item < least ? item : least),
  max: (most: number, item: number) => (item > most ? item : most),
};

const summary = (kind: keyof typeof starts): ClassAdFunction =>
  ofValues(1, 2, (values) => {
    if (!areStrings(values)) return errorValue;
    const [list = '', delimiters = ', '] = values;
    const items = itemsOf(list, delimiters);
    if (items.length === 0) return kind === 'sum' || kind === 'avg' ? 0 : null;
    let result = starts[kind];
    for (const item of items) {
      const number = leadingReal(item);
      if (number === null) return errorValue;
      result = combine[kind](result, number);
    }
    if (kind === 'avg') result /= items.length;
    return items.every((item) => /^[-+0-9]*$/.test(item)) ? truncated(result) : result;
  });

/** Undefined counts as an empty string, but not where both are. */
const membership = (
  body: (wanted: string, list: readonly string[], delimiters: string) => boolean,
  fold: (text: string) => string,
): ClassAdFunction =>
  ofValues(2, 3, (values) => {
    const [wanted, list, delimiters] = values;
    const texts = values.map((value, at) => value ?? (at === 2 ? defaultDelimiters : ''));
    if (!areStrings(texts)) return errorValue;
    if (wanted === null && list === null) return null;
    const [item = '', whole = '', cuts = defaultDelimiters] = texts;
    const by = delimiters === undefined ? defaultDelimiters : cuts;
    return body(fold(item), itemsOf(fold(whole), by), by);
  });

const defaultDelimiters = ', \t\r\n';

const isMember = (wanted: string, list: readonly string[]): boolean => list.includes(wanted);

function isSubset(wanted: string, list: readonly string[], delimiters: string): boolean {
  if (wanted === '') return true;
  const items = itemsOf(wanted, delimiters);
  const known = new Set(list);
  return items.length > 0 && items.every((item) => known.has(item));
}

const same = (text: string): string => text;

const regexpMember = ofValues(2, 4, (values, evaluator): Value => {
  if (!areStrings(values)) return errorValue;
  const [pattern = '', list = '', delimiters = ', ', options = ''] = values;
  const regex = compileRegex(pattern, lowerCase(options), evaluator);
  if (typeof regex === 'string') return errorValue;
  const items = itemsOf(list, delimiters);
  return items.length === 0 ? null : items.some((item) => regex.test(item, evaluator));
});

/** The one function of these for which an argument that fails is an error, and not the end of all. */
const intersect: ClassAdFunction = (args, evaluator) => {
  if (args.length < 2 || args.length > 3) return errorValue;
  const values = args.map((arg) => evaluator.orError(() => evaluator.evaluate(arg)));
  spendOn(values, evaluator);
  if (values.includes(errorValue)) return errorValue;
  if (values.includes(null)) return null;
  if (!areStrings(values)) return errorValue;
  const [left = '', right = '', delimiters = ''] = values;
  const by = delimiters === '' ? ' ,' : delimiters;
  const others = new Set(cut(right, by));
  return cut(left, by).some((item) => others.has(item));
};

/** Blanks around items stay, unlike in the other functions. */
function cut(list: string, delimiters: string): string[] {
  const items: string[] = [];
  let item = '';
  for (const char of list) {
    if (!delimiters.includes(char)) {
      item += char;
    } else {
      items.push(item);
      item = '';
    }
  }
  return [...items, item].filter((part) => part !== '');
}

export const stringListFunctions: Readonly<Record<string, ClassAdFunction>> = {
  stringlistsize: size,
  stringlistsum: summary('sum'),
  stringlistavg: summary('avg'),
  stringlistmin: summary('min'),
  stringlistmax: summary('max'),
  stringlistmember: membership(isMember, same),
  stringlistimember: membership(isMember, lowerCase),
  stringlistsubsetmatch: membership(isSubset, same),
  stringlistisubsetmatch: membership(isSubset, lowerCase),
  stringlist_regexpmember: regexpMember,
  stringlistsintersect: intersect,
};
