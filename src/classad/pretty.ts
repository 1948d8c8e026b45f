/** The text that `unparse()` gives: lists and ads over several lines, as HTCondor indents them. */
import type { Expr } from './ast.js';
import { valueText } from './convert.js';
import { print } from './print.js';
import { nameText } from './quote.js';
import { isExpr } from './value.js';
import type { Value } from './value.js';

const adIndent = 4;
const listIndent = 3;

export function prettyText(content: Expr | Value): string {
  return isExpr(content) ? pretty(content, 0) : valueText(content);
}

function pretty(expr: Expr, indent: number): string {
  if (expr.kind === 'list') {
    const items = expr.items.map((item) => pretty(item, indent + 2 * listIndent));
    return block('{', items, ',', '}', indent, listIndent);
  }
  if (expr.kind !== 'ad') return print(expr, { form: 'condor' });
  const attributes = expr.attributes.map(
    ({ name, value }) =>
      `${nameText(name, 'new', false)} = ${pretty(value, indent + 2 * adIndent)}`,
  );
  return block('[', attributes, '; ', ']', indent, adIndent);
}

function block(
  open: string,
  parts: readonly string[],
  between: string,
  close: string,
  indent: number,
  step: number,
): string {
  const outer = `\n${' '.repeat(indent + step)}`;
  const inner = `\n${' '.repeat(indent + 2 * step)}`;
  return `${outer}${open}${parts.map((part) => inner + part).join(between)}${outer}${close}`;
}
