/**
 * Reads the syntax of PCRE2, over bytes, as far as it needs no backtracking: no references back, no looking
 * around, no atomic groups. What is beyond that, and what is wrong, is refused alike.
 */
import { bracket } from './bracket.js';
import { escaped, single } from './escape.js';
import { PatternReader, RegexRefused, RegexWrong } from './reader.js';
import { anyByte, caseless, inverse, lineFeed, verticals } from './tree.js';
import type { Assertion, ByteSet, RegexNode } from './tree.js';

export interface RegexFlags {
  readonly caseless: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly extended: boolean;
}

export interface ParsedRegex {
  readonly tree: RegexNode;
  /** Remembered groups. */
  readonly groups: number;
}

const mostRepeats = 65535;
const mostNesting = 50;
/** Of groups that are remembered: each way through the pattern has its own places of all of them. */
const mostGroups = 500;
/** PCRE2 takes some more; the node of each byte is what it costs here. */
export const mostBytes = 32 * 1024;

/** The pattern comes with a code unit for each byte. */
export function parseRegex(pattern: string, flags: RegexFlags): ParsedRegex {
  if (pattern.length > mostBytes) throw new RegexRefused('too long');
  const reader = new PatternReader(pattern);
  const parser = new RegexParser(reader, flags);
  const tree = parser.alternatives(0);
  if (!reader.atEnd()) throw new RegexWrong('unmatched )');
  return { tree, groups: parser.groups };
}

class RegexParser {
  groups = 0;
  private readonly names = new Set<string>();

  constructor(
    private readonly reader: PatternReader,
    private flags: RegexFlags,
  ) {}

  alternatives(depth: number): RegexNode {
    if (depth > mostNesting) throw new RegexRefused('groups nest too deep');
    const before = this.flags;
    const parts = [this.sequence(depth)];
    while (this.reader.take('|')) parts.push(this.sequence(depth));
    this.flags = before;
    const [only] = parts;
    return parts.length === 1 && only ? only : { kind: 'alternatives', parts };
  }

  private sequence(depth: number): RegexNode {
    const { reader } = this;
    const parts: RegexNode[] = [];
    while (!reader.atEnd() && !reader.sees('|') && !reader.sees(')')) {
      if (this.skipIgnored()) continue;
      if (reader.take('\\Q')) {
        const atoms = [...reader.until('\\E').text].map((byte) => this.byte(byte));
        const last = atoms.pop();
        parts.push(...atoms, ...(last ? [this.quantified(last)] : []));
        continue;
      }
      const atom = this.atom(depth);
      if (atom !== null) parts.push(this.quantified(atom));
    }
    const [only] = parts;
    return parts.length === 1 && only ? only : { kind: 'sequence', parts };
  }

  private atom(depth: number): RegexNode | null {
    const char = this.reader.next();
    switch (char) {
      case '(':
        return this.group(depth);
      case '[':
        return { kind: 'set', set: this.bracketed() };
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
        if (!this.reader.seesLike(bounds)) return this.byte(char);
        throw new RegexWrong('nothing to repeat');
      case '\\':
        return this.escape();
      default:
        return this.byte(char);
    }
  }

  private group(depth: number): RegexNode | null {
    if (!this.reader.take('?')) {
      if (this.reader.sees('*')) throw new RegexRefused('a verb');
      return this.remembered(depth);
    }
    const name = this.reader.match(/P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)'/y);
    if (name !== null) return this.remembered(depth, name[1] ?? name[2]);
    const options = this.reader.match(/\^?[imsxnJ]*(?:-[imsxnJ]*)?/y)?.[0] ?? '';
    if (/[nJ]|xx/.test(options)) throw new RegexRefused('an option of groups or brackets');
    const before = this.flags;
    this.flags = withOptions(before, options);
    // Options without a colon hold to the end of the group around them.
    if (this.reader.take(')')) return null;
    if (!this.reader.take(':')) throw new RegexRefused('a group of this kind');
    const part = this.alternatives(depth + 1);
    this.close();
    this.flags = before;
    return { kind: 'sequence', parts: [part] };
  }

