/** Cuts the text of an expression into tokens, as HTCondor does, and refuses what HTCondor misreads. */
import { lowerCase } from './bytes.js';
import { oldString, newString } from './quoted.js';
import { ClassAdSyntaxError } from './syntax-error.js';

/**
 * `new`: backslash escapes, adjacent strings join; ads in brackets, and the expressions in the JSON form.
 * `old`: a backslash only escapes a quote; constraints of the commands, `condor_q -long`, event logs.
 */
export type Syntax = 'new' | 'old';

export type Token = (
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'real'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'name'; readonly value: string }
  | { readonly kind: 'word'; readonly value: Word }
  | { readonly kind: 'sign'; readonly value: Sign }
  | { readonly kind: 'end' }
) & { readonly offset: number };

export type Word = 'true' | 'false' | 'undefined' | 'error';

const words: ReadonlySet<string> = new Set<Word>(['true', 'false', 'undefined', 'error']);

/** Longest first, so that none hides another. */
const signs = [
  ...['>>>', '=?=', '=!=', '||', '&&', '<=', '>=', '==', '!=', '<<', '>>'],
  ...['<', '>', '=', '!', '~', '|', '^', '&', '+', '-', '*', '/', '%', '?', ':', ';', ',', '.'],
  ...['(', ')', '[', ']', '{', '}'],
] as const;

export type Sign = (typeof signs)[number];

export class Lexer {
  private at = 0;
  private afterOperand = false;

  constructor(
    private readonly text: string,
    private readonly syntax: Syntax,
  ) {}

  next(): Token {
    this.skipBlank();
    const token = this.read(this.at);
    this.afterOperand = endsOperand(token);
    return token;
  }

  private read(offset: number): Token {
    const { text } = this;
    if (offset >= text.length) return { kind: 'end', offset };
    const first = text.charAt(offset);
    if (/[A-Za-z_]/.test(first)) return this.readWord(offset);
    if (first === '"' || first === "'") return this.readQuoted(offset, first);
    if (startsNumber(text, offset, this.afterOperand)) return this.readNumber(offset);
    const sign = signs.find((known) => text.startsWith(known, offset));
    if (sign === undefined) throw this.failure('an expression', offset);
    if (sign === '.' && text.startsWith('..', offset)) {
      throw this.failure('an attribute name after "."', offset + 1);
    }
    this.at += sign.length;
    return { kind: 'sign', value: sign, offset };
  }

  private readWord(offset: number): Token {
    const value = this.match(/[A-Za-z_][A-Za-z0-9_]*/y);
    const lower = lowerCase(value);
    if (words.has(lower)) return { kind: 'word', value: lower as Word, offset };
    if (lower === 'is') return { kind: 'sign', value: '=?=', offset };
    if (lower === 'isnt') return { kind: 'sign', value: '=!=', offset };
    return { kind: 'name', value, offset };
  }

  private readQuoted(offset: number, quote: '"' | "'"): Token {
    const read = this.syntax === 'new' ? newString : oldString;
    const { value, end } = read(this.text, offset, quote);
    this.at = end;
    return { kind: quote === '"' ? 'string' : 'name', value, offset };
  }

  private readNumber(offset: number): Token {
    const number = this.match(/-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?/y);
    if (/[.eE]/.test(number)) {
      const value = Number(number);
      if (!Number.isFinite(value)) throw this.failure('a real of at most 1.8E308', offset);
      return { kind: 'real', value, offset };
    }
    const next = this.text.charAt(this.at);
    if (/[xX]/.test(next) || /^-?0\d/.test(number)) {
      throw this.failure('a decimal number without leading zeros', offset);
    }
    if (/[.eE]/.test(next)) throw this.failure('digits of a real', this.at + 1);
    const value = BigInt(number);
    if (BigInt.asIntN(64, value) !== value) {
      throw this.failure('an integer of at most 64 bits', offset);
    }
    return { kind: 'integer', value, offset };
  }

  private skipBlank(): void {
    for (;;) {
      this.match(/[ \t\n\v\f\r]*/y);
      if (this.text.startsWith('//', this.at)) {
        this.match(/[^\n]*/y);
      } else if (this.text.startsWith('/*', this.at)) {
        const end = this.text.indexOf('*/', this.at + 2);
        if (end === -1) throw this.failure('"*/" at the end of the comment', this.text.length);
        this.at = end + 2;
      } else {
        return;
      }
    }
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.at += found.length;
    return found;
  }

  private failure(expected: string, offset: number): ClassAdSyntaxError {
    return new ClassAdSyntaxError(expected, this.text, offset);
  }
}

/** A minus right before digits belongs to the number, unless an operand stands before it. */
function startsNumber(text: string, offset: number, afterOperand: boolean): boolean {
  const start = text.charAt(offset) === '-' && !afterOperand ? offset + 1 : offset;
  return /\d/.test(text.charAt(start)) || /^\.\d/.test(text.slice(start, start + 2));
}

function endsOperand(token: Token): boolean {
  if (token.kind === 'sign') return [')', ']', '}', '.'].includes(token.value);
  return token.kind !== 'end';
}
