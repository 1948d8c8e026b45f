/** Where names are looked up: ads, one inside the other. */
import type { AdExpr, Expr } from './ast.js';
import { byteLength, compareBytes, lowerCase } from './bytes.js';
import type { AdScopeValue, Value } from './value.js';

/** An ad an expression can be evaluated in. Names come in any case. */
export interface AdScope {
  /** What the attribute holds, unevaluated; undefined where there is no such attribute. */
  lookup(name: string): Value | Expr | undefined;
  /** Names as the ad spells them. */
  names(): Iterable<string>;
}

/** An ad with what is around it. */
export interface Scope {
  readonly ad: AdScope;
  /** The ad this one is written in. */
  readonly parent: Scope | null;
  /** In a match, the other ad, where bare names are looked for that are not here. */
  readonly alternate: Scope | null;
}

export const adValue = (scope: Scope): AdScopeValue => ({ type: 'ad', scope });

export const scopeOf = (ad: AdScope, parent: Scope | null = null): Scope => ({
  ad,
  parent,
  alternate: null,
});

/** The scope of `my` in a match with `target`: what HTCondor's own match ad makes reachable. */
export function matchScope(my: AdScope, target: AdScope): Scope {
  const ads = new Map<string, AdScopeValue>();
  const match = scopeOf(scopeOfMap(ads));
  const left = sideOf(my, match, ads, 'left', 'right');
  const right = sideOf(target, match, ads, 'right', 'left');
  left.alternate = right;
  right.alternate = left;
  return left;
}

function sideOf(
  ad: AdScope,
  match: Scope,
  ads: Map<string, AdScopeValue>,
  own: string,
  other: string,
): { ad: AdScope; parent: Scope; alternate: Scope | null } {
  const context: AdScope = {
    lookup(name) {
      const lower = lowerCase(name);
      if (lower === 'target' || lower === 'other') return ads.get(other);
      return lower === 'my' || lower === 'ad' ? ads.get(own) : undefined;
    },
    names: () => ['ad', 'my', 'other', 'target'],
  };
  const side = { ad, parent: scopeOf(context, match), alternate: null };
  ads.set(own, adValue(side));
  return side;
}

const scopeOfMap = (ads: ReadonlyMap<string, AdScopeValue>): AdScope => ({
  lookup: (name) => ads.get(lowerCase(name)),
  names: () => ads.keys(),
});

const scopes = new WeakMap<AdExpr, AdScope>();

/** An ad as it is written. */
export function adScope(expr: AdExpr): AdScope {
  let scope = scopes.get(expr);
  if (scope === undefined) {
    const values = new Map(expr.attributes.map(({ name, value }) => [lowerCase(name), value]));
    const names = expr.attributes.map(({ name }) => name);
    scope = { lookup: (name) => values.get(lowerCase(name)), names: () => names };
    scopes.set(expr, scope);
  }
  return scope;
}

/** An ad that a function makes. */
export function adOfValues(values: Readonly<Record<string, Value>>): AdScopeValue {
  const byName = new Map(Object.entries(values).map(([name, value]) => [lowerCase(name), value]));
  const names = Object.keys(values);
  return adValue(scopeOf({ lookup: (name) => byName.get(lowerCase(name)), names: () => names }));
}

/** HTCondor keeps the attributes of an ad in this order: short names first. */
export const compareNames = (left: string, right: string): number =>
  byteLength(left) - byteLength(right) || compareBytes(lowerCase(left), lowerCase(right));
