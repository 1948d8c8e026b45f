/**
 * Reads ads from HTCondor's JSON form (`-json`, `-jsonl`) without losing what plain `JSON.parse` loses:
 * the difference between an expression and a string that looks like one, and integers beyond 2^53.
 */
import { Ad } from './ad.js';
import { expressionMark, integerMark, realMark } from './marks.js';

export interface ParseAdsOptions {
  /**
   * Whether `2.0` stays a real for the evaluator, where JSON has one type for both. It reads every number and
   * string of the text once more, so only ads whose expressions divide, or ask for types, are worth it.
   * @default false
   */
  readonly exactReals?: boolean;
}

/**
 * The ads of a JSON array's text. Only an expression starts with the bytes `"\/Expr(`, a string never
 * holds `\/` (docs/grids/htcondor.md), so a text substitution tells them apart.
 */
export function parseAds(array: string, { exactReals = false }: ParseAdsOptions = {}): Ad[] {
  const text = exactReals ? array.replace(stringOrNumber, keepReal) : array;
  return (JSON.parse(marked(text)) as Record<string, unknown>[]).map((raw) => new Ad(raw));
}

/** One ad's text, as `Ad` takes it: for who adds to it before. */
export const parseRawAd = (object: string): Readonly<Record<string, unknown>> =>
  JSON.parse(marked(object)) as Readonly<Record<string, unknown>>;

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

/** A real that `JSON.parse` would take for an integer. */
function keepReal(token: string): string {
  const isReal = !token.startsWith('"') && /[.eE]/.test(token) && Number.isInteger(Number(token));
  return isReal ? `"${escapedNul}${realMark.slice(1)}${token}"` : token;
}
