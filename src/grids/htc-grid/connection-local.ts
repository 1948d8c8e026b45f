/**
 * The embedded table over plain HTTP and JSON: the same operations without the official client,
 * whose signing and middleware take six times as long as the call itself and half a second to load.
 */
import { Agent, request } from 'node:http';
import type { OnCall } from './calls.js';
import { timed } from './calls.js';
import type { Connection, Operation, Operations } from './connection.js';
import { kindOf, labelOf, unitsOf } from './connection.js';

export interface LocalSettings {
  readonly table: string;
  readonly endpoint: string;
  /** How long one call may take. @default 30_000 */
  readonly callMs?: number;
  readonly onCall?: OnCall;
}

/** The emulator wants a signature to be there and does not read it. */
const headers = {
  'content-type': 'application/x-amz-json-1.0',
  authorization:
    'AWS4-HMAC-SHA256 Credential=embedded/20260101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=none',
  'x-amz-date': '20260101T000000Z',
};

export function connectLocally(settings: LocalSettings): Connection {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const label = labelOf(settings.table);
  return {
    table: settings.table,
    label,
    send: <O extends Operation>(
      operation: O,
      input: Operations[O]['input'],
      signal?: AbortSignal,
    ): Promise<Operations[O]['output']> =>
      timed(
        kindOf[operation],
        label,
        settings.onCall,
        signal,
        () => post(settings, agent, operation, JSON.stringify(input), signal),
        unitsOf,
      ),
    close: () => {
      agent.destroy();
    },
  };
}

function post(
  { endpoint, callMs = 30_000 }: LocalSettings,
  agent: Agent,
  operation: Operation,
  body: string,
  signal: AbortSignal | undefined,
): Promise<object> {
  return new Promise((resolve, reject) => {
    const call = request(endpoint, {
      method: 'POST',
      agent,
      timeout: callMs,
      headers: {
        ...headers,
        'x-amz-target': `DynamoDB_20120810.${operation}`,
        'content-length': Buffer.byteLength(body),
      },
      ...(signal === undefined ? {} : { signal }),
    });
    call.on('timeout', () => {
      call.destroy(named('TimeoutError', `no answer within ${String(callMs)} ms`));
    });
    call.on('error', reject);
    call.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const answer = parse(Buffer.concat(chunks).toString('utf8'));
        if (answer === undefined) reject(new Error('The embedded table answered without JSON.'));
        else if (response.statusCode === 200) resolve(answer);
        else reject(failureOf(answer));
      });
    });
    call.end(body);
  });
}

interface Answer {
  readonly __type?: string;
  readonly message?: string;
  readonly Message?: string;
}

function parse(text: string): Answer | undefined {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return undefined;
  }
}

/** The name after the `#` is the one the official client gives the error. */
function failureOf(answer: Answer): Error {
  const name = answer.__type?.split('#').at(-1) ?? 'UnknownError';
  return named(name, answer.message ?? answer.Message ?? name);
}

function named(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}
