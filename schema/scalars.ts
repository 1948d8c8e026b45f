/** The scalars of the graph. */
import { GraphQLScalarType, Kind } from 'graphql';
import { GraphQLJSON } from 'graphql-scalars';
import { GridError } from '../src/errors.js';

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

/** Epoch milliseconds inside, RFC 3339 outside. */
export const DateTime = new GraphQLScalarType<number, string>({
  name: 'DateTime',
  description:
    'An instant as RFC 3339 text, answered in UTC with milliseconds: "2026-11-22T10:15:30.000Z". Input needs a zone ("Z" or an offset).',
  serialize: (value) => {
    if (typeof value !== 'number') throw new TypeError('A DateTime is epoch milliseconds inside.');
    return new Date(value).toISOString();
  },
  parseValue: parseTime,
  parseLiteral: (node) => parseTime(node.kind === Kind.STRING ? node.value : undefined),
});

function parseTime(value: unknown): number {
  const ms = typeof value === 'string' && rfc3339.test(value) ? Date.parse(value) : NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new GridError(
    'BAD_USER_INPUT',
    `Expected a time like "2026-11-22T10:15:30Z", came ${JSON.stringify(value)?.slice(0, 80) ?? 'no text'}.`,
  );
}

export const Long = new GraphQLScalarType<bigint | number, number | string>({
  name: 'Long',
  description: 'A 64-bit integer; outside ±2^53 it is a string, so that no digit is lost.',
  serialize: (value) => {
    if (typeof value === 'number') return Math.trunc(value);
    if (typeof value !== 'bigint') throw new TypeError('A Long is a number or a bigint inside.');
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  },
  parseValue: parseLong,
  parseLiteral: (node) =>
    parseLong(node.kind === Kind.INT || node.kind === Kind.STRING ? node.value : undefined),
});

function parseLong(value: unknown): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return BigInt(value);
  throw new GridError(
    'BAD_USER_INPUT',
    `Expected a 64-bit integer, came ${JSON.stringify(value) ?? 'nothing'}.`,
  );
}

export const JSONValue = new GraphQLScalarType({
  ...GraphQLJSON.toConfig(),
  name: 'JSON',
  serialize: plain,
  description:
    'Any JSON value. Integers beyond ±2^53 are strings; a ClassAd expression inside a list or nested ad is {"expression": its text}.',
  specifiedByURL: null,
});

/**
 * Values of ads hold 64-bit integers at any depth; JSON has no such numbers. What holds none is passed on as it is: a
 * page of whole ads has some hundred thousand values.
 */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Long.serialize(value);
  if (typeof value !== 'object' || value === null || !holdsLong(value)) return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

function holdsLong(value: object): boolean {
  // Object.values() would be a list for each of a page's ads.
  for (const name in value) {
    const inner: unknown = value[name as keyof typeof value];
    if (typeof inner === 'bigint') return true;
    if (typeof inner === 'object' && inner !== null && holdsLong(inner)) return true;
  }
  return false;
}

const opaque = (
  name: string,
  description: string,
  maxLength: number,
  code: 'BAD_USER_INPUT' | 'CURSOR_INVALID' = 'BAD_USER_INPUT',
) => {
  const parse = (value: unknown): string => {
    if (typeof value === 'string' && value.length > 0 && value.length <= maxLength) return value;
    throw new GridError(
      code,
      `Expected ${name} text of 1 to ${maxLength} characters, came ${typeof value === 'string' ? `${value.length} characters` : typeof value}.`,
    );
  };
  return new GraphQLScalarType<string, string>({
    name,
    description,
    serialize: String,
    parseValue: parse,
    parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : undefined),
  });
};

export const ClassAdExpr = opaque(
  'ClassAdExpr',
  'A ClassAd expression such as `RequestCpus > 4 && JobPrio >= 0`: at most 8192 characters and 50 levels, attributes without scope or with MY, functions with one result wherever they are evaluated; `time()` is the moment of the request. BAD_FILTER says where it can not be read.',
  8192,
);

export const StreamCursor = opaque(
  'StreamCursor',
  'A position in a stream. Opaque; carries no authority and no filter: both are applied anew when it is used.',
  65_536,
  'CURSOR_INVALID',
);