  private remembered(depth: number, name?: string): RegexNode {
    if (name !== undefined) {
      if (this.names.has(name)) throw new RegexWrong('two groups of one name');
      this.names.add(name);
    }
    if (this.groups >= mostGroups) throw new RegexRefused('too many groups');
    this.groups += 1;
    const index = this.groups;
    const part = this.alternatives(depth + 1);
    this.close();
    return { kind: 'group', index, part };
  }

  private close(): void {
    if (!this.reader.take(')')) throw new RegexWrong('a group is not closed');
  }

  private quantified(atom: RegexNode): RegexNode {
    let part = atom;
    for (let count = 0; ; count += 1) {
      while (this.skipIgnored());
      const found = this.reader.match(quantifier)?.[0];
      if (found === undefined) return part;
      if (atom.kind === 'assertion') throw new RegexWrong('nothing to repeat');
      if (count > 0) throw new RegexWrong('a quantifier too many');
      const [least, most] = boundsOf(found);
      if (most < least || (most !== Infinity && most > mostRepeats) || least > mostRepeats) {
        throw new RegexWrong('bounds of a quantifier');
      }
      const greedy = !this.reader.take('?');
      if (this.reader.sees('+')) throw new RegexRefused('a possessive quantifier');
      part = { kind: 'repeat', part, least, most, greedy };
    }
  }

  private escape(): RegexNode {
    const char = this.reader.next();
    const assertion = assertions[char];
    if (assertion !== undefined) return this.assertion(assertion);
    if (char === 'N') {
      if (this.reader.sees('{') && !this.reader.seesLike(quantifier))
        throw new RegexWrong('a byte by its name');
      return { kind: 'set', set: inverse(lineFeed) };
    }
    if (char === 'R') return lineBreak;
    const found = escaped(this.reader, char, false);
    return { kind: 'set', set: this.folded(typeof found === 'number' ? single(found) : found) };
  }

  private bracketed(): ByteSet {
    const { set, negated } = bracket(this.reader);
    const all = this.folded(set);
    return negated ? inverse(all) : all;
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

  /** Comments, ends and empty parts of what is quoted; in the extended form blanks. A quantifier may stand behind them. */
  private skipIgnored(): boolean {
    const { reader } = this;
    if (reader.take('(?#')) {
      if (!reader.until(')').isEnded) throw new RegexWrong('a comment is not closed');
      return true;
    }
    if (reader.take('\\E') || reader.take('\\Q\\E')) return true;
    return this.flags.extended && reader.match(/[ \t\n\v\f\r]+|#[^\n]*\n?/y) !== null;
  }
}

/** What may stand between the braces of a quantifier, with the closing one. */
const bounds = / *(?:\d+ *(?:, *\d* *)?|, *\d+ *)\}/y;
const quantifier = /[*+?]|\{ *(?:\d+ *(?:, *\d* *)?|, *\d+ *)\}/y;

const assertions: Readonly<Record<string, Assertion>> = {
  A: 'subject-start',
  Z: 'last-line-end',
  z: 'subject-end',
  b: 'word',
  B: 'no-word',
  G: 'match-start',
};

const byteOf = (byte: number): RegexNode => ({ kind: 'set', set: single(byte) });

/** Both bytes of a line end, which are not taken apart, or one of the kind. */
const lineBreak: RegexNode = {
  kind: 'alternatives',
  parts: [
    { kind: 'sequence', parts: [byteOf(13), byteOf(10)] },
    {
      kind: 'sequence',
      parts: [byteOf(13), { kind: 'assertion', assertion: 'no-line-feed' }],
    },
    { kind: 'set', set: verticals.map((has, byte) => (byte === 13 ? 0 : has)) },
  ],
};

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
