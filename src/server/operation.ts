/** One operation on its way through the server: what a context is made from, and what log and metrics say of it. */
import type { Caller } from '../access/caller.js';
import { GridError } from '../errors.js';
import type { StreamResume } from '../streams/index.js';
import type { Logger } from './log.js';
import type { Metrics, OperationType, Transport } from './metrics.js';

/** What a transport knows when it asks for the context of an operation. */
export interface OperationRequest {
  readonly caller: Caller;
  readonly requestId: string;
  /** Aborts when the operation has ended or its client is gone. */
  readonly signal: AbortSignal;
  /** Aborts when the server begins to stop: streams say END and finish. */
  readonly draining: AbortSignal;
  /** Of a stream that the server itself goes on with for its subscribers. */
  readonly resume?: StreamResume;
}

/** Why work is ended whose client has gone: it has an answer for nobody, and is no fault of the server. */
export const clientGone = new GridError(
  'BAD_REQUEST',
  'The client left before the answer was there.',
);

export type MakeContext = (request: OperationRequest) => object;

/** Filled in as the operation goes. */
export interface Trace {
  readonly transport: Transport;
  readonly requestId: string;
  readonly startedAt: number;
  identity: string | null;
  type: OperationType;
  name: string | null;
  /** OK, or the code of the first error. */
  outcome: string;
}

export const startTrace = (transport: Transport, requestId: string): Trace => ({
  transport,
  requestId,
  startedAt: performance.now(),
  identity: null,
  type: 'none',
  name: null,
  outcome: 'OK',
});

/** The first error is the outcome. */
export function noteErrors(
  trace: Trace,
  errors: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[] | undefined,
): void {
  const code = errors?.[0]?.extensions?.['code'];
  if (trace.outcome === 'OK' && typeof code === 'string') trace.outcome = code;
}

export function recordTrace(trace: Trace, metrics: Metrics, log: Logger): void {
  const ms = performance.now() - trace.startedAt;
  metrics.operation(
    trace.transport,
    trace.type,
    trace.outcome,
    trace.type === 'subscription' ? undefined : ms,
  );
  log.info(
    {
      requestId: trace.requestId,
      transport: trace.transport,
      caller: trace.identity,
      type: trace.type,
      operation: trace.name,
      outcome: trace.outcome,
      ms: Math.round(ms * 10) / 10,
    },
    'operation',
  );
}
