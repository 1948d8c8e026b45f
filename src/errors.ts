/** The closed list of error codes a client can meet, and the error that carries one. */

/** A sentence for each code; README and `test/errors.test.ts` hold this table equal to the documentation. */
export const errorCodes = {
  GRAPHQL_PARSE_FAILED: 'The document is not GraphQL.',
  GRAPHQL_VALIDATION_FAILED: 'The document does not fit the schema.',
  OPERATION_RESOLUTION_FAILURE: 'The named operation is not in the document.',
  BAD_REQUEST: 'The message is not a GraphQL request, or its client left before the answer.',
  BAD_USER_INPUT: 'An argument or variable has the wrong type or an impossible value.',
  BAD_ID: 'The id is not one that this server gave.',
  CURSOR_INVALID: 'The cursor is damaged, or belongs to another list, order or stream.',
  BAD_PAGE: 'first/last/after/before contradict each other or leave the limits.',
  BAD_FILTER: 'The filter is empty where it may not be, too large, or contradicts itself.',
  BAD_ATTRIBUTE: 'The name is not a ClassAd attribute name.',
  UNKNOWN_GRID: 'No grid of that name is configured.',
  UNKNOWN_SCHEDD: 'The pool knows no schedd of that name.',
  NOT_FOUND: 'The thing does not exist, or not for this caller.',
  CAPABILITY_MISSING: 'The grid, or this version of the server, cannot do that.',
  UNAUTHENTICATED: 'The token is missing, unknown or expired.',
  FORBIDDEN: 'The caller may not do that.',
  IDEMPOTENCY_CONFLICT: 'The idempotency key was used before, with another input.',
  LIMIT_EXCEEDED: 'The document, page, payload or number of streams is over a limit.',
  TOO_MANY_REQUESTS: 'The caller has too many operations running; try again later.',
  THROTTLED: 'The grid asked to slow down; try again later.',
  UNAVAILABLE: 'The grid, or the one part that was asked for, does not answer.',
  TIMED_OUT: 'The grid did not answer within its deadline.',
  INTERNAL_SERVER_ERROR: 'A fault of the server; the log has the details under the id.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** Codes that a later, identical call may not meet again. */
const retryable: ReadonlySet<ErrorCode> = new Set([
  'TOO_MANY_REQUESTS',
  'THROTTLED',
  'UNAVAILABLE',
  'TIMED_OUT',
]);

export interface GridErrorOptions extends ErrorOptions {
  /** Milliseconds after which a retry makes sense, where that is known. */
  readonly retryAfterMs?: number;
}

/** An error whose message may be shown to a client: what was expected, what came, what to do. */
export class GridError extends Error {
  override readonly name = 'GridError';
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: GridErrorOptions = {},
  ) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs;
  }

  get retryable(): boolean {
    return retryable.has(this.code);
  }
}

/** The error as a `GridError`; anything unforeseen becomes INTERNAL_SERVER_ERROR with the cause kept for the log. */
export function asGridError(error: unknown): GridError {
  if (error instanceof GridError) return error;
  return new GridError('INTERNAL_SERVER_ERROR', 'The server failed while answering.', {
    cause: error,
  });
}
