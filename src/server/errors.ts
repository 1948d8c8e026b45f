/** Every error on its way to a client, for both transports: a code of the closed list, or masked. */
import { GraphQLError, Kind, type GraphQLFormattedError } from 'graphql';
import { errorCodes, GridError, type ErrorCode } from '../errors.js';
import { tooDeepToRead } from './limits.js';

export type LogFault = (fault: { readonly id: string; readonly error: unknown }) => void;

/** The error as the client sees it. What is not meant for clients goes to `logFault`, and only its id goes out. */
export function formatError(error: unknown, id: string, logFault: LogFault): GraphQLFormattedError {
  const known = knownError(error);
  if (known === undefined) logFault({ id, error: causeOf(error) });
  const { code, message, ...rest } = known ?? masked(id);
  const { locations, path } = error instanceof GraphQLError ? error.toJSON() : {};
  return {
    message,
    ...(locations === undefined ? {} : { locations }),
    ...(path === undefined ? {} : { path }),
    extensions: { code, ...rest },
  };
}

/** The body of an answer that never reached the graph. */
export const errorBody = (
  error: GridError,
): { readonly errors: readonly GraphQLFormattedError[] } => {
  const { message, ...extensions } = exposed(error);
  return { errors: [{ message, extensions }] };
};

/** What a masked error says. The id finds the lines of its request in the log. */
export const maskedMessage = (id: string): string =>
  `The server failed while answering. The log has the details under id ${id}.`;

interface ExposedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
}

const masked = (id: string): ExposedError => ({
  code: 'INTERNAL_SERVER_ERROR',
  message: maskedMessage(id),
});

const exposed = (error: GridError): ExposedError => ({
  code: error.code,
  message: error.message,
  ...(error.retryable ? { retryable: true } : {}),
  ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
});

/** Undefined for a fault of the server. */
function knownError(error: unknown): ExposedError | undefined {
  let innermost = error;
  for (let each = error; each instanceof Error; each = originalOf(each)) {
    if (each instanceof GridError) {
      if (each.code === 'INTERNAL_SERVER_ERROR') return undefined;
      const place = placeInVariables(error);
      const { message, ...rest } = exposed(each);
      return { ...rest, message: place === undefined ? message : `${place}: ${message}` };
    }
    innermost = each;
  }
  if (!(error instanceof GraphQLError)) return undefined;
  const message = inShort(error.message);
  // graphql-js has no code for this one: it is a syntax error by type.
  if (/^Syntax Error: Document contains more tha[nt] \d+ tokens/.test(message)) {
    return {
      code: 'LIMIT_EXCEEDED',
      message: `${message.replace(/^Syntax Error: /, '')} Split the document.`,
    };
  }
  const code = codeOf(error);
  if (code === 'GRAPHQL_PARSE_FAILED' && innermost instanceof RangeError) {
    return exposed(tooDeepToRead());
  }
  if (code !== undefined) return { code, message };
  if (isCoercion(error) || /^Too many errors processing variables/.test(message)) {
    return { code: 'BAD_USER_INPUT', message };
  }
  // graphql-js marks an argument that it refuses with the place of its value; faults of resolvers and
  // of the schema have no place of their own, or that of a field.
  const place = innermost instanceof GraphQLError ? innermost.nodes?.[0]?.kind : undefined;
  return place === undefined || place === Kind.FIELD
    ? undefined
    : { code: 'BAD_USER_INPUT', message };
}

/** Apollo's codes, as far as they are in the closed list; persisted queries are a request this server does not take. */
function codeOf(error: GraphQLError): ErrorCode | undefined {
  const { code } = error.extensions;
  if (typeof code !== 'string' || code === 'INTERNAL_SERVER_ERROR') return undefined;
  if (code.startsWith('PERSISTED_QUERY_')) return 'BAD_REQUEST';
  if (code === 'INTROSPECTION_DISABLED') return 'GRAPHQL_VALIDATION_FAILED';
  return code in errorCodes ? (code as ErrorCode) : undefined;
}

/** A variable that does not fit its type, whatever its scalar threw. */
const isCoercion = (error: GraphQLError): boolean =>
  error.path === undefined && error.nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION;

/** What graphql-js says of a value begins with all of it, and ends with what is wrong. */
const inShort = (message: string): string =>
  message.length <= 2_000 ? message : `${message.slice(0, 200)} … ${message.slice(-1_000)}`;

/** Where in the variables a scalar refused a value, such as `$filter.in[3]`: graphql-js says it in its message alone. */
function placeInVariables(error: unknown): string | undefined {
  if (!(error instanceof GraphQLError) || !isCoercion(error)) return undefined;
  const { message } = error;
  const [, name] = /^Variable "\$(\w+)" got invalid value /.exec(message) ?? [];
  if (name === undefined) return undefined;
  // The value stands before the path, and has its quotes escaped.
  const at = message.lastIndexOf(' at "', message.lastIndexOf('; Expected type "'));
  const [, path = name] = /^ at "([\w.[\]]+)"/.exec(at < 0 ? '' : message.slice(at)) ?? [];
  return `$${path}`;
}

const originalOf = (error: Error): unknown =>
  error instanceof GraphQLError ? error.originalError : undefined;

/** The error as it was thrown, for the log. */
function causeOf(error: unknown): unknown {
  let each = error;
  while (each instanceof GraphQLError && each.originalError) each = each.originalError;
  return each;
}
