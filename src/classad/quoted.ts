/** Strings and quoted names in a text, read by the rules of the two syntaxes. */
import { ClassAdSyntaxError } from './syntax-error.js';

export interface Quoted {
  readonly value: string;
  /** The offset behind it. */
  readonly end: number;
}

const blank = /[ \t\n\v\f\r]*/y;

/** Adjacent ones are one: `"a" "b"` is `"ab"`. */
export function newString(text: string, offset: number, quote: '"' | "'"): Quoted {
  let value = '';
  let end = offset;
  let next = offset;
  while (text.charAt(next) === quote) {
    const part = newPart(text, next, quote);
    value += part.value;
    end = part.end;
    blank.lastIndex = end;
    blank.exec(text);
    next = blank.lastIndex;
  }
  return { value, end };
}

const named: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function newPart(text: string, offset: number, quote: '"' | "'"): Quoted {
  const stops = quote === '"' ? /["\\\0]/g : /['\\\0]/g;
  let value = '';
  let at = offset + 1;
  for (;;) {
    stops.lastIndex = at;
    const stop = stops.exec(text)?.index;
    if (stop === undefined) throw unclosed(text, quote);
    value += text.slice(at, stop);
    const found = text.charAt(stop);
    if (found === quote) return { value, end: stop + 1 };
    if (found === '\0') throw nul(text, stop);
    const octal = octalEscapes(text, stop);
    if (octal === null) {
      const escaped = text.charAt(stop + 1);
      if (escaped === '') throw unclosed(text, quote);
      if (escaped === '\0') throw nul(text, stop + 1);
      value += named[escaped] ?? escaped;
      at = stop + 2;
    } else {
      value += octal.value;
      at = octal.end;
    }
  }
}

/** A run of octal escapes is bytes of UTF-8: HTCondor writes every byte beyond ASCII as one. */
function octalEscapes(text: string, offset: number): Quoted | null {
  const bytes: number[] = [];
  let end = offset;
  const escape = /\\([0-3][0-7]{0,2}|[4-7][0-7]?)/y;
  for (;;) {
    escape.lastIndex = end;
    const digits = escape.exec(text)?.[1];
    if (digits === undefined) break;
    const byte = parseInt(digits, 8);
    if (byte === 0) throw nul(text, end);
    bytes.push(byte);
    end += 1 + digits.length;
  }
  return bytes.length === 0 ? null : { value: Buffer.from(bytes).toString(), end };
}

/** A backslash only matters before a quote that more text of the line follows: then the quote is meant. */
export function oldString(text: string, offset: number, quote: '"' | "'"): Quoted {
  let value = '';
  let at = offset + 1;
  for (;;) {
    const stop = text.indexOf(quote, at);
    if (stop === -1) throw unclosed(text, quote);
    const nulAt = text.slice(at, stop).indexOf('\0');
    if (nulAt !== -1) throw nul(text, at + nulAt);
    const part = text.slice(at, stop);
    const escaped = part.endsWith('\\') && stop + 1 < text.length && text[stop + 1] !== '\n';
    if (!escaped) return { value: value + part, end: stop + 1 };
    value += part.slice(0, -1) + quote;
    at = stop + 1;
  }
}

const unclosed = (text: string, quote: string): ClassAdSyntaxError =>
  new ClassAdSyntaxError(`a closing ${quote}`, text, text.length);

const nul = (text: string, offset: number): ClassAdSyntaxError =>
  new ClassAdSyntaxError('no NUL in a string', text, offset);
