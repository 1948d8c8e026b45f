/** A text that is no ClassAd expression, with the place where it stops being one. */

const caretWidth = 60;

export class ClassAdSyntaxError extends Error {
  override readonly name = 'ClassAdSyntaxError';
  /** Two lines: a piece of the text around the place, and a caret under it. */
  readonly caret: string;

  constructor(
    /** What could have stood there. */
    readonly expected: string,
    text: string,
    /** Where in the text, in UTF-16 code units from 0. */
    readonly offset: number,
    found: string = foundAt(text, offset),
  ) {
    super(`Expected ${expected}, found ${found} at offset ${offset}.`);
    this.caret = caretUnder(text, offset);
  }
}

function foundAt(text: string, offset: number): string {
  if (offset >= text.length) return 'the end';
  const word = /^[A-Za-z_0-9]{1,20}/.exec(text.slice(offset, offset + 20))?.[0];
  return JSON.stringify(word ?? String.fromCodePoint(text.codePointAt(offset) ?? 0));
}

/** Control characters become spaces, so that the caret stays under its place. */
function caretUnder(text: string, offset: number): string {
  const first = Math.max(0, offset - caretWidth / 2);
  const line = text.slice(first, first + caretWidth).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
  return `${line}\n${' '.repeat(offset - first)}^`;
}
