/**
 * What a filter means, on every grid: a two-valued, case-sensitive predicate over the fields and
 * attributes of a row. A missing value fails a positive match; `not` negates after that.
 */

import type { Constraint } from './constraint.js';

/** A field of the graph (`owner`) or an attribute of the grid's own record (`RequestCpus`). */
export type Ref = { readonly field: string } | { readonly attribute: string };

/** What a row can hold under a ref. Times are epoch milliseconds; `undefined` and `null` are both missing. */
export type Value =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | readonly unknown[]
  | { readonly [key: string]: unknown };

export type Comparison = 'eq' | 'lt' | 'lte' | 'gt' | 'gte' | 'startsWith' | 'contains';

export type Predicate =
  | { readonly op: 'const'; readonly value: boolean }
  | { readonly op: 'and' | 'or'; readonly terms: readonly Predicate[] }
  | { readonly op: 'not'; readonly term: Predicate }
  | { readonly op: 'defined'; readonly ref: Ref }
  /** An expression of a client over the grid's own record of a row. */
  | { readonly op: 'constraint'; readonly constraint: Constraint }
  | {
      readonly op: 'in';
      readonly ref: Ref;
      readonly values: readonly (string | number | boolean)[];
    }
  | { readonly op: Comparison; readonly ref: Ref; readonly value: string | number | boolean };

/** Reads the value of a ref from one row. */
export type Read<Row> = (row: Row, ref: Ref) => Value;

export const always: Predicate = { op: 'const', value: true };
export const never: Predicate = { op: 'const', value: false };

export const and = (...terms: readonly Predicate[]): Predicate => join('and', terms);
export const or = (...terms: readonly Predicate[]): Predicate => join('or', terms);
export function not(term: Predicate): Predicate {
  if (term.op === 'const') return term.value ? never : always;
  return term.op === 'not' ? term.term : { op: 'not', term };
}

/** True where the row passes. A number never equals a string, a missing value equals nothing. */
export function matches<Row>(predicate: Predicate, row: Row, read: Read<Row>): boolean {
  switch (predicate.op) {
    case 'const':
      return predicate.value;
    case 'and':
      return predicate.terms.every((term) => matches(term, row, read));
    case 'or':
      return predicate.terms.some((term) => matches(term, row, read));
    case 'not':
      return !matches(predicate.term, row, read);
    case 'defined': {
      const value = read(row, predicate.ref);
      return value !== undefined && value !== null;
    }
    case 'constraint':
      return satisfies(read(row, recordRef), predicate.constraint);
    case 'in': {
      const value = read(row, predicate.ref);
      return predicate.values.some((wanted) => compares('eq', value, wanted));
    }
    default:
      return compares(predicate.op, read(row, predicate.ref), predicate.value);
  }
}

/**
 * The predicate with the refs that are known for a whole source (its grid, its schedd) decided:
 * a source for which `const false` remains is not asked at all.
 */
export function decide(predicate: Predicate, known: (ref: Ref) => Value): Predicate {
  switch (predicate.op) {
    case 'const':
    case 'constraint':
      return predicate;
    case 'and':
    case 'or':
      return join(
        predicate.op,
        predicate.terms.map((term) => decide(term, known)),
      );
    case 'not':
      return not(decide(predicate.term, known));
    default:
      return known(predicate.ref) === undefined
        ? predicate
        : matches(predicate, undefined, (_row, ref) => known(ref))
          ? always
          : never;
  }
}

/** Every ref the predicate reads: what a scan has to fetch to evaluate it here. */
export function refsOf(predicate: Predicate): readonly Ref[] {
  switch (predicate.op) {
    case 'const':
      return [];
    case 'and':
    case 'or':
      return predicate.terms.flatMap(refsOf);
    case 'not':
      return refsOf(predicate.term);
    case 'constraint':
      return predicate.constraint.names.map((attribute) => ({ attribute }));
    default:
      return [predicate.ref];
  }
}

/** Whether an expression of a client is in it: the attributes it names may themselves lead to any other. */
export function hasConstraint(predicate: Predicate): boolean {
  switch (predicate.op) {
    case 'constraint':
      return true;
    case 'and':
    case 'or':
      return predicate.terms.some(hasConstraint);
    case 'not':
      return hasConstraint(predicate.term);
    default:
      return false;
  }
}

/** What a record offers to be filtered by expressions. */
export interface Satisfying {
  satisfies(constraint: Constraint): boolean;
}

/** Read as the field `record` of a row; what has none satisfies nothing. */
const recordRef: Ref = { field: 'record' };

function satisfies(record: unknown, constraint: Constraint): boolean {
  if (typeof record !== 'object' || record === null || !('satisfies' in record)) return false;
  return (record as Satisfying).satisfies(constraint);
}

function compares(op: Comparison, value: Value, wanted: string | number | boolean): boolean {
  if (typeof value === 'string' && typeof wanted === 'string') {
    if (op === 'startsWith') return value.startsWith(wanted);
    if (op === 'contains') return value.includes(wanted);
    return ordered(op, value < wanted ? -1 : value > wanted ? 1 : 0);
  }
  if ((typeof value === 'number' || typeof value === 'bigint') && typeof wanted === 'number') {
    if (Number.isNaN(value)) return false;
    return ordered(op, value < wanted ? -1 : value > wanted ? 1 : 0);
  }
  return typeof value === 'boolean' && op === 'eq' && value === wanted;
}

function ordered(op: Comparison, sign: -1 | 0 | 1): boolean {
  switch (op) {
    case 'eq':
      return sign === 0;
    case 'lt':
      return sign < 0;
    case 'lte':
      return sign <= 0;
    case 'gt':
      return sign > 0;
    case 'gte':
      return sign >= 0;
    case 'startsWith':
    case 'contains':
      return false;
    default:
      return op satisfies never;
  }
}

/** `and`/`or` without the constants and single-term nests that joining produces. */
function join(op: 'and' | 'or', terms: readonly Predicate[]): Predicate {
  const absorbing = op === 'or';
  const kept: Predicate[] = [];
  for (const term of terms) {
    if (term.op === 'const') {
      if (term.value === absorbing) return term;
    } else if (term.op === op) kept.push(...term.terms);
    else kept.push(term);
  }
  const [first] = kept;
  if (first === undefined) return absorbing ? never : always;
  return kept.length === 1 ? first : { op, terms: kept };
}
