/**
 * The embedded table by messages to its thread: the same operations without the official client and
 * without HTTP, which take several times as long as the call itself.
 */
import type { OnCall } from './calls.js';
import { timed } from './calls.js';
import type { Connection, Operation, Operations } from './connection.js';
import { kindOf, labelOf, unitsOf } from './connection.js';
import type { LocalDynamoDb } from './dynamodb-thread.js';
import type { JsonAnswer } from './json-post.js';
import { failureOf, named } from './json-post.js';

export interface LocalSettings {
  readonly table: string;
  readonly dynamo: Pick<LocalDynamoDb, 'call'>;
  /** How long one call may take. @default 30_000 */
  readonly callMs?: number;
  readonly onCall?: OnCall;
}

export function connectLocally(settings: LocalSettings): Connection {
  const { table, dynamo, callMs = 30_000, onCall } = settings;
  const label = labelOf(table);
  const ask = async (
    operation: Operation,
    input: object,
    signal: AbortSignal | undefined,
  ): Promise<object> => {
    const call = dynamo.call(operation, JSON.stringify(input));
    const { status, body } = await limited(call, callMs, signal);
    const answer = JSON.parse(body) as JsonAnswer;
    if (status === 200) return answer;
    throw failureOf(answer);
  };
  return {
    table,
    label,
    send: <O extends Operation>(
      operation: O,
      input: Operations[O]['input'],
      signal?: AbortSignal,
    ): Promise<Operations[O]['output']> =>
      timed(kindOf[operation], label, onCall, signal, () => ask(operation, input, signal), unitsOf),
    close: () => undefined,
  };
}

/** An answer that comes later than anybody waits for it is dropped. */
function limited<T>(call: Promise<T>, callMs: number, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(named('TimeoutError', `no answer within ${String(callMs)} ms`));
    }, callMs);
    const abort = () => {
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', abort, { once: true });
    void call.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    });
  });
}
