/** Subscriptions over plain HTTP: server-sent events in the distinct connections mode of the GraphQL over SSE protocol. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GraphQLSchema } from 'graphql';
import type { Authenticator } from '../access/authenticator.js';
import type { LimitSettings, ServerSettings } from '../config/settings.js';
import { GridError } from '../errors.js';
import { discard } from './body.js';
import type { Concurrency } from './concurrency.js';
import { after, endFrameMs } from './deadline.js';
import type { ReadDocument } from './documents.js';
import { formatError, type LogFault } from './errors.js';
import { readEventRequest } from './event-request.js';
import type { Metrics } from './metrics.js';
import { clientGone, noteErrors, type Trace } from './operation.js';
import { errorsOf, prepare } from './prepare.js';
import { EncodedFrame } from './streams/encoded-frame.js';
import { Member, type Outlet } from './streams/member.js';
import { streamKey } from './streams/stream-key.js';
import type { Streams } from './streams/streams.js';

export interface EventStreamsOptions {
  readonly schema: GraphQLSchema;
  readonly settings: ServerSettings;
  readonly limits: LimitSettings;
  readonly documents: ReadDocument;
  readonly streams: Streams;
  readonly authenticator: Authenticator;
  readonly concurrency: Concurrency;
  readonly draining: AbortSignal;
  readonly metrics: Metrics;
  readonly logFault: LogFault;
}

export interface EventStreams {
  /** Resolves when the stream is over; throws GridError for what never reaches the graph. */
  answer(request: IncomingMessage, response: ServerResponse, trace: Trace): Promise<void>;
  /** Streams say END; those that don't are cut after `withinMs`. */
  stop(withinMs: number): Promise<void>;
}

/** Some clients accept events behind JSON in every request, and mean JSON. */
export const wantsEvents = ({ headers }: IncomingMessage): boolean =>
  /^\s*text\/event-stream\b/i.test(headers.accept ?? '');

const complete = 'event: complete\ndata: \n\n';

export function createEventStreams(options: EventStreamsOptions): EventStreams {
  const { schema, settings, limits, streams, authenticator, concurrency, metrics } = options;
  const open = new Set<ServerResponse>();
  /** Those that have taken nothing since the last comment. */
  const stuck = new WeakSet<ServerResponse>();
  const comments = setInterval(keepAlive, settings.keepAliveMs);
  comments.unref();

  /** Keeps proxies from taking a quiet stream for a dead one; a peer that takes nothing at all is cut, as a socket without pongs. */
  function keepAlive(): void {
    for (const response of open) {
      if (!response.headersSent) continue; // its request is still being read
      if (!response.writableNeedDrain) response.write(':\n\n');
      else if (stuck.has(response)) response.destroy();
      else {
        stuck.add(response);
        response.once('drain', () => stuck.delete(response));
      }
    }
  }

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    trace: Trace,
  ): Promise<void> {
    if (options.draining.aborted) {
      throw new GridError('UNAVAILABLE', 'The server is stopping; ask again.', {
        retryAfterMs: 1_000,
      });
    }
    const caller = await authenticator.authenticate(request.headers.authorization);
    trace.identity = caller.identity;
    if (open.size >= limits.connections) {
      const message = `${open.size} event streams are open; at most ${limits.connections} are allowed.`;
      throw new GridError('UNAVAILABLE', message, { retryAfterMs: 1_000 });
    }
    const leave = concurrency.enter('subscriptions', caller.identity);
    const gone = new AbortController();
    response.once('close', () => gone.abort(clientGone));
    metrics.subscriptions(1);
    open.add(response);
    let cancelExpiry = (): void => undefined;
    try {
      const { query, operationName, variables } = await readEventRequest(request, caller, limits);
      if (response.destroyed) return;
      begin(response);
      const outlet = outletOf(response, trace);
      const format = (error: unknown) => formatError(error, trace.requestId, options.logFault);
      try {
        const { requestId } = trace;
        const prepared = prepare({ query, operationName, variables }, caller, trace, options);
        const { document, operation } = prepared;
        if (trace.type !== 'subscription') throw onlySubscriptions();
        const member = await streams.subscribe(
          {
            key: streamKey({ query, document, operation, variables, caller }),
            caller,
            requestId,
            signal: gone.signal,
            args: { schema, document, operationName, variableValues: variables },
          },
          outlet,
        );
        if (member instanceof Member) {
          gone.signal.addEventListener('abort', () => member.end());
          if (caller.expiresAt !== null) {
            const ms = caller.expiresAt - Date.now() + settings.expiryGraceMs;
            cancelExpiry = after(ms, () => response.destroy());
          }
          if (gone.signal.aborted) member.end();
          await member.next();
        } else outlet.write(new EncodedFrame(member, format));
      } catch (error) {
        outlet.write(new EncodedFrame({ errors: errorsOf(error) }, format));
      }
      if (!response.destroyed) response.end(complete);
    } catch (error) {
      await discard(request);
      throw error;
    } finally {
      cancelExpiry();
      open.delete(response);
      metrics.subscriptions(-1);
      leave();
    }
  }

  return {
    answer,

    async stop(withinMs) {
      clearInterval(comments);
      const ended = [...open].map(
        (response) => new Promise<void>((resolve) => response.once('close', () => resolve())),
      );
      const cancel = after(Math.min(endFrameMs, withinMs), () => {
        // Without "complete": there is more to come, elsewhere.
        for (const response of open) response.destroy();
      });
      await Promise.all(ended);
      cancel();
    },
  };
}

function begin(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // nginx would gather what it passes on.
    'x-accel-buffering': 'no',
  });
  // A comment: some clients and proxies wait for the first byte.
  response.write(':\n\n');
}

const outletOf = (response: ServerResponse, trace: Trace): Outlet => ({
  get ready() {
    return !response.writableNeedDrain;
  },
  onReady: (act) => void response.once('drain', act),
  write(frame) {
    if (frame.errors) noteErrors(trace, frame.errors);
    if (!response.destroyed) response.write(frame.bytes(asEvent));
  },
});

const asEvent = (text: string): string => `event: next\ndata: ${text}\n\n`;

const onlySubscriptions = (): GridError =>
  new GridError(
    'BAD_REQUEST',
    'Only subscriptions are answered as text/event-stream. Send queries and mutations with accept: application/json.',
  );
