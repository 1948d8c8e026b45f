/** The engine's own matcher, for patterns and subjects on which it can't take long. */
import type { Assertion, ByteSet, RegexNode } from './tree.js';

/** Ways a backtracking matcher may have to try, all in all. */
const mostWays = 1_000_000;

/**
 * How many ways through a part there are at most, where the subject has `length` bytes. Repeats of what can
 * be matched in more than one way are where backtracking explodes.
 */
function waysThrough(node: RegexNode, length: number): number {
  switch (node.kind) {
    case 'set':
    case 'assertion':
      return 1;
    case 'group':
      return waysThrough(node.part, length);
    case 'sequence':
      return node.parts.reduce((ways, part) => ways * waysThrough(part, length), 1);
    case 'alternatives':
      return node.parts.reduce((ways, part) => ways + waysThrough(part, length), 0);
    case 'repeat': {
      const inner = waysThrough(node.part, length);
      const times = Math.min(node.most, length + 1);
      // What is longer than the subject is not matched, but what stands around it is tried all the same.
      return Math.max(
        1,
        inner === 1 ? Math.min(node.most, length) - node.least + 1 : inner ** times * times,
      );
    }
    default:
      return node satisfies never;
  }
}

/** The same pattern for JavaScript. */
export interface SafeRegex {
  readonly regex: RegExp;
  /** The longest subject for which it is safe. */
  readonly length: number;
  /** Through it on a subject of that length. */
  readonly ways: number;
}

/** Null where no subject worth it is safe. */
export function safeRegex(tree: RegexNode): SafeRegex | null {
  for (let length = 4096; length >= 16; length /= 2) {
    const ways = waysThrough(tree, length);
    if (ways * length * length <= mostWays * 16)
      return { regex: new RegExp(source(tree)), length, ways };
  }
  return null;
}

function source(node: RegexNode): string {
  switch (node.kind) {
    case 'set':
      return setSource(node.set);
    case 'assertion':
      return assertionSources[node.assertion];
    case 'group':
      return `(?:${source(node.part)})`;
    case 'sequence':
      return node.parts.map(source).join('');
    case 'alternatives':
      return `(?:${node.parts.map(source).join('|')})`;
    case 'repeat': {
      const bound = node.most === Infinity ? '' : String(node.most);
      return `(?:${source(node.part)}){${node.least},${bound}}${node.greedy ? '' : '?'}`;
    }
    default:
      return node satisfies never;
  }
}

const assertionSources: Readonly<Record<Assertion, string>> = {
  'subject-start': '(?:^)',
  'subject-end': '(?:$)',
  'last-line-end': '(?=\\n?$)',
  'line-start': '(?:^|(?<=\\n)(?!$))',
  'line-end': '(?=\\n|$)',
  word: '(?:\\b)',
  'no-word': '(?:\\B)',
  'no-line-feed': '(?!\\n)',
  // Tests begin at the start of the subject.
  'match-start': '(?:^)',
};

function setSource(set: ByteSet): string {
  const ranges: string[] = [];
  for (let first = 0; first < 256; first += 1) {
    if (set[first] !== 1) continue;
    let last = first;
    while (set[last + 1] === 1) last += 1;
    ranges.push(first === last ? hex(first) : `${hex(first)}-${hex(last)}`);
    first = last;
  }
  return `[${ranges.join('')}]`;
}

const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;
