/** NUL can't occur in a ClassAd string: with the next character it marks what JSON can't hold. */

/** `\0(text)/`: an expression. */
export const expressionMark = '\u0000(';

/** `\0#digits`: an integer beyond 2^53. */
export const integerMark = '\u0000#';

/** `\0.digits`: a real without a fraction, where the reader asked for it. */
export const realMark = '\u0000.';
