/** A ClassAd as data: attributes by case-insensitive name; an expression is kept as text, unevaluated. */
import type { Expr } from './ast.js';
import { lowerCase } from './bytes.js';
import { contentOf } from './content.js';
import { expressionMark, integerMark, realMark } from './marks.js';
import type { AdScope } from './scope.js';
import type { Value } from './value.js';

/** An attribute whose value is an expression: `lookup` gives it parsed, for the evaluator. */
export class Expression {
  constructor(readonly text: string) {}
}

export type AdValue =
  number | bigint | string | boolean | null | Expression | readonly AdValue[] | NestedAd;

export interface NestedAd {
  readonly [name: string]: AdValue;
}

/**
 * One ad. `raw` is what `parseAds` made of the JSON form: strings that begin with NUL stand for what
 * JSON can't hold (see `json.ts`) and are revived when they are read, so unread attributes cost nothing.
 */
export class Ad implements AdScope {
  /** Names in lower case, of an ad so large that looking through it is slow. */
  private folded: ReadonlyMap<string, string> | null = null;

  constructor(private readonly raw: Readonly<Record<string, unknown>>) {}

  /** The value, or undefined where the ad has no such attribute. */
  get(name: string): AdValue | undefined {
    const key = this.keyOf(name);
    return key === undefined ? undefined : revive(this.raw[key]);
  }

  /** What `evaluate` needs: a value, or a parsed expression. */
  lookup(name: string): Value | Expr | undefined {
    const key = this.keyOf(name);
    return key === undefined ? undefined : contentOf(this.raw[key]);
  }

  /** The attribute where it is a string. */
  string(name: string): string | null {
    const value = this.get(name);
    return typeof value === 'string' ? value : null;
  }

  /** The attribute where it is a number; integers beyond 2^53 come rounded. */
  number(name: string): number | null {
    const value = this.get(name);
    if (typeof value === 'bigint') return Number(value);
    return typeof value === 'number' ? value : null;
  }

  boolean(name: string): boolean | null {
    const value = this.get(name);
    return typeof value === 'boolean' ? value : null;
  }

  has(name: string): boolean {
    return this.keyOf(name) !== undefined;
  }

  /** Names as the ad spells them. */
  names(): readonly string[] {
    return Object.keys(this.raw);
  }

  /** What it has of these attributes. */
  only(names: readonly string[]): Ad {
    const keys = names.flatMap((name) => this.keyOf(name) ?? []);
    return new Ad(Object.fromEntries(keys.map((key) => [key, this.raw[key]])));
  }

  /**
   * All attributes but those left out, with `shown` of what JSON can't hold; undefined leaves one out as well. Copied as
   * a whole: put together name by name it would be a hash table, several times as large.
   */
  copy(
    isLeftOut: (name: string) => boolean,
    shown: (value: AdValue) => unknown,
  ): Record<string, unknown> {
    const copy: Record<string, unknown> = { ...this.raw };
    for (const name in copy) {
      const value = copy[name];
      if (isLeftOut(name)) delete copy[name];
      else if (!isPlain(value)) {
        copy[name] = shown(revive(value));
        if (copy[name] === undefined) delete copy[name];
      }
    }
    return copy;
  }

  private keyOf(name: string): string | undefined {
    if (Object.hasOwn(this.raw, name)) return name;
    if (this.folded !== null) return this.folded.get(lowerCase(name));
    const { length } = name;
    let lower = '';
    let count = 0;
    for (const key in this.raw) {
      count += 1;
      if (key.length !== length) continue;
      if (lower === '') lower = name.toLowerCase();
      // Beyond ASCII letters have no case; that is looked at only where it matters, since it takes longer.
      if (key.toLowerCase() === lower && lowerCase(key) === lowerCase(name)) return key;
    }
    if (count > manyNames) {
      this.folded = new Map(Object.keys(this.raw).map((key) => [lowerCase(key), key]));
    }
    return undefined;
  }
}

const manyNames = 2000;

const isPlain = (value: unknown): boolean =>
  typeof value === 'string'
    ? value.charCodeAt(0) !== 0
    : typeof value !== 'object' || value === null;

function revive(value: unknown): AdValue {
  if (typeof value === 'string') return value.charCodeAt(0) === 0 ? unmarked(value) : value;
  if (typeof value !== 'object' || value === null) return value as number | boolean | null;
  if (Array.isArray(value)) return value.map(revive);
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, revive(part)]));
}

function unmarked(value: string): AdValue {
  if (value.startsWith(integerMark)) return BigInt(value.slice(integerMark.length));
  if (value.startsWith(realMark)) return Number(value.slice(realMark.length));
  return new Expression(value.slice(expressionMark.length, -')/'.length));
}
