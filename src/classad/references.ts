/** What an expression can reach: attributes by name, functions, and whether that is all that can be told. */
import type { AttributeReference, Expr, Subscript } from './ast.js';
import { lowerCase } from './bytes.js';

/**
 * `none`: a bare name, found in the ad, around it, or in the other ad of a match. `nested`: selected from
 * any other value, `A.B`. `parent`: of the ad around, or of the outermost (`.B`, `root.B`).
 */
export type ReferenceScope = 'none' | 'my' | 'target' | 'parent' | 'nested';

export interface AttributeRef {
  /** As it is written; compare without regard to case. */
  readonly name: string;
  readonly scope: ReferenceScope;
}

/** Names that are ads, not attributes, where no attribute has the name. */
const adNames: ReadonlyMap<string, ReferenceScope> = new Map([
  ['my', 'my'],
  ['self', 'my'],
  ['target', 'target'],
  ['other', 'target'],
  ['parent', 'parent'],
  ['root', 'parent'],
  ['toplevel', 'parent'],
  // Of HTCondor's own match, in which both ads stand: `LEFT`, `RIGHT`, `ad`.
  ['left', 'target'],
  ['right', 'target'],
  ['ad', 'my'],
  ['lctx', 'nested'],
  ['rctx', 'nested'],
]);

/** Every attribute named in the expression, in any part of it, in nested ads and chains of selections. */
export function attributeRefs(expr: Expr): readonly AttributeRef[] {
  const found = new Map<string, AttributeRef>();
  for (const node of nodes(expr)) {
    const ref = refOf(node);
    if (ref !== null) found.set(`${ref.scope} ${lowerCase(ref.name)}`, ref);
  }
  return [...found.values()];
}

/** Every function called, in lower case. */
export function functionCalls(expr: Expr): ReadonlySet<string> {
  const found = new Set<string>();
  for (const node of nodes(expr)) if (node.kind === 'call') found.add(lowerCase(node.name));
  return found;
}

/**
 * Why the expression can reach attributes that `attributeRefs` doesn't name; null where it can't. An attribute
 * it names may still hold an expression that leads on: that is the ad's doing, not the expression's.
 */
export function reachesUnnamed(expr: Expr): string | null {
  const selected = new Set<Expr>();
  for (const node of nodes(expr)) {
    if (node.kind === 'call' && lowerCase(node.name) === 'eval') {
      return 'eval() evaluates text that is not known before';
    }
    if (node.kind === 'attribute' && node.base !== null) selected.add(bare(node.base));
    if (node.kind === 'subscript') {
      if (!isStatic(node)) return 'a subscript that is not a number or a string as it stands';
      selected.add(bare(node.base));
    }
  }
  for (const node of nodes(expr)) {
    if (node.kind === 'attribute' && isWholeAd(node) && !selected.has(node)) {
      return `${node.name} as a whole is every attribute of an ad`;
    }
  }
  return null;
}

function refOf(node: Expr): AttributeRef | null {
  if (node.kind === 'attribute') return { name: node.name, scope: scopeOf(node) };
  if (node.kind !== 'subscript') return null;
  const { index } = node;
  const named = index.kind === 'literal' && typeof index.value === 'string';
  return named ? { name: String(index.value), scope: scopeUnder(node.base) } : null;
}

function scopeOf({ base, absolute }: AttributeReference): ReferenceScope {
  if (base === null) return absolute ? 'parent' : 'none';
  return scopeUnder(base);
}

function scopeUnder(base: Expr): ReferenceScope {
  const ad = bare(base);
  if (ad.kind !== 'attribute' || ad.base !== null) return 'nested';
  return adNames.get(lowerCase(ad.name)) ?? 'nested';
}

/** `MY`, `TARGET` and the like, also when selected from each other. */
const isWholeAd = (node: AttributeReference): boolean => adNames.has(lowerCase(node.name));

function isStatic({ base, index }: Subscript): boolean {
  if (bare(base).kind === 'list') return true;
  if (index.kind !== 'literal') return false;
  return typeof index.value === 'bigint' || typeof index.value === 'string';
}

function bare(expr: Expr): Expr {
  let inner = expr;
  while (inner.kind === 'parentheses') inner = inner.inner;
  return inner;
}

/** The expression and all its parts. */
export function* nodes(expr: Expr): Generator<Expr, void> {
  const waiting: Expr[] = [expr];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node;
    waiting.push(...partsOf(node));
  }
}

function partsOf(node: Expr): readonly Expr[] {
  switch (node.kind) {
    case 'literal':
      return [];
    case 'attribute':
      return node.base === null ? [] : [node.base];
    case 'unary':
      return [node.operand];
    case 'binary':
    case 'elvis':
      return [node.left, node.right];
    case 'conditional':
      return [node.test, node.then, node.otherwise];
    case 'subscript':
      return [node.base, node.index];
    case 'parentheses':
      return [node.inner];
    case 'call':
      return node.args;
    case 'list':
      return node.items;
    case 'ad':
      return node.attributes.map(({ value }) => value);
    default:
      return node satisfies never;
  }
}
