/** Regular expressions of ClassAd functions: PCRE2's syntax over bytes, and never an endless match. */
import { isAscii } from '../bytes.js';
import { nativeRegex, safeLength } from './native.js';
import { parseRegex } from './parse.js';
import { RegexRefused, RegexWrong } from './reader.js';
import { compile, ProgramTooLong, run } from './program.js';
import type { MatchOptions, Program } from './program.js';
import type { RegexNode } from './tree.js';

/** What counts the steps of a match, and throws where they are too many. */
export interface Spender {
  spend(steps: number): void;
}

export interface Regex {
  test(subject: string, spender: Spender): boolean;
  /** In bytes, one code unit each: starts and ends of the match and its groups. */
  match(bytes: string, options: MatchOptions, spender: Spender): readonly number[] | null;
}

/**
 * `wrong` as HTCondor sees it too; `refused` what only it can match: patterns that are too long, or need backtracking
 * (references back, looking around, possessive parts).
 */
export type Unmatchable = 'wrong' | 'refused';

const cached = new Map<string, Regex | Unmatchable>();
const mostCached = 500;
/** Of all cached patterns together: one that repeats groups is long, however short its text. */
const mostInstructions = 200_000;
let instructions = 0;

/** Of the options `i`, `m`, `s` and `x` count, others are passed over. */
export function compileRegex(pattern: string, options: string): Regex | Unmatchable {
  // Both may hold anything.
  const key = `${options.length} ${options}${pattern}`;
  const known = cached.get(key);
  if (known !== undefined) return known;
  const regex = compiled(pattern, options);
  const size = typeof regex === 'string' ? 0 : regex.instructions;
  if (cached.size >= mostCached || instructions + size > mostInstructions) {
    cached.clear();
    instructions = 0;
  }
  instructions += size;
  cached.set(key, regex);
  return regex;
}

function compiled(pattern: string, options: string): LinearRegex | Unmatchable {
  try {
    const { tree, groups } = parseRegex(bytesOf(pattern), {
      caseless: options.includes('i'),
      multiline: options.includes('m'),
      dotAll: options.includes('s'),
      extended: options.includes('x'),
    });
    return new LinearRegex(tree, compile(tree), groups);
  } catch (error) {
    if (error instanceof RegexWrong) return 'wrong';
    if (error instanceof RegexRefused || error instanceof ProgramTooLong) return 'refused';
    throw error;
  }
}

class LinearRegex implements Regex {
  private readonly native: RegExp | null;
  private readonly nativeLength: number;
  readonly instructions: number;

  constructor(
    tree: RegexNode,
    private readonly program: Program,
    private readonly groups: number,
  ) {
    this.instructions = program.length;
    this.nativeLength = safeLength(tree);
    this.native = this.nativeLength > 0 ? nativeRegex(tree) : null;
  }

  test(subject: string, spender: Spender): boolean {
    const bytes = bytesOf(subject);
    if (this.native === null || bytes.length > this.nativeLength) {
      return this.match(bytes, fromStart, spender) !== null;
    }
    spender.spend(bytes.length);
    return this.native.test(bytes);
  }

  match(bytes: string, options: MatchOptions, spender: Spender): readonly number[] | null {
    return run(this.program, this.groups, bytes, options, spender);
  }
}

const fromStart: MatchOptions = { start: 0, anchoredAndNotEmpty: false };

/** One code unit for each byte. */
function bytesOf(text: string): string {
  return isAscii(text) ? text : Buffer.from(text).toString('latin1');
}
