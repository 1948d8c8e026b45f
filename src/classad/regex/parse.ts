/**
 * Reads the syntax of PCRE2, over bytes, as far as it needs no backtracking: no references back, no looking
 * around, no atomic groups. What is beyond that, and what is wrong, is refused alike.
 */
import {
  anyByte,
  blanks,
  bytesWhere,
  caseless,
  digits,
  inverse,
  lineFeed,
  named,
  spaces,
  verticals,
  wordBytes,
} from './tree.js';
import type { Assertion, ByteSet, RegexNode } from './tree.js';

export interface RegexFlags {
  readonly caseless: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly extended: boolean;
}

/** A pattern that is right, but not matched here. */
export class RegexRefused extends Error {
  override readonly name = 'RegexRefused';
}

/** A pattern that PCRE2 refuses as well. */
export class RegexWrong extends Error {
  override readonly name = 'RegexWrong';
}

export interface ParsedRegex {
  readonly tree: RegexNode;
  /** Remembered groups. */
  readonly groups: number;
}

const mostRepeats = 65535;
const mostNesting = 50;

/** The pattern comes with a code unit for each byte. */
export function parseRegex(pattern: string, flags: RegexFlags): ParsedRegex {
  const parser = new RegexParser(pattern, flags);
  const tree = parser.alternatives(0);
  if (!parser.atEnd()) throw new RegexWrong('unmatched )');
  return { tree, groups: parser.groups };
}

class RegexParser {
  groups = 0;
  private at = 0;

  constructor(
    private readonly pattern: string,
    private flags: RegexFlags,
  ) {}

  atEnd(): boolean {
    return this.at >= this.pattern.length;
  }

  alternatives(depth: number): RegexNode {
    if (depth > mostNesting) throw new RegexRefused('groups nest too deep');
    const before = this.flags;
    const parts = [this.sequence(depth)];
    while (this.take('|')) parts.push(this.sequence(depth));
    this.flags = before;
    const [only] = parts;
    return parts.length === 1 && only ? only : { kind: 'alternatives', parts };
  }

  private sequence(depth: number): RegexNode {
    const parts: RegexNode[] = [];
    while (!this.atEnd() && !this.sees('|') && !this.sees(')')) {
      if (this.take('\\Q')) {
        for (const byte of this.until('\\E')) parts.push(this.quantified(this.byte(byte)));
        continue;
      }
      if (this.take('\\E') || this.skipIgnored()) continue;
      const atom = this.atom(depth);
      if (atom !== null) parts.push(this.quantified(atom));
    }
    const [only] = parts;
    return parts.length === 1 && only ? only : { kind: 'sequence', parts };
  }

