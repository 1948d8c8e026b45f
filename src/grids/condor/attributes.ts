/** Names of ClassAd attributes: which are names at all, and which HTCondor keeps to itself. */
import { GridError } from '../../errors.js';
import type { AdValue } from '../../classad/ad.js';
import { Expression, type Ad } from '../../classad/ad.js';
import { refsOf, type Predicate, type Ref, type Value } from '../../query/predicate.js';
import type { AttributeView, NativeRecord } from '../row.js';

const identifier = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;

/** Words of the language: where an expression expects a name they mean something else. */
const reserved = new Set(['error', 'false', 'is', 'isnt', 'parent', 'true', 'undefined']);

/** What HTCondor treats as private: whoever holds a claim id may use the slot. */
const hidden = new Set([
  'capability',
  'childclaimids',
  'claimid',
  'claimidlist',
  'claimids',
  'pairedclaimid',
  'transferkey',
]);
const hiddenPrefix = '_condor_priv';

export const isHidden = (name: string): boolean => {
  const lower = name.toLowerCase();
  return hidden.has(lower) || lower.startsWith(hiddenPrefix);
};

/** Refuses what is not an attribute name (BAD_ATTRIBUTE). */
export function checkName(name: string): void {
  if (identifier.test(name) && !reserved.has(name.toLowerCase())) return;
  throw new GridError(
    'BAD_ATTRIBUTE',
    `Expected a ClassAd attribute name (a letter or _, then letters, digits or _), came ${JSON.stringify(name.slice(0, 80))}.`,
  );
}

/** Refuses refs that may not be filtered, ordered or grouped by (BAD_ATTRIBUTE, FORBIDDEN). */
export function checkRefs(refs: Iterable<Ref>): void {
  for (const ref of refs) {
    if (!('attribute' in ref)) continue;
    checkName(ref.attribute);
    if (isHidden(ref.attribute)) {
      throw new GridError(
        'FORBIDDEN',
        `The attribute ${ref.attribute} is private to HTCondor: it can't be filtered, ordered or grouped by.`,
      );
    }
  }
}

export const checkFilter = (filter: Predicate): void => checkRefs(refsOf(filter));

/** The ad of a row, with what must not be seen left out. */
export class AdRecord implements NativeRecord {
  constructor(private readonly ad: Ad) {}

  value(name: string): Value {
    if (isHidden(name)) return undefined;
    const value = this.ad.get(name);
    return value instanceof Expression ? undefined : (plain(value) as Value);
  }

  attribute(name: string): AttributeView {
    checkName(name);
    if (isHidden(name)) {
      return { name, defined: false, redacted: true, expression: null, value: null };
    }
    const value = this.ad.get(name);
    const defined = value !== undefined && value !== null;
    if (value instanceof Expression) {
      return { name, defined, redacted: false, expression: value.text, value: null };
    }
    return { name, defined, redacted: false, expression: null, value: jsonOf(value) };
  }

  names(): readonly string[] {
    return this.ad
      .names()
      .filter((name) => !isHidden(name))
      .sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  }
}

/** Nested values without expressions: what a filter or a group key may compare. */
function plain(value: AdValue | undefined): unknown {
  if (value instanceof Expression) return null;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly AdValue[]).map(plain);
  return mapVisible(value as Readonly<Record<string, AdValue>>, plain);
}

/** As JSON can carry it: integers beyond 2^53 as decimal text, nested expressions as `{ expression }`. */
function jsonOf(value: AdValue | undefined): unknown {
  if (value instanceof Expression) return { expression: value.text };
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (Array.isArray(value)) return (value as readonly AdValue[]).map(jsonOf);
  return mapVisible(value as Readonly<Record<string, AdValue>>, jsonOf);
}

const mapVisible = (
  ad: Readonly<Record<string, AdValue>>,
  convert: (value: AdValue) => unknown,
): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(ad)
      .filter(([name]) => !isHidden(name))
      .map(([name, value]) => [name, convert(value)]),
  );
