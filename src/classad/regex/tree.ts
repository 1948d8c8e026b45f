/** The tree of a regular expression over bytes. */

/** Which of the 256 bytes. */
export type ByteSet = Uint8Array;

export type Assertion =
  | 'subject-start'
  | 'subject-end'
  | 'last-line-end'
  | 'line-start'
  | 'line-end'
  | 'word'
  | 'no-word'
  | 'no-line-feed'
  | 'match-start';

export type RegexNode =
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'alternatives'; readonly parts: readonly RegexNode[] }
  | {
      readonly kind: 'repeat';
      readonly part: RegexNode;
      readonly least: number;
      /** Infinity for no bound. */
      readonly most: number;
      readonly greedy: boolean;
    }
  /** A group that is remembered, from 1. */
  | { readonly kind: 'group'; readonly index: number; readonly part: RegexNode }
  | { readonly kind: 'assertion'; readonly assertion: Assertion };

export function bytesWhere(test: (byte: number) => boolean): ByteSet {
  const set = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte += 1) if (test(byte)) set[byte] = 1;
  return set;
}

const within = (...ranges: readonly (readonly [number, number])[]): ByteSet =>
  bytesWhere((byte) => ranges.some(([first, last]) => byte >= first && byte <= last));

export const inverse = (set: ByteSet): ByteSet => set.map((has) => 1 - has);

export const digits = within([48, 57]);
export const wordBytes = within([48, 57], [65, 90], [95, 95], [97, 122]);
export const spaces = within([9, 13], [32, 32]);
export const blanks = within([9, 9], [32, 32], [160, 160]);
export const verticals = within([10, 13], [133, 133]);
export const lineFeed = within([10, 10]);
export const anyByte = within([0, 255]);

/** The classes in brackets, as in `[[:alpha:]]`. */
export const named: Readonly<Record<string, ByteSet>> = {
  alnum: within([48, 57], [65, 90], [97, 122]),
  alpha: within([65, 90], [97, 122]),
  ascii: within([0, 127]),
  blank: within([9, 9], [32, 32]),
  cntrl: within([0, 31], [127, 127]),
  digit: digits,
  graph: within([33, 126]),
  lower: within([97, 122]),
  print: within([32, 126]),
  punct: within([33, 47], [58, 64], [91, 96], [123, 126]),
  space: spaces,
  upper: within([65, 90]),
  word: wordBytes,
  xdigit: within([48, 57], [65, 70], [97, 102]),
};

/** With the other case of every ASCII letter in it. */
export function caseless(set: ByteSet): ByteSet {
  return set.map((has, byte) => {
    const isLetter = (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
    return isLetter ? has | (set[byte ^ 32] ?? 0) : has;
  });
}
