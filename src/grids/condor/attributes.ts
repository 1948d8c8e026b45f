/** Names of ClassAd attributes: which are names at all, and what a client may know of each. */
import { GridError } from '../../errors.js';
import type { AdValue } from '../../classad/ad.js';
import { Expression, type Ad } from '../../classad/ad.js';
import { evaluate, type AdScope } from '../../classad/index.js';
import type { Constraint } from '../../query/constraint.js';
import { refsOf, type Predicate, type Ref, type Value } from '../../query/predicate.js';
import type { AttributeView, NativeRecord } from '../row.js';
import { derivedNumber } from './derived.js';
import { isHiddenField, type FieldTable } from './field.js';
import { alwaysHidden, type HiddenNames } from './hidden.js';

const identifier = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;

/** Words of the language: where an expression expects a name they mean something else. */
const reserved = new Set(['error', 'false', 'is', 'isnt', 'parent', 'true', 'undefined']);

/** Refuses what is not an attribute name (BAD_ATTRIBUTE). */
export function checkName(name: string): void {
  if (identifier.test(name) && !reserved.has(name.toLowerCase())) return;
  throw new GridError(
    'BAD_ATTRIBUTE',
    `Expected a ClassAd attribute name (a letter or _, then letters, digits or _), came ${JSON.stringify(name.slice(0, 80))}.`,
  );
}

/** Refuses refs that may not be filtered, ordered or grouped by (BAD_ATTRIBUTE, FORBIDDEN). */
export function checkRefs(
  refs: Iterable<Ref>,
  hidden: HiddenNames = alwaysHidden,
  fields: FieldTable = {},
): void {
  for (const ref of refs) {
    if ('attribute' in ref) {
      const { attribute } = ref;
      checkName(attribute);
      const behind = hidden.behind(attribute);
      if (behind === undefined) continue;
      const via = behind === attribute ? '' : ` behind ${attribute}`;
      throw hiddenRef(`attribute ${behind}${via}`, behind);
    } else {
      const field = Object.hasOwn(fields, ref.field) ? fields[ref.field] : undefined;
      if (field && isHiddenField(field, hidden)) {
        throw hiddenRef(`field ${ref.field}`, ...field.attributes);
      }
    }
  }
}

export const checkFilter = (filter: Predicate, hidden: HiddenNames): void =>
  checkRefs(refsOf(filter), hidden);

/** A value that may not be seen could be guessed by filters, orders and groups. */
export const hiddenRef = (what: string, ...names: readonly string[]): GridError =>
  new GridError(
    'FORBIDDEN',
    names.some((name) => alwaysHidden.has(name))
      ? `The ${what} is private to HTCondor: it can't be filtered, ordered or grouped by.`
      : `The ${what} is hidden on this pool: it can't be filtered, ordered or grouped by.`,
  );

/** The ad of a row, with what must not be seen left out. */
export class AdRecord implements NativeRecord {
  constructor(
    private readonly ad: Ad,
    private readonly hidden: HiddenNames,
  ) {}

  value(name: string): Value {
    if (this.hidden.has(name)) return undefined;
    const value = this.ad.get(name);
    return value instanceof Expression ? this.derived(name) : (plain(value, this.hidden) as Value);
  }

  attribute(name: string): AttributeView {
    checkName(name);
    if (this.hidden.has(name)) return redacted(name);
    const value = this.ad.get(name);
    const defined = value !== undefined && value !== null;
    if (value instanceof Expression) {
      return this.hidden.namedIn(value.text)
        ? redacted(name)
        : {
            name,
            defined,
            redacted: false,
            expression: value.text,
            value: this.derived(name) ?? null,
          };
    }
    // An attribute that is set to undefined is told from one that the ad does not have.
    const expression = value === null ? 'undefined' : null;
    return { name, defined, redacted: false, expression, value: jsonOf(value, this.hidden) };
  }

  json(): Readonly<Record<string, unknown>> {
    return this.ad.copy(
      (name) => this.hidden.has(name),
      (value) => {
        if (!(value instanceof Expression)) return jsonOf(value, this.hidden);
        return this.hidden.namedIn(value.text) ? undefined : value.text;
      },
    );
  }

  satisfies({ expr }: Constraint): boolean {
    return evaluate(expr, { my: visibleScope(this.ad, this.hidden) }) === true;
  }

  names(): readonly string[] {
    return this.ad
      .names()
      .filter((name) => !this.hidden.has(name))
      .sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  }

  private derived(name: string): number | undefined {
    return this.hidden.behind(name) === undefined ? derivedNumber(this.ad, name) : undefined;
  }
}

/** The ad as expressions are evaluated over it: what is hidden is undefined, wherever an expression leads. */
const visibleScope = (ad: AdScope, hidden: HiddenNames): AdScope => ({
  lookup: (name) => (hidden.has(name) || isAdded(name) ? undefined : ad.lookup(name)),
  names: () => [...ad.names()].filter((name) => !hidden.has(name)),
});

/** condor_q prints it with each job: the schedd, asked for jobs, knows none. */
const isAdded = (name: string): boolean => name.toLowerCase() === 'servertime';

const redacted = (name: string): AttributeView => ({
  name,
  defined: false,
  redacted: true,
  expression: null,
  value: null,
});

/** Nested values without expressions: what a filter or a group key may compare. */
function plain(value: AdValue | undefined, hidden: HiddenNames): unknown {
  if (value instanceof Expression) return null;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    return (value as readonly AdValue[]).map((item) => plain(item, hidden));
  }
  return mapVisible(value as NestedValues, hidden, plain);
}

/** As JSON can carry it: integers beyond 2^53 as decimal text, nested expressions as `{ expression }`. */
function jsonOf(value: AdValue | undefined, hidden: HiddenNames): unknown {
  if (value instanceof Expression) {
    return hidden.namedIn(value.text) ? null : { expression: value.text };
  }
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (Array.isArray(value)) {
    return (value as readonly AdValue[]).map((item) => jsonOf(item, hidden));
  }
  return mapVisible(value as NestedValues, hidden, jsonOf);
}

type NestedValues = Readonly<Record<string, AdValue>>;

const mapVisible = (
  ad: NestedValues,
  hidden: HiddenNames,
  convert: (value: AdValue, hidden: HiddenNames) => unknown,
): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(ad)
      .filter(([name]) => !hidden.has(name))
      .map(([name, value]) => [name, convert(value, hidden)]),
  );
