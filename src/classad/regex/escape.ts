/** What stands behind a backslash: a kind of bytes, or one byte. */
import { type PatternReader, RegexRefused, RegexWrong } from './reader.js';
import {
  blanks,
  type ByteSet,
  bytesWhere,
  digits,
  inverse,
  spaces,
  verticals,
  wordBytes,
} from './tree.js';

const classes: Readonly<Record<string, ByteSet>> = {
  d: digits,
  D: inverse(digits),
  w: wordBytes,
  W: inverse(wordBytes),
  s: spaces,
  S: inverse(spaces),
  h: blanks,
  H: inverse(blanks),
  v: verticals,
  V: inverse(verticals),
};

const controls: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 };

/** The kind that the letter stands for, or the byte that it and what follows stand for. */
export const escaped = (
  reader: PatternReader,
  char: string,
  inBracket: boolean,
): ByteSet | number => classes[char] ?? byteOf(reader, char, inBracket);

const singles: ByteSet[] = [];

/** Made once for each byte: a pattern has many. */
export const single = (byte: number): ByteSet =>
  (singles[byte] ??= bytesWhere((other) => other === byte));

function byteOf(reader: PatternReader, char: string, inBracket: boolean): number {
  const control = controls[char];
  if (control !== undefined) return control;
  if (char === 'b' && inBracket) return 8;
  if (char === 'x') {
    const [, braced, plain] =
      reader.match(/\{[ \t]*([0-9a-fA-F]+)[ \t]*\}|([0-9a-fA-F]{1,2})/y) ?? [];
    return byteFrom(braced ?? plain ?? '', 16);
  }
  if (char === 'o') return byteFrom(reader.match(/\{[ \t]*([0-7]+)[ \t]*\}/y)?.[1] ?? '', 8);
  if (char === '0' || (inBracket && /[1-7]/.test(char))) {
    return byteFrom(char + (reader.match(/[0-7]{1,2}/y)?.[0] ?? ''), 8);
  }
  if (char === 'c') {
    const letter = reader.match(/[ -~]/y)?.[0];
    if (letter === undefined) throw new RegexWrong('a control byte by its letter');
    return letter.toUpperCase().charCodeAt(0) ^ 64;
  }
  if (/[CKNPRXgkp0-9]/.test(char)) throw new RegexRefused(`the escape \\${char}`);
  if (/[A-Za-z]/.test(char)) throw new RegexWrong(`the escape \\${char}`);
  return char.charCodeAt(0);
}

function byteFrom(digitsOfByte: string, radix: number): number {
  const byte = parseInt(digitsOfByte, radix);
  if (!(byte <= 255)) throw new RegexWrong('the number of a byte');
  return byte;
}
