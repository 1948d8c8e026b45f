/** Where names are looked up: ads, one inside the other. */
import type { Expr } from './ast.js';
import type { Value } from './value.js';

/** An ad an expression can be evaluated in. Names come in any case. */
export interface AdScope {
  /** What the attribute holds, unevaluated; undefined where there is no such attribute. */
  lookup(name: string): Value | Expr | undefined;
  /** Names as the ad spells them; without it the ad can't be printed or counted by a function. */
  names?(): Iterable<string>;
}

/** An ad with the ads around it. */
export interface Scope {
  readonly ad: AdScope;
  /** The ad this one is written in. */
  readonly parent: Scope | null;
}
