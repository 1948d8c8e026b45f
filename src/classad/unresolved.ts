/** The names an expression needs that the ad, or what is around it, doesn't have. */
import type { AttributeReference, Expr } from './ast.js';
import { compareBytes, lowerCase } from './bytes.js';
import { print } from './print.js';
import { nodes } from './references.js';
import type { Scope } from './scope.js';
import { isAd, isExpr } from './value.js';
import type { Value } from './value.js';

const adNames = new Set(['my', 'self', 'parent', 'root', 'toplevel', 'currenttime']);

/** What it costs to look a node's name up, in steps of a match. */
const stepsANode = 8;

/** A name of the other ad of a match comes without its `TARGET.`. */
export function unresolvedNames(
  expr: Expr,
  evaluator: { readonly scope: Scope | null; spend(steps: number): void },
): string[] {
  const { scope } = evaluator;
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
      evaluator.spend(stepsANode);
      if (node.kind !== 'attribute') continue;
      const content = contentOf(node, scope);
      if (content === undefined) found.set(lowerCase(fullName(node)), shortName(node));
      else follow(content);
    }
  }
  // Sorted by the full names, as HTCondor has them.
  return [...found]
    .filter(([name]) => name !== 'target')
    .sort(([left], [right]) => compareBytes(left, right))
    .map(([, name]) => name);
}

/** Undefined where the name leads out of the ad. */
function contentOf(
  { name, base }: AttributeReference,
  scope: Scope | null,
): Value | Expr | undefined {
  if (base !== null) return base.kind === 'attribute' ? selected(base, name, scope) : null;
  if (adNames.has(lowerCase(name))) return null;
  for (let current = scope; current !== null; current = current.parent) {
    const content = current.ad.lookup(name);
    if (content !== undefined) return content;
  }
  return undefined;
}

function selected(
  base: AttributeReference,
  name: string,
  scope: Scope | null,
): Value | Expr | undefined {
  if (['my', 'self'].includes(lowerCase(base.name))) return scope?.ad.lookup(name);
  const ad = contentOf(base, scope);
  if (ad === undefined || isExpr(ad) || !isAd(ad)) return ad === undefined ? undefined : null;
  return ad.scope.ad.lookup(name);
}

const fullName = (node: AttributeReference): string => print(node, { form: 'condor' });

const shortName = (node: AttributeReference): string => fullName(node).replace(/^target\./i, '');
