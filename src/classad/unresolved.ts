/** The names an expression needs that the ad, or what is around it, doesn't have. */
import type { AttributeReference, Expr } from './ast.js';
import { lowerCase } from './bytes.js';
import { print } from './print.js';
import { nodes } from './references.js';
import { compareNames } from './scope.js';
import type { Scope } from './scope.js';
import { isExpr } from './value.js';
import type { Value } from './value.js';

const adNames = new Set(['my', 'self', 'parent', 'root', 'toplevel', 'currenttime']);

/** Sorted; a name of the other ad of a match comes without its `TARGET.`. */
export function unresolvedNames(expr: Expr, scope: Scope | null): string[] {
  const found = new Map<string, string>();
  const waiting: Expr[] = [expr];
  const seen = new Set<Expr>(waiting);
  const follow = (content: Value | Expr): void => {
    if (!isExpr(content) || seen.has(content)) return;
    seen.add(content);
    waiting.push(content);
  };
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const node of nodes(next)) {
      if (node.kind !== 'attribute') continue;
      const content = contentOf(node, scope);
      if (content === undefined) found.set(lowerCase(fullName(node)), shortName(node));
      else follow(content);
    }
  }
  const bases = new Set([...found.values()].filter((name) => lowerCase(name) === 'target'));
  return [...found.values()].filter((name) => !bases.has(name)).sort(compareNames);
}

/** Undefined where the name leads out of the ad. */
function contentOf(
  { name, base }: AttributeReference,
  scope: Scope | null,
): Value | Expr | undefined {
  if (base !== null) {
    const own = base.kind === 'attribute' && ['my', 'self'].includes(lowerCase(base.name));
    return own ? scope?.ad.lookup(name) : base.kind === 'attribute' ? undefined : null;
  }
  if (adNames.has(lowerCase(name))) return null;
  for (let current = scope; current !== null; current = current.parent) {
    const content = current.ad.lookup(name);
    if (content !== undefined) return content;
  }
  return undefined;
}

const fullName = (node: AttributeReference): string => print(node, { form: 'condor' });

const shortName = (node: AttributeReference): string => fullName(node).replace(/^target\./i, '');
