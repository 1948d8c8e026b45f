/** GraphQL over HTTP on plain node requests: who asks, how much, and then Apollo. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HeaderMap, type ApolloServer } from '@apollo/server';
import type { Authenticator } from '../access/authenticator.js';
import { mayAct } from '../access/caller.js';
import type { LimitSettings } from '../config/settings.js';
import { GridError } from '../errors.js';
import type { TracedRequest } from './apollo.js';
import { discard, isJson, parseJson, readBody } from './body.js';
import type { Concurrency } from './concurrency.js';
import { checkDocumentSize } from './limits.js';
import { clientGone, type MakeContext, type Trace } from './operation.js';
import { send } from './respond.js';

export interface HttpOperationsOptions {
  readonly apollo: ApolloServer<object>;
  readonly authenticator: Authenticator;
  readonly concurrency: Concurrency;
  readonly limits: LimitSettings;
  readonly makeContext: MakeContext;
  readonly draining: AbortSignal;
}

/** Answers one request; throws GridError for what never reaches the graph. */
export type AnswerOperation = (
  request: IncomingMessage,
  response: ServerResponse,
  trace: Trace,
) => Promise<void>;

export function httpOperations(options: HttpOperationsOptions): AnswerOperation {
  const { apollo, authenticator, concurrency, limits, makeContext, draining } = options;
  return async (request, response, trace) => {
    if (draining.aborted) {
      throw new GridError('UNAVAILABLE', 'The server is stopping; ask again.', {
        retryAfterMs: 1_000,
      });
    }
    const caller = await authenticator.authenticate(request.headers.authorization);
    trace.identity = caller.identity;
    const leave = concurrency.enter('operations', caller.identity);
    const gone = new AbortController();
    const onClose = (): void => gone.abort(clientGone);
    response.once('close', onClose);
    try {
      const body = await bodyOf(
        request,
        mayAct(caller) ? limits.submitBodyBytes : limits.bodyBytes,
      );
      const { query } = (body ?? {}) as { readonly query?: unknown };
      if (typeof query === 'string') checkDocumentSize(query, limits);
      const httpGraphQLRequest: TracedRequest = {
        method: request.method ?? '',
        headers: headersOf(request),
        search: searchOf(request.url ?? ''),
        body,
        trace,
      };
      const { requestId } = trace;
      const answer = await apollo.executeHTTPGraphQLRequest({
        httpGraphQLRequest,
        context: async () => makeContext({ caller, requestId, signal: gone.signal, draining }),
      });
      const status = answer.status ?? 200;
      if (status >= 400 && trace.outcome === 'OK') {
        trace.outcome = status >= 500 ? 'INTERNAL_SERVER_ERROR' : 'BAD_REQUEST';
      }
      // Incremental delivery does not exist with graphql 16: an answer is always complete.
      if (answer.body.kind !== 'complete') throw new Error('Apollo answered in parts.');
      for (const [name, value] of answer.headers) response.setHeader(name, value);
      send(response, status, answer.body.string);
    } finally {
      // An answer counts until it is on its way: it waits in memory for a client that does not read it.
      if (response.destroyed || response.writableFinished) leave();
      else response.once('close', leave);
      // What still runs for this answer is over once the answer is there.
      response.off('close', onClose);
      gone.abort(clientGone);
    }
  };
}

/** Only the headers that Apollo reads. */
const readHeaders = [
  'accept',
  'content-type',
  'apollo-require-preflight',
  'x-apollo-operation-name',
] as const;

function headersOf(request: IncomingMessage): HeaderMap {
  const headers = new HeaderMap();
  for (const name of readHeaders) {
    const value = request.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  return headers;
}

const searchOf = (url: string): string => {
  const start = url.indexOf('?');
  return start < 0 ? '' : url.slice(start);
};

/** Anything but JSON stays unread: Apollo refuses it, or CSRF prevention does. */
async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  if (request.method !== 'POST' || !isJson(request.headers['content-type'])) return undefined;
  try {
    return parseJson(await readBody(request, maxBytes));
  } catch (error) {
    await discard(request);
    throw error;
  }
}