  private atom(depth: number): RegexNode | null {
    const char = this.next();
    switch (char) {
      case '(':
        return this.group(depth);
      case '[':
        return { kind: 'set', set: this.bracket() };
      case '.':
        return { kind: 'set', set: this.flags.dotAll ? anyByte : inverse(lineFeed) };
      case '^':
        return this.assertion(this.flags.multiline ? 'line-start' : 'subject-start');
      case '$':
        return this.assertion(this.flags.multiline ? 'line-end' : 'last-line-end');
      case '*':
      case '+':
      case '?':
        throw new RegexWrong('nothing to repeat');
      case '{':
        if (this.match(/ *(?:\d+ *(?:, *\d* *)?|, *\d+ *)\}/y) === null) return this.byte(char);
        throw new RegexWrong('nothing to repeat');
      case '\\':
        return this.escape();
      default:
        return this.byte(char);
    }
  }

  private group(depth: number): RegexNode | null {
    if (!this.take('?')) {
      if (this.sees('*')) throw new RegexRefused('a verb');
      return this.remembered(depth);
    }
    if (this.take('#')) {
      this.until(')');
      return null;
    }
    const name = this.match(/(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/y);
    if (name !== null) return this.remembered(depth);
    const options = this.match(/\^?[imsxnJ]*(?:-[imsxnJ]*)?/y) ?? '';
    if (/[nJ]/.test(options)) throw new RegexRefused('an option of groups');
    const before = this.flags;
    this.flags = withOptions(before, options);
    // Options without a colon hold to the end of the group around them.
    if (this.take(')')) return null;
    if (!this.take(':')) throw new RegexRefused('a group of this kind');
    const part = this.alternatives(depth + 1);
    this.close();
    this.flags = before;
    return { kind: 'sequence', parts: [part] };
  }

  private remembered(depth: number): RegexNode {
    this.groups += 1;
    const index = this.groups;
    const part = this.alternatives(depth + 1);
    this.close();
    return { kind: 'group', index, part };
  }

  private close(): void {
    if (!this.take(')')) throw new RegexWrong('a group is not closed');
  }

  private quantified(atom: RegexNode): RegexNode {
    let part = atom;
    for (let count = 0; ; count += 1) {
      while (this.skipIgnored());
      const found = this.match(/[*+?]|\{ *\d+ *(?:, *\d* *)?\}|\{ *, *\d+ *\}/y);
      if (found === null) return part;
      if (atom.kind === 'assertion') throw new RegexWrong('nothing to repeat');
      if (count > 0) throw new RegexWrong('a quantifier too many');
      const [least, most] = boundsOf(found);
      if (most < least || (most !== Infinity && most > mostRepeats) || least > mostRepeats) {
        throw new RegexWrong('bounds of a quantifier');
      }
      const greedy = !this.take('?');
      if (this.sees('+')) throw new RegexRefused('a possessive quantifier');
      part = { kind: 'repeat', part, least, most, greedy };
    }
  }

  private escape(): RegexNode {
    const char = this.next();
    const assertion = assertions[char];
    if (assertion !== undefined) return this.assertion(assertion);
    if (char === 'N') return { kind: 'set', set: inverse(lineFeed) };
    if (char === 'R') return lineBreak;
    return { kind: 'set', set: this.folded(this.escapedSet(char, false)) };
  }

  private escapedSet(char: string, inBracket: boolean): ByteSet {
    const known = classes[char];
    if (known !== undefined) return known;
    return single(this.escapedByte(char, inBracket));
  }

  private escapedByte(char: string, inBracket: boolean): number {
    const control = controls[char];
    if (control !== undefined) return control;
    if (char === 'b' && inBracket) return 8;
    if (char === 'x') {
      const braced = this.match(/\{[0-9a-fA-F]{1,2}\}/y)?.slice(1, -1);
      const digits = braced ?? this.match(/[0-9a-fA-F]{1,2}/y);
      if (digits === null || digits === undefined) throw new RegexWrong('\\x without digits');
      return parseInt(digits, 16);
    }
    if (char === 'o') return octalByte(this.match(/\{[0-7]{1,3}\}/y)?.slice(1, -1) ?? '');
    if (char === '0' || (inBracket && /[1-7]/.test(char))) {
      return octalByte(char + (this.match(/[0-7]{1,2}/y) ?? ''));
    }
    if (char === 'c') return this.next().toUpperCase().charCodeAt(0) ^ 64;
    if (/[CKNPRXgkp0-9]/.test(char)) throw new RegexRefused(`the escape \\${char}`);
    if (/[A-Za-z]/.test(char)) throw new RegexWrong(`the escape \\${char}`);
    return char.charCodeAt(0);
  }

  private bracket(): ByteSet {
    const negated = this.take('^');
    let set = bytesWhere(() => false);
    for (let first = true; first || !this.sees(']'); first = false) {
      if (this.take('\\E')) continue;
      if (this.take('\\Q')) throw new RegexRefused('quoting in brackets');
      const low = this.bracketItem();
      if (typeof low !== 'number' || !this.sees('-') || this.pattern.charAt(this.at + 1) === ']') {
        set = union(set, typeof low === 'number' ? single(low) : low);
        continue;
      }
      this.at += 1;
      const high = this.bracketItem();
      if (typeof high !== 'number' || high < low) throw new RegexWrong('a range');
      set = union(
        set,
        bytesWhere((byte) => byte >= low && byte <= high),
      );
    }
    this.at += 1;
    const all = this.folded(set);
    return negated ? inverse(all) : all;
  }

  private bracketItem(): number | ByteSet {
    const posix = this.match(/\[:[^\]\\]*:\]/y);
    if (posix !== null) {
      const known = named[posix.replace(/^\[:\^?|:\]$/g, '')];
      if (known === undefined) throw new RegexRefused('a named class');
      return posix.startsWith('[:^') ? inverse(known) : known;
    }
    if (this.match(/\[[.=]/y) !== null) throw new RegexRefused('a collating element');
    const char = this.next();
    if (char !== '\\') return char.charCodeAt(0);
    const escaped = this.next();
    return classes[escaped] ?? this.escapedByte(escaped, true);
  }

  private byte(char: string): RegexNode {
    return { kind: 'set', set: this.folded(single(char.charCodeAt(0))) };
  }

  private folded(set: ByteSet): ByteSet {
    return this.flags.caseless ? caseless(set) : set;
  }

  private assertion(assertion: Assertion): RegexNode {
    return { kind: 'assertion', assertion };
  }

  /** Blanks and comments of the extended form. */
  private skipIgnored(): boolean {
    return this.flags.extended && this.match(/[ \t\n\v\f\r]+|#[^\n]*\n?/y) !== null;
  }

  private until(end: string): string {
    const found = this.pattern.indexOf(end, this.at);
    const text = this.pattern.slice(this.at, found === -1 ? undefined : found);
    if (found === -1 && end === ')') throw new RegexWrong('a comment is not closed');
    this.at = found === -1 ? this.pattern.length : found + end.length;
    return text;
  }

  private next(): string {
    if (this.atEnd()) throw new RegexWrong('the pattern breaks off');
    this.at += 1;
    return this.pattern.charAt(this.at - 1);
  }

  private sees(text: string): boolean {
    return this.pattern.startsWith(text, this.at);
  }

  private take(text: string): boolean {
    const found = this.sees(text);
    if (found) this.at += text.length;
    return found;
  }

  private match(sticky: RegExp): string | null {
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.pattern)?.[0] ?? null;
    this.at += found?.length ?? 0;
    return found;
  }
}

