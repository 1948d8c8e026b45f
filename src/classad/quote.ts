/** Writes strings and names so that they are read back as they were, in either syntax. */
import { byteLength, lowerCase } from './bytes.js';
import type { Syntax } from './lexer.js';

/** A string or a name that no text can hold. */
export class ClassAdPrintError extends Error {
  override readonly name = 'ClassAdPrintError';
}

const reserved = new Set(['error', 'false', 'is', 'isnt', 'parent', 'true', 'undefined']);

export function nameText(name: string, syntax: Syntax, exact = true): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !reserved.has(lowerCase(name))) return name;
  if (name.includes('\0')) throw new ClassAdPrintError('An attribute name holds a NUL.');
  if (syntax === 'new') return `'${escaped(name, "'", exact)}'`;
  if (name.endsWith('\\') || name.includes("'\n")) {
    throw new ClassAdPrintError('The old syntax has no text for this attribute name.');
  }
  return `'${name.replaceAll("'", "\\'")}'`;
}

export function stringText(value: string, syntax: Syntax, exact = true): string {
  if (value.includes('\0')) throw new ClassAdPrintError('A string holds a NUL.');
  if (syntax === 'new') return `"${escaped(value, '"', exact)}"`;
  return exact ? oldText(value) : oldQuoted(value);
}

const oldQuoted = (value: string): string => `"${value.replaceAll('"', '\\"')}"`;

/**
 * In the old syntax a backslash before the closing quote would keep the string open, and a quote before a
 * line end would close it: such strings are put together from parts that are safe.
 */
function oldText(value: string): string {
  const parts = value.split(/(?<=")(?=\n)/);
  const texts = parts.map((part) =>
    part.endsWith('\\')
      ? `substr("${part.replaceAll('"', '\\"')} ",0,${byteLength(part)})`
      : oldQuoted(part),
  );
  return texts.length === 1 ? texts.join('') : `strcat(${texts.join(',')})`;
}

const named: ReadonlyMap<string, string> = new Map([
  ['\x07', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
  ['\\', '\\\\'],
]);

/** `condor` writes all bytes beyond ASCII as octal escapes; `exact` only what can't be shown. */
function escaped(text: string, quote: string, exact: boolean): string {
  const hidden = exact ? /[\\"']|\p{C}/gu : /[\\"']|[^ -~]/gu;
  return text.replace(hidden, (found) => {
    if (found === '"' || found === "'") return found === quote ? `\\${found}` : found;
    return named.get(found) ?? octal(found);
  });
}

const octal = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
