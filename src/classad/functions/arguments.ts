/** Functions of argument lists and environments as submit descriptions write them. */
import { compareBytes } from '../bytes.js';
import { wrapped32 } from '../convert.js';
import { errorValue, isList, listOf } from '../value.js';
import type { Value } from '../value.js';
import { ofValues, spendOn } from './function.js';
import type { ClassAdFunction, Evaluator } from './function.js';

const blank = /[ \t\n\r]/;

/** Words between blanks; quotes hold blanks, a doubled quote in them is one. Null: a quote is not closed. */
function splitQuoted(text: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === "'") {
      word ??= '';
      if (quoted && text.charAt(at + 1) === "'") {
        word += char;
        at += 1;
      } else {
        quoted = !quoted;
      }
    } else if (!quoted && blank.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quoted) return null;
  return word === null ? words : [...words, word];
}

const splitPlain = (text: string): string[] =>
  text.split(/[ \t\n\r]+/).filter((word) => word !== '');

const joinQuoted = (words: readonly string[]): string => words.map(quotedWord).join(' ');

/** Blanks and quotes stand in quotes, those beside each other in the same ones. */
function quotedWord(word: string): string {
  if (word === '') return "''";
  return word.replace(/[ \t\n\r']+/g, (part) => `'${part.replaceAll("'", "''")}'`);
}

/** The old syntax has no quotes: no word may hold a blank, and empty ones get lost. */
const joinPlain = (words: readonly string[]): string | null =>
  words.some((word) => blank.test(word))
    ? null
    : words.reduce((text, word) => (text === '' ? word : `${text} ${word}`), '');

/** A value in the syntax of a version, which is 2 where none is given and is looked at first. HTCondor reads its lower 32 bits alone. */
const inSyntax =
  (body: (value: Value, syntax: 1 | 2, evaluator: Evaluator) => Value): ClassAdFunction =>
  ([first, versionArg, ...more], evaluator) => {
    if (!first || more.length > 0) return errorValue;
    const version = versionArg === undefined ? 2n : evaluator.evaluate(versionArg);
    const syntax = typeof version === 'bigint' ? wrapped32(version) : 0;
    if (syntax !== 1 && syntax !== 2) return errorValue;
    const value = evaluator.evaluate(first);
    spendOn([value], evaluator);
    return body(value, syntax, evaluator);
  };

const argsToList = inSyntax((text, syntax) => {
  if (typeof text !== 'string') return errorValue;
  const words = syntax === 1 ? splitPlain(text) : splitQuoted(text);
  return words === null ? errorValue : listOf(words);
});

const listToArgs = inSyntax((list, syntax, evaluator) => {
  if (!isList(list)) return errorValue;
  const words: string[] = [];
  for (const item of list.items) {
    const word = evaluator.item(item);
    if (typeof word !== 'string') return errorValue;
    spendOn([word], evaluator);
    words.push(word);
  }
  return (syntax === 1 ? joinPlain(words) : joinQuoted(words)) ?? errorValue;
});

/** Adds `NAME=value` entries; false where one is none. */
function addEntries(into: Map<string, string | null>, entries: readonly string[]): boolean {
  for (const entry of entries) {
    const at = entry.indexOf('=');
    if (at > 0) into.set(entry.slice(0, at), entry.slice(at + 1));
    else if (at === -1 && entry.includes('$$')) into.set(entry, null);
    else return false;
  }
  return true;
}

function environmentText(entries: ReadonlyMap<string, string | null>): string {
  return joinQuoted(
    [...entries]
      .sort(([left], [right]) => compareBytes(left, right))
      .map(([name, value]) => (value === null ? name : `${name}=${value}`)),
  );
}

const oldDelimiters = '!#$%&*+,-/:;<>?@^`|~\x1f';

const envV1ToV2 = ofValues(1, 1, ([value = null]) => {
  if (value === null) return null;
  if (typeof value !== 'string') return errorValue;
  const first = value.charAt(0);
  const given = first !== '' && oldDelimiters.includes(first);
  const delimiter = given ? first : ';';
  const parts = (given ? value.slice(1) : value)
    .split(/\n/)
    .flatMap((line) => line.split(delimiter));
  const entries = parts
    .map((part) => part.replace(/^[ \t\n\r]+/, ''))
    .filter((part) => part !== '');
  const found = new Map<string, string | null>();
  return addEntries(found, entries) ? environmentText(found) : errorValue;
});

const mergeEnvironment: ClassAdFunction = (args, evaluator) => {
  const found = new Map<string, string | null>();
  for (const arg of args) {
    const value = evaluator.evaluate(arg);
    if (value === null) continue;
    spendOn([value], evaluator);
    const entries = typeof value === 'string' ? splitQuoted(value) : null;
    if (entries === null || !addEntries(found, entries)) return errorValue;
  }
  return environmentText(found);
};

export const argumentFunctions: Readonly<Record<string, ClassAdFunction>> = {
  argstolist: argsToList,
  listtoargs: listToArgs,
  envv1tov2: envV1ToV2,
  mergeenvironment: mergeEnvironment,
};
