/**
 * Compiles a filter into a ClassAd expression that means the same as evaluating it here: two-valued,
 * case-sensitive, each leaf a Boolean. What can't be said so that both agree stays here.
 */
import { GridError } from '../../errors.js';
import {
  always,
  and,
  hasConstraint,
  type Comparison,
  type Predicate,
  type Ref,
} from '../../query/predicate.js';
import { checkFilter } from './attributes.js';
import type { FieldTable } from './field.js';
import type { HiddenNames } from './hidden.js';
import { idConstraint, lengthLimitBytes, oneOf } from './id-set.js';

export interface Pushdown {
  /** What the grid evaluates. */
  readonly constraint: string | undefined;
  /** What is left to evaluate here, over the rows that come. */
  readonly rest: Predicate;
}

export function pushdown(filter: Predicate, fields: FieldTable, hidden: HiddenNames): Pushdown {
  checkFilter(filter, hidden);
  const terms = filter.op === 'and' ? byCost(filter.terms) : [filter];
  const pushed: string[] = [];
  const rest: Predicate[] = [];
  let bytes = 0;
  for (const term of terms) {
    const text = compile(term, fields);
    const size = text === undefined ? 0 : Buffer.byteLength(text) + 4;
    if (text === undefined || bytes + size > lengthLimitBytes) rest.push(term);
    else if (text !== 'true') {
      pushed.push(text);
      bytes += size;
    }
  }
  return {
    constraint: pushed.length === 0 ? undefined : pushed.join(' && '),
    rest: rest.length === 0 ? always : and(...rest),
  };
}

/** Expressions of clients first: to evaluate one here, whole ads have to be fetched. */
const byCost = (terms: readonly Predicate[]): readonly Predicate[] => [
  ...terms.filter(hasConstraint),
  ...terms.filter((term) => !hasConstraint(term)),
];

/** An expression in parentheses or a single call, or undefined where only local evaluation is right. */
function compile(filter: Predicate, fields: FieldTable): string | undefined {
  switch (filter.op) {
    case 'const':
      return String(filter.value);
    case 'and':
    case 'or': {
      const parts = filter.terms.map((term) => compile(term, fields));
      if (!parts.every((part) => part !== undefined)) return undefined;
      return `(${parts.join(filter.op === 'and' ? ' && ' : ' || ')})`;
    }
    case 'not': {
      const inner = compile(filter.term, fields);
      return inner === undefined ? undefined : `!(${inner})`;
    }
    case 'defined':
      return leaf(filter.ref, fields)?.defined;
    case 'constraint':
      return isPlain(filter.constraint.text) ? `((${filter.constraint.text}) =?= true)` : undefined;
    case 'in': {
      const test = leaf(filter.ref, fields);
      if (test?.among !== undefined) return test.among(filter.values);
      const parts = filter.values.map((value) => test?.compares('eq', value));
      if (!parts.every((part) => part !== undefined)) return undefined;
      const kept = parts.filter((part) => part !== 'false');
      return kept.length === 0 ? 'false' : `(${kept.join(' || ')})`;
    }
    default:
      return leaf(filter.ref, fields)?.compares(filter.op, filter.value);
  }
}

type Wanted = string | number | boolean;

interface Leaf {
  readonly defined: string;
  /** A shorter way to say that it equals one of several. */
  readonly among?: (wanted: readonly Wanted[]) => string;
  compares(op: Comparison, wanted: Wanted): string | undefined;
}

/** Names that mean a scope or the clock where the schedd evaluates them, and nothing here. */
export const isScope = (name: string): boolean => scopes.has(name.toLowerCase());
const scopes = new Set(['currenttime', 'my', 'root', 'self', 'target', 'toplevel']);

function leaf(ref: Ref, fields: FieldTable): Leaf | undefined {
  if ('attribute' in ref) {
    if (isScope(ref.attribute)) return undefined;
    return attributeLeaf(ref.attribute);
  }
  const push = Object.hasOwn(fields, ref.field) ? fields[ref.field]?.push : undefined;
  switch (push?.type) {
    case undefined:
      return undefined;
    case 'string':
      return {
        defined: `isString(${push.expression})`,
        compares: (op, wanted) =>
          typeof wanted === 'string' ? stringTest(push.expression, op, wanted) : 'false',
      };
    case 'jobId': {
      const among = (wanted: readonly Wanted[]): string =>
        idConstraint(wanted.filter((value) => typeof value === 'string'));
      return {
        defined: 'true',
        among,
        compares: (op, wanted) =>
          typeof wanted !== 'string'
            ? 'false'
            : op === 'eq'
              ? among([wanted])
              : stringTest(push.expression, op, wanted),
      };
    }
    case 'number':
      return {
        defined: isNumber(push.expression),
        ...(push.whole && { among: (wanted) => amongWhole(push.expression, wanted) }),
        compares: (op, wanted) =>
          typeof wanted === 'number' ? numberTest(push.expression, op, wanted) : 'false',
      };
    case 'time':
      return {
        defined: `(${isNumber(push.expression)} && ${push.expression} > 0)`,
        compares: (op, wanted) =>
          typeof wanted === 'number' ? timeTest(push.expression, op, wanted) : 'false',
      };
    case 'boolean':
      return {
        defined: 'true',
        compares: (op, wanted) =>
          op !== 'eq' || typeof wanted !== 'boolean'
            ? 'false'
            : wanted
              ? push.expression
              : `!${push.expression}`,
      };
    case 'cases': {
      const { cases } = push;
      return {
        defined: `(${Object.values(cases).join(' || ')})`,
        compares(op, wanted) {
          if (op !== 'eq') return undefined;
          return typeof wanted === 'string' && Object.hasOwn(cases, wanted)
            ? cases[wanted]
            : 'false';
        },
      };
    }
    default:
      return push satisfies never;
  }
}

