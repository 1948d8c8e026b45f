/** Whole ads as text: in brackets, or a line for each attribute as `condor_q -long` shows them. */
import { Ad } from './ad.js';
import type { AdAttribute, AdExpr, Expr, LiteralValue } from './ast.js';
import { lowerCase } from './bytes.js';
import type { SyntaxLimits } from './limits.js';
import { expressionMark, integerMark, realMark } from './marks.js';
import { parseBracketedAd, parseExpression } from './parser.js';
import { print } from './print.js';
import type { PrintOptions } from './print.js';
import { nameText } from './quote.js';
import { compareNames } from './scope.js';
import { ClassAdSyntaxError } from './syntax-error.js';

/** Reads either form: brackets hold the new syntax, lines the old one. `#` begins a line of comment. */
export function parseAd(text: string, limits: Partial<SyntaxLimits> = {}): AdExpr {
  const wide = { maxLength: 256 * 1024, ...limits };
  return /^\s*\[/.test(text) ? parseBracketedAd(text, wide) : parseLines(text, wide);
}

const line = /^\s*(?:([A-Za-z_][A-Za-z0-9_]*)|'((?:[^'\\]|\\.)*)')\s*=(?![?!=])/;

function parseLines(text: string, limits: Partial<SyntaxLimits>): AdExpr {
  const attributes = new Map<string, AdAttribute>();
  let offset = 0;
  for (const row of text.split('\n')) {
    if (row.trim() !== '' && !row.trimStart().startsWith('#')) {
      const start = line.exec(row);
      if (start === null) throw new ClassAdSyntaxError('"Name = expression"', text, offset);
      const name = start[1] ?? (start[2] ?? '').replaceAll("\\'", "'");
      const value = rowExpression(row, start[0].length, text, offset, limits);
      attributes.set(lowerCase(name), { name, value });
    }
    offset += row.length + 1;
  }
  const sorted = [...attributes.values()].sort((left, right) =>
    compareNames(left.name, right.name),
  );
  return { kind: 'ad', attributes: sorted };
}

/** A failure is told where it is in the whole text. */
function rowExpression(
  row: string,
  from: number,
  text: string,
  offset: number,
  limits: Partial<SyntaxLimits>,
): Expr {
  try {
    return parseExpression(row.slice(from), { ...limits, syntax: 'old' });
  } catch (error) {
    if (!(error instanceof ClassAdSyntaxError)) throw error;
    throw new ClassAdSyntaxError(error.expected, text, offset + from + error.offset);
  }
}

/** In the new syntax in brackets, in the old one a line for each attribute. */
export function printAd(ad: AdExpr, options: PrintOptions = {}): string {
  if (options.syntax !== 'old') return print(ad, options);
  return ad.attributes
    .map(({ name, value }) => `${nameText(name, 'old')} = ${print(value, options)}\n`)
    .join('');
}

/** The data form of a written ad. */
export function adOf({ attributes }: AdExpr): Ad {
  return new Ad(Object.fromEntries(attributes.map(({ name, value }) => [name, rawOf(value)])));
}

function rawOf(expr: Expr): unknown {
  switch (expr.kind) {
    case 'literal':
      return rawLiteral(expr.value);
    case 'list':
      return expr.items.map(rawOf);
    case 'ad':
      return Object.fromEntries(expr.attributes.map(({ name, value }) => [name, rawOf(value)]));
    case 'attribute':
    case 'unary':
    case 'binary':
    case 'conditional':
    case 'elvis':
    case 'subscript':
    case 'parentheses':
    case 'call':
      return `${expressionMark}${print(expr)})/`;
    default:
      return expr satisfies never;
  }
}

function rawLiteral(value: LiteralValue): unknown {
  if (typeof value === 'bigint') {
    return Number.isSafeInteger(Number(value)) ? Number(value) : `${integerMark}${value}`;
  }
  if (typeof value === 'number' && !Number.isInteger(value) && Number.isFinite(value)) return value;
  if (typeof value === 'number' && Number.isFinite(value)) {
    return `${realMark}${Object.is(value, -0) ? '-0' : value}`;
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  return `${expressionMark}${print({ kind: 'literal', value })})/`;
}
