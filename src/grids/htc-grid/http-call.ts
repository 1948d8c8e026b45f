/** One HTTP call with a deadline and a bound on its answer; what failed says whether it can have arrived. */
import { GridError } from '../../errors.js';

export interface HttpCall {
  /** The words for the other side in messages. */
  readonly what: string;
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly callMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly date: string | null;
  readonly retryAfterMs: number | undefined;
}

/** A call without an answer. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  constructor(
    readonly reason: GridError,
    /** False where no connection was made, so that nobody has heard of it. */
    readonly sent: boolean,
  ) {
    super(reason.message);
  }
}

/** Faults before the first byte of a request. */
const unsent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|ERR_TLS_\w+|ERR_SSL_\w+)$/;

export async function httpCall(call: HttpCall): Promise<Answer> {
  const { what, method, url, headers, body, callMs, maxBytes, signal } = call;
  signal.throwIfAborted();
  const limit = AbortSignal.timeout(callMs);
  try {
    const answer = await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      // Neither tokens nor keys go where a redirection says.
      redirect: 'error',
      signal: AbortSignal.any([signal, limit]),
    });
    return {
      status: answer.status,
      text: await textOf(answer, maxBytes),
      date: answer.headers.get('date'),
      retryAfterMs: secondsOf(answer.headers.get('retry-after')),
    };
  } catch (error) {
    if (limit.aborted && !signal.aborted)
      throw new HttpFailure(
        new GridError('TIMED_OUT', `${what} did not answer within ${String(callMs)} ms.`),
        true,
      );
    const code = codeOf(error);
    throw new HttpFailure(
      signal.aborted && signal.reason instanceof GridError
        ? signal.reason
        : new GridError(
            'UNAVAILABLE',
            `${what} does not answer${code === '' ? '' : ` (${code})`}.`,
            {
              cause: error,
            },
          ),
      !unsent.test(code),
    );
  }
}

async function textOf(answer: Response, maxBytes: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  if (answer.body === null) return '';
  for await (const part of answer.body as AsyncIterable<Uint8Array>) {
    bytes += part.length;
    if (bytes > maxBytes) throw new Error('The answer is too long.');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** What went wrong below `fetch`, which itself only says that it failed. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (typeof cause !== 'object' || cause === null) return '';
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause;
  const code: unknown =
    typeof first === 'object' && first !== null && 'code' in first ? first.code : undefined;
  return typeof code === 'string' ? code : '';
}

function secondsOf(header: string | null): number | undefined {
  const seconds = Number(header ?? 'none');
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 60) * 1000 : undefined;
}
