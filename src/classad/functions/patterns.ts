/** Functions of regular expressions. */
import { compileRegex } from '../regex/regex.js';
import type { Regex } from '../regex/regex.js';
import { errorValue, isList } from '../value.js';
import type { Value } from '../value.js';
import { ofValues } from './function.js';
import type { ClassAdFunction, Evaluator } from './function.js';
import { bounded } from './strings.js';

/** Error wins over undefined; null: go on. */
function strict(values: readonly Value[]): { readonly result: Value } | null {
  if (values.includes(errorValue)) return { result: errorValue };
  return values.includes(null) ? { result: null } : null;
}

const regexp = ofValues(2, 3, (values, evaluator) => {
  const [pattern, subject, options = ''] = values;
  const exception = strict(values);
  if (exception !== null) return exception.result;
  if (typeof pattern !== 'string' || typeof subject !== 'string' || typeof options !== 'string') {
    return errorValue;
  }
  const regex = compileRegex(pattern, options, evaluator);
  return typeof regex === 'string' ? errorValue : regex.test(subject, evaluator);
});

const regexpMember = ofValues(2, 3, (values, evaluator) => {
  const [pattern, list = null, options = ''] = values;
  const exception = strict(values);
  if (exception !== null) return exception.result;
  if (typeof pattern !== 'string' || !isList(list) || typeof options !== 'string') {
    return errorValue;
  }
  const regex = compileRegex(pattern, options, evaluator);
  // HTCondor finds nothing with a wrong pattern; one that is refused here might match there.
  if (regex === 'refused') return errorValue;
  let missing = false;
  for (const item of list.items) {
    const subject = evaluator.orError(() => evaluator.item(item));
    if (subject === null) missing = true;
    else if (typeof subject !== 'string') return errorValue;
    else if (regex !== 'wrong' && regex.test(subject, evaluator)) return true;
  }
  return missing ? null : false;
});

/** `f`: the whole subject with what was replaced; `g`: every match. */
const substitute = (added: string): ClassAdFunction =>
  ofValues(3, 4, (values, evaluator) => {
    const [pattern, subject, replacement, options = ''] = values;
    const exception = strict(values);
    if (exception !== null) return exception.result;
    if (
      typeof pattern !== 'string' ||
      typeof subject !== 'string' ||
      typeof replacement !== 'string' ||
      typeof options !== 'string'
    ) {
      return errorValue;
    }
    const all = options + added;
    const regex = compileRegex(pattern, all, evaluator);
    if (typeof regex === 'string') return errorValue;
    const text = replaced(regex, bytes(subject), bytes(replacement), all, evaluator);
    return text === null ? errorValue : Buffer.from(text, 'latin1').toString();
  });

const bytes = (text: string): string => Buffer.from(text).toString('latin1');

/** Null where the replacement names a group that took no part, or nothing was matched at the end. */
function replaced(
  regex: Regex,
  subject: string,
  replacement: string,
  options: string,
  evaluator: Evaluator,
): string | null {
  const whole = options.includes('f');
  let output = '';
  let at = 0;
  let afterEmpty = false;
  do {
    const match = regex.match(subject, { start: at, anchoredAndNotEmpty: afterEmpty }, evaluator);
    if (match === null) {
      if (!afterEmpty) break;
      // HTCondor then looks beyond the end, which is an error.
      if (at >= subject.length) return null;
      output += subject.charAt(at);
      at += 1;
      afterEmpty = false;
      continue;
    }
    const [start = at, end = at] = match;
    if (whole) output += subject.slice(at, start);
    const inserted = expanded(replacement, subject, match);
    if (inserted === null) return null;
    output = bounded(output + inserted, start - at + inserted.length, evaluator);
    at = end;
    afterEmpty ||= start === end;
  } while (options.includes('g'));
  return whole ? output + subject.slice(at) : output;
}

/** `\0` to `\9` are groups; any other backslash is itself. */
function expanded(replacement: string, subject: string, match: readonly number[]): string | null {
  let last = 0;
  for (let group = 0; group * 2 < match.length; group += 1) {
    if ((match[group * 2] ?? -1) >= 0) last = group;
  }
  let missing = false;
  const text = replacement.replace(/\\(\d)/g, (_, digit: string) => {
    const group = Number(digit);
    if (group > last) missing = true;
    const start = match[group * 2] ?? -1;
    return start < 0 ? '' : subject.slice(start, match[group * 2 + 1]);
  });
  return missing ? null : text;
}

export const patternFunctions: Readonly<Record<string, ClassAdFunction>> = {
  regexp,
  regexpmember: regexpMember,
  regexps: substitute(''),
  replace: substitute('f'),
  replaceall: substitute('fg'),
};
