/** The XML form of event logs: `<c>` holds attributes `<a n="NAME">` with one typed value each. */
import { expressionMark, integerMark } from '../../../classad/marks.js';
import type { RawRecord } from './record.js';

const token = /<(\/?)([a-z]+)(?:\s+[a-z]+="([^"]*)")?\s*(\/?)>|([^<]+)/g;

interface Open {
  readonly tag: string;
  /** The name of an attribute, or what `v` says of a Boolean. */
  readonly argument: string;
  text: string;
  /** Of a container: what it holds. */
  readonly values: unknown[];
  readonly attributes: Record<string, unknown>;
}

const deepest = 32;

/** Where a writer broke off in the middle, the last `<c>` at the start of a line is the record. */
export function xmlRecord(text: string): RawRecord | undefined {
  return parsed(text) ?? parsed(text.slice(text.lastIndexOf('<c>\n')));
}

function parsed(text: string): RawRecord | undefined {
  const open: Open[] = [];
  const root: unknown[] = [];
  for (const [, slash, tag, argument = '', selfClosing, characters] of text.matchAll(token)) {
    const inner = open.at(-1);
    if (characters !== undefined) {
      if (inner !== undefined) inner.text += characters;
      continue;
    }
    if (tag === undefined || open.length > deepest) return undefined;
    if (slash === '') {
      open.push({
        tag,
        argument,
        text: '',
        values: [],
        attributes: Object.create(null) as object & Record<string, unknown>,
      });
      if (selfClosing === '') continue;
    }
    const closed = open.pop();
    if (closed?.tag !== tag) return undefined;
    const outer = open.at(-1);
    if (closed.tag === 'a') {
      if (outer?.tag !== 'c') return undefined;
      outer.attributes[unescape(closed.argument)] = closed.values[0] ?? null;
    } else (outer?.values ?? root).push(valueOf(closed));
  }
  const [record] = root;
  return open.length === 0 && isObject(record) ? record : undefined;
}

function valueOf({ tag, argument, text, values, attributes }: Open): unknown {
  switch (tag) {
    case 's':
      return withBytes(unescape(text));
    case 'i':
      return integer(text.trim());
    case 'r':
      return Number(text.trim());
    case 'b':
      return argument === 't';
    case 'e':
      return `${expressionMark}${unescape(text)})/`;
    case 'c':
      return attributes;
    case 'l':
      return values;
    default:
      // `un`, `er`, and what a later version adds.
      return null;
  }
}

function integer(text: string): unknown {
  const value = Number(text);
  return Number.isSafeInteger(value) || !/^-?\d+$/.test(text) ? value : `${integerMark}${text}`;
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

const unescape = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]+));/gi, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return entities[name.toLowerCase()] ?? whole;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(String(hex), 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '\u{fffd}';
  });

/** Bytes beyond ASCII are written as `\303\274`. */
const withBytes = (text: string): string =>
  text.replace(/(?:\\[0-3][0-7]{2})+/g, (run) =>
    Buffer.from(
      run
        .split('\\')
        .slice(1)
        .map((octal) => Number.parseInt(octal, 8)),
    ).toString('utf8'),
  );

const isObject = (value: unknown): value is RawRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
