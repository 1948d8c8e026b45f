/**
 * Reads ads from HTCondor's JSON form (`-json`, `-jsonl`) without losing what plain `JSON.parse` loses:
 * the difference between an expression and a string that looks like one, and integers beyond 2^53.
 */
import { Ad, expressionMark, integerMark } from './ad.js';

/**
 * The ads of a JSON array's text. Only an expression starts with the bytes `"\/Expr(`, a string never
 * holds `\/` (docs/grids/htcondor.md), so a text substitution tells them apart.
 */
export function parseAds(array: string): Ad[] {
  return (JSON.parse(marked(array)) as Record<string, unknown>[]).map((raw) => new Ad(raw));
}

const escapedNul = '\\u0000';

function marked(text: string): string {
  let out = text;
  if (out.includes('"\\/Expr(')) {
    out = out.replaceAll('"\\/Expr(', `"${escapedNul}${expressionMark.slice(1)}`);
  }
  return hasLongNumber(out) ? out.replace(stringOrNumber, keepInteger) : out;
}

const longNumberLength = 16;

/** Whether so many digits stand in a row: one of them is at every 16th place, so the rest is not looked at. */
function hasLongNumber(text: string): boolean {
  for (let at = longNumberLength - 1; at < text.length; at += longNumberLength) {
    if (!isDigit(text, at)) continue;
    let first = at;
    let last = at;
    while (isDigit(text, first - 1)) first -= 1;
    while (isDigit(text, last + 1)) last += 1;
    if (last - first + 1 >= longNumberLength) return true;
  }
  return false;
}

/** False beyond the ends. */
function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function keepInteger(token: string): string {
  if (
    token.length < longNumberLength ||
    !/^-?\d+$/.test(token) ||
    Number.isSafeInteger(Number(token))
  ) {
    return token;
  }
  return `"${escapedNul}${integerMark.slice(1)}${token}"`;
}
