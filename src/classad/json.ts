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
  return longNumber.test(out) ? out.replace(stringOrNumber, keepInteger) : out;
}

const longNumber = /\d{16}/;
const stringOrNumber = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function keepInteger(token: string): string {
  if (token.length < 16 || !/^-?\d+$/.test(token) || Number.isSafeInteger(Number(token))) {
    return token;
  }
  return `"${escapedNul}${integerMark.slice(1)}${token}"`;
}
