/** One HTTP call with a deadline and a bound on its answer; what failed says whether it can have arrived. */
import type { IncomingMessage } from 'node:http';
import http from 'node:http';
import https from 'node:https';
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

/**
 * A connection of its own for each call: one that was idle may be closed by the other side just as the
 * call goes out, and then nobody knows whether it has arrived.
 */
export function httpCall(call: HttpCall): Promise<Answer> {
  const { what, method, url, headers, body, callMs, signal } = call;
  signal.throwIfAborted();
  const limit = AbortSignal.timeout(callMs);
  return new Promise((resolve, reject) => {
    let connected = false;
    const isSecure = url.startsWith('https:');
    const fail = (error: Error) => {
      const reason =
        signal.aborted && signal.reason instanceof GridError
          ? signal.reason
          : limit.aborted
            ? new GridError('TIMED_OUT', `${what} did not answer within ${String(callMs)} ms.`)
            : new GridError('UNAVAILABLE', `${what} does not answer${codeOf(error)}.`, {
                cause: error,
              });
      reject(new HttpFailure(reason, connected));
    };
    const outgoing = (isSecure ? https : http).request(
      url,
      { method, headers, agent: false, signal: AbortSignal.any([signal, limit]) },
      (incoming) => {
        read(incoming, call.maxBytes).then((text) => {
          resolve({
            status: incoming.statusCode ?? 0,
            text,
            date: incoming.headers.date ?? null,
            retryAfterMs: secondsOf(incoming.headers['retry-after']),
          });
        }, fail);
      },
    );
    outgoing.once('socket', (socket) => {
      socket.once(isSecure ? 'secureConnect' : 'connect', () => {
        connected = true;
      });
    });
    outgoing.once('error', fail);
    outgoing.end(body);
  });
}

async function read(incoming: IncomingMessage, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxBytes) throw new Error('The answer is too long.');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function codeOf(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return code === '' ? '' : ` (${code})`;
}

function secondsOf(header: string | undefined): number | undefined {
  const seconds = Number(header ?? 'none');
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 60) * 1000 : undefined;
}
