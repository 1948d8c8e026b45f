/** ClassAd strings are bytes; here they are strings, and these see them as the bytes of their UTF-8. */

export const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text);

export const byteLength = (text: string): number => Buffer.byteLength(text);

/** A part by bytes; what is cut through becomes U+FFFD. */
export function sliceBytes(text: string, start: number, end: number): string {
  return isAscii(text) ? text.slice(start, end) : Buffer.from(text).subarray(start, end).toString();
}

/** Order of the bytes. */
export function compareBytes(left: string, right: string): number {
  if (left === right) return 0;
  if (isAscii(left) && isAscii(right)) return left < right ? -1 : 1;
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** The case of ASCII letters alone, as in the C locale the daemons run in. */
export function lowerCase(text: string): string {
  return isAscii(text) ? text.toLowerCase() : text.replace(/[A-Z]+/g, (part) => part.toLowerCase());
}

export function upperCase(text: string): string {
  return isAscii(text) ? text.toUpperCase() : text.replace(/[a-z]+/g, (part) => part.toUpperCase());
}
