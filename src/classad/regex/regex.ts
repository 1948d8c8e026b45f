/** Regular expressions of ClassAd functions: PCRE2's syntax over bytes, and never an endless match. */
import { isAscii } from '../bytes.js';
import { safeRegex, type SafeRegex } from './native.js';
import { mostBytes, parseRegex } from './parse.js';
import { RegexRefused, RegexWrong } from './reader.js';
import { compile, mostInstructions, ProgramTooLong, run } from './program.js';
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

interface Cached {
  readonly regex: Regex | Unmatchable;
  /** Bytes and instructions. */
  readonly size: number;
}

const cached = new Map<string, Cached>();
const mostCached = 500;
/** Of all cached patterns together: one that repeats groups is long, however short its text. */
const mostSize = 200_000;
/** What it costs to read and compile a byte or an instruction, in steps of a match. */
const stepsToMake = 20;
let size = 0;

/**
 * Of the options `i`, `m`, `s` and `x` count, others are passed over. A pattern costs the same each time, so
 * that what comes out does not hang on what is remembered.
 */
export function compileRegex(
  pattern: string,
  options: string,
  spender: Spender,
): Regex | Unmatchable {
  if (pattern.length > mostBytes) return 'refused';
  // Both may hold anything.
  const key = `${options.length} ${options}${pattern}`;
  let made = cached.get(key);
  if (made === undefined) {
    made = compiled(bytesOf(pattern), options);
    if (cached.size >= mostCached || size + made.size > mostSize) {
      cached.clear();
      size = 0;
    }
    size += made.size;
    cached.set(key, made);
  }
  spender.spend(made.size * stepsToMake);
  return made.regex;
}

function compiled(pattern: string, options: string): Cached {
  const { length } = pattern;
  try {
    const { tree, groups } = parseRegex(pattern, {
      caseless: options.includes('i'),
      multiline: options.includes('m'),
      dotAll: options.includes('s'),
      extended: options.includes('x'),
    });
    const program = compile(tree, groups);
    const { length: instructions } = program.instructions;
    return { regex: new LinearRegex(tree, program), size: length + instructions };
  } catch (error) {
    if (error instanceof RegexWrong) return { regex: 'wrong', size: length };
    if (error instanceof RegexRefused) return { regex: 'refused', size: length };
    if (error instanceof ProgramTooLong)
      return { regex: 'refused', size: length + mostInstructions };
    throw error;
  }
}

class LinearRegex implements Regex {
  private readonly native: SafeRegex | null;

  constructor(
    tree: RegexNode,
    private readonly program: Program,
  ) {
    this.native = safeRegex(tree);
  }

  test(subject: string, spender: Spender): boolean {
    const bytes = bytesOf(subject);
    const { length } = bytes;
    if (this.native === null || length > this.native.length) {
      return this.match(bytes, fromStart, spender) !== null;
    }
    const { regex, ways } = this.native;
    // Its steps are not told, but are much quicker than those here.
    const most = ways * length * Math.min(length, this.program.instructions.length);
    spender.spend(length + Math.ceil(most / 256));
    return regex.test(bytes);
  }

  match(bytes: string, options: MatchOptions, spender: Spender): readonly number[] | null {
    return run(this.program, bytes, options, spender);
  }
}

const fromStart: MatchOptions = { start: 0, anchoredAndNotEmpty: false };

/** One code unit for each byte. */
function bytesOf(text: string): string {
  return isAscii(text) ? text : Buffer.from(text).toString('latin1');
}