const assertions: Readonly<Record<string, Assertion>> = {
  A: 'subject-start',
  Z: 'last-line-end',
  z: 'subject-end',
  b: 'word',
  B: 'no-word',
  G: 'match-start',
};

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

const single = (byte: number): ByteSet => bytesWhere((other) => other === byte);

const union = (left: ByteSet, right: ByteSet): ByteSet =>
  left.map((has, byte) => has | (right[byte] ?? 0));

const lineBreak: RegexNode = {
  kind: 'alternatives',
  parts: [
    {
      kind: 'sequence',
      parts: [
        { kind: 'set', set: single(13) },
        { kind: 'set', set: single(10) },
      ],
    },
    { kind: 'set', set: verticals },
  ],
};

function octalByte(text: string): number {
  const byte = parseInt(text, 8);
  if (!(byte <= 255)) throw new RegexRefused('an octal escape');
  return byte;
}

function boundsOf(quantifier: string): readonly [number, number] {
  if (quantifier === '*') return [0, Infinity];
  if (quantifier === '+') return [1, Infinity];
  if (quantifier === '?') return [0, 1];
  const [least = '', most] = quantifier.slice(1, -1).replaceAll(' ', '').split(',');
  if (most === undefined) return [Number(least), Number(least)];
  return [Number(least), most === '' ? Infinity : Number(most)];
}

function withOptions(flags: RegexFlags, options: string): RegexFlags {
  const [on = '', off = ''] = options.split('-');
  const from = on.startsWith('^') ? noFlags : flags;
  const flag = (letter: string, before: boolean): boolean =>
    (before || on.includes(letter)) && !off.includes(letter);
  return {
    caseless: flag('i', from.caseless),
    multiline: flag('m', from.multiline),
    dotAll: flag('s', from.dotAll),
    extended: flag('x', from.extended),
  };
}

const noFlags = { caseless: false, multiline: false, dotAll: false, extended: false };
