/** Every call to a table or a data plane goes through here: timed, counted, its failure put into words. */
import { setMaxListeners } from 'node:events';
import { asGridError, GridError } from '../../errors.js';

export type CallKind =
  'table-read' | 'table-write' | 'stream-read' | 'data-read' | 'data-write' | 'gateway';
type CallOutcome = 'ok' | 'refused' | 'throttled' | 'failed' | 'aborted';

export interface Call {
  readonly kind: CallKind;
  readonly outcome: CallOutcome;
  readonly ms: number;
  /** Read units that the table charged, where it said so. */
  readonly units?: number;
}
export type OnCall = (call: Call) => void;

/** An update whose condition did not hold, a table that is there already: an expected answer, not a failure. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

const throttled = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'LimitExceededException',
  'Throttling',
  'TooManyRequestsException',
  'SlowDown',
]);
const denied = new Set([
  'AccessDeniedException',
  'AccessDenied',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'ExpiredTokenException',
  'CredentialsProviderError',
]);

/** How long a reader that was told to slow down should stay away. */
const throttledRetryAfterMs = 1000;

export const throttledError = (what: string, cause?: unknown): GridError =>
  new GridError('THROTTLED', `${what} asks to slow down; try again in a second or two.`, {
    cause,
    retryAfterMs: throttledRetryAfterMs,
  });

export async function timed<T>(
  kind: CallKind,
  what: string,
  onCall: OnCall | undefined,
  signal: AbortSignal | undefined,
  run: () => Promise<T>,
  unitsOf: (answer: T) => number | undefined = () => undefined,
): Promise<T> {
  // One listener for each call under way, gone with it: many calls of one request are no leak.
  if (signal !== undefined) setMaxListeners(0, signal);
  const start = performance.now();
  const tell = (outcome: CallOutcome, units?: number) =>
    onCall?.({
      kind,
      outcome,
      ms: performance.now() - start,
      ...(units === undefined ? {} : { units }),
    });
  signal?.throwIfAborted();
  try {
    const answer = await run();
    tell('ok', unitsOf(answer));
    return answer;
  } catch (error) {
    if (signal?.aborted === true) {
      tell('aborted');
      throw signal.reason;
    }
    const told = explain(error, what);
    tell(
      told instanceof Refused
        ? 'refused'
        : told instanceof GridError && told.code === 'THROTTLED'
          ? 'throttled'
          : 'failed',
    );
    throw told;
  }
}

function explain(error: unknown, what: string): Error {
  if (error instanceof GridError) return error;
  const { name, message } = error instanceof Error ? error : { name: '', message: '' };
  if (name === 'ConditionalCheckFailedException' || name === 'ResourceInUseException')
    return new Refused(name, { cause: error });
  if (throttled.has(name)) return throttledError(what, error);
  // The client calls a connection that breaks off a time-out too. The second is what ioredis says.
  if (
    (name === 'TimeoutError' && !/^(ECONNRESET|EPIPE)$/.test(codeOf(error))) ||
    message === 'Command timed out'
  )
    return new GridError('TIMED_OUT', `${what} did not answer in time.`, { cause: error });
  if (name === 'ResourceNotFoundException' || name === 'NoSuchBucket')
    return new GridError('UNAVAILABLE', `${what} does not exist there; check name and region.`, {
      cause: error,
    });
  if (denied.has(name) || (name === 'ReplyError' && /^(NOAUTH|WRONGPASS|NOPERM)/.test(message)))
    return new GridError('UNAVAILABLE', `${what} refuses the credentials of this server.`, {
      cause: error,
    });
  if (name === 'ReplyError' && /^(OOM|LOADING|READONLY|MISCONF|CLUSTERDOWN)/.test(message))
    return new GridError('UNAVAILABLE', `${what} can't take it: ${message}`, { cause: error });
  if (isNetwork(error))
    return new GridError('UNAVAILABLE', `${what} does not answer.`, { cause: error });
  return asGridError(error);
}

/** True where the place itself gave no answer, or broke off: not where it refused, or asked to slow down. */
export const isUnanswered = (error: unknown): boolean =>
  error instanceof GridError && (error.code === 'TIMED_OUT' || isNetwork(error.cause));

function isNetwork(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    /^(ECONN|ENOTFOUND|EAI_|EPIPE|ETIMEDOUT|EHOST|ENETUNREACH|NR_CLOSED)/.test(codeOf(error)) ||
    /Connection is closed|max retries per request/i.test(error.message) ||
    ('$metadata' in error && httpStatus(error.$metadata) >= 500)
  );
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

function httpStatus(metadata: unknown): number {
  if (typeof metadata !== 'object' || metadata === null) return 0;
  return 'httpStatusCode' in metadata && typeof metadata.httpStatusCode === 'number'
    ? metadata.httpStatusCode
    : 0;
}
