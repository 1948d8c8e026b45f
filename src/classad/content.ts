/** What the raw form of an ad (`json.ts`) holds, for the evaluator: values, or expressions to evaluate. */
import type { Expr, LiteralValue } from './ast.js';
import { literal } from './ast.js';
import { expressionMark, integerMark, realMark } from './marks.js';
import { parseExpression } from './parser.js';
import { ClassAdSyntaxError } from './syntax-error.js';
import { errorValue, isExpr } from './value.js';
import type { Value } from './value.js';

/** Expressions of ads may be longer than those of clients: HTCondor wrote them. */
const adLimits = { maxLength: 256 * 1024, maxItems: 20_000 };

export function contentOf(raw: unknown): Value | Expr {
  switch (typeof raw) {
    case 'string':
      return raw.charCodeAt(0) === 0 ? markedContent(raw) : raw;
    case 'number':
      return Number.isInteger(raw) ? BigInt(raw) : raw;
    case 'boolean':
      return raw;
    case 'object':
      return raw === null ? null : composed(raw);
    default:
      return null;
  }
}

function markedContent(raw: string): Value | Expr {
  if (raw.startsWith(integerMark)) return BigInt(raw.slice(integerMark.length));
  if (raw.startsWith(realMark)) return Number(raw.slice(realMark.length));
  return expressionOf(raw.slice(expressionMark.length, -')/'.length));
}

const composedContents = new WeakMap<object, Expr>();

function composed(raw: object): Expr {
  let expr = composedContents.get(raw);
  if (expr === undefined) {
    expr = Array.isArray(raw)
      ? { kind: 'list', items: raw.map((item: unknown) => contentExpr(contentOf(item))) }
      : {
          kind: 'ad',
          attributes: Object.entries(raw).map(([name, part]: [string, unknown]) => ({
            name,
            value: contentExpr(contentOf(part)),
          })),
        };
    composedContents.set(raw, expr);
  }
  return expr;
}

/** Raw contents are never lists or ads that were evaluated. */
const contentExpr = (content: Value | Expr): Expr =>
  isExpr(content) ? content : literal(content as LiteralValue);

const expressions = new Map<string, Expr>();
const mostExpressions = 2000;
/** Of all their texts together. */
const mostCharacters = 4 * 1024 * 1024;
let characters = 0;

/** The same expression stands in thousands of ads: it is read once. What can't be read is an error. */
function expressionOf(text: string): Expr {
  let expr = expressions.get(text);
  if (expr === undefined) {
    if (expressions.size >= mostExpressions || characters + text.length > mostCharacters) {
      expressions.clear();
      characters = 0;
    }
    characters += text.length;
    expr = readable(text);
    expressions.set(text, expr);
  }
  return expr;
}

function readable(text: string): Expr {
  try {
    return parseExpression(text, adLimits);
  } catch (error) {
    if (error instanceof ClassAdSyntaxError) return literal(errorValue);
    throw error;
  }
}