const attributeLeaf = (name: string): Leaf => ({
  defined: `(${name} isnt undefined && !isError(${name}))`,
  compares(op, wanted) {
    if (typeof wanted === 'string') return stringTest(name, op, wanted);
    if (typeof wanted === 'number') return numberTest(name, op, wanted);
    return op === 'eq' ? `(${name} =?= ${wanted})` : 'false';
  },
});

function amongWhole(expression: string, wanted: readonly Wanted[]): string {
  const whole = wanted.filter((value) => typeof value === 'number' && Number.isSafeInteger(value));
  const ascending = [...new Set(whole as readonly number[])].sort((a, b) => a - b);
  return ascending.length === 0 ? 'false' : oneOf(expression, ascending);
}

/** A boolean would count as 0 or 1: the type is asked for first. */
const isNumber = (expression: string): string =>
  `(isInteger(${expression}) || isReal(${expression}))`;

const operators = { eq: '==', lt: '<', lte: '<=', gt: '>', gte: '>=' } as const;

function numberTest(expression: string, op: Comparison, wanted: number): string | undefined {
  if (op === 'startsWith' || op === 'contains') return 'false';
  const literal = numberLiteral(wanted);
  if (literal === undefined) return undefined;
  return `(${isNumber(expression)} && ${expression} ${operators[op]} ${literal})`;
}

/** Seconds against milliseconds, so that an instant between two seconds stays between them. */
function timeTest(expression: string, op: Comparison, wanted: number): string | undefined {
  if (op === 'startsWith' || op === 'contains') return 'false';
  const literal = numberLiteral(wanted);
  if (literal === undefined) return undefined;
  return `(${isNumber(expression)} && ${expression} > 0 && ${expression} * 1000 ${operators[op]} ${literal})`;
}

const int64Limit = 2 ** 63;

/** Whole numbers as integers, so that 64-bit integers are compared without rounding. */
function numberLiteral(value: number): string | undefined {
  if (!Number.isFinite(value)) return undefined;
  if (Number.isInteger(value) && Math.abs(value) < int64Limit) return `${BigInt(value)}`;
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** `=?=` is case-sensitive on strings, `==`, `<` and `member` are not. */
function stringTest(expression: string, op: Comparison, wanted: string): string | undefined {
  const literal = stringLiteral(wanted);
  if (literal === undefined) return undefined;
  switch (op) {
    case 'eq':
      return `(${expression} =?= ${literal})`;
    case 'startsWith':
      return wanted === ''
        ? `isString(${expression})`
        : `(substr(${expression}, 0, ${Buffer.byteLength(wanted)}) =?= ${literal})`;
    case 'contains': {
      if (wanted === '') return `isString(${expression})`;
      if (wanted.includes('^')) return undefined;
      const pattern = stringLiteral(wanted.replaceAll(/[.*+?()[\]{}|$]/g, '[$&]'));
      return `(regexp(${pattern}, ${expression}) =?= true)`;
    }
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
      // Bytes of UTF-8 and UTF-16 units order alike against ASCII text, not against all text.
      return /^[\x20-\x7e]*$/.test(wanted)
        ? `(isString(${expression}) && strcmp(${expression}, ${literal}) ${operators[op]} 0)`
        : undefined;
    default:
      return op satisfies never;
  }
}

/**
 * A quoted string, or undefined where it can't be written so that every command reads it alike:
 * a backslash is literal in some places and an escape in others; U+FFFD may stand for other bytes.
 */
export function stringLiteral(value: string): string | undefined {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000\n\r]/.test(value)) {
    throw new GridError('BAD_FILTER', 'A filter may compare with text of one line, without NUL.');
  }
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\\ufffd\p{Surrogate}]/u.test(value)) return undefined;
  return `"${value.replaceAll('"', '\\"')}"`;
}

/** Whether a text reaches the expression as it is: in one line, without bytes that mean something on the way. */
const isPlain = (text: string): boolean =>
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  !/[\u0000-\u001f\u007f\ufffd\p{Surrogate}]/u.test(text);
