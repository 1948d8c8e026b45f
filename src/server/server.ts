/** The server: GraphQL over HTTP, server-sent events and WebSocket, health, metrics and the playground on one port. */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GraphQLSchema } from 'graphql';
import type { Authenticator } from '../access/authenticator.js';
import { bare, inUrl } from '../config/loopback.js';
import type { LimitSettings, ServerSettings } from '../config/settings.js';
import { GridError } from '../errors.js';
import { startApollo } from './apollo.js';
import { Concurrency } from './concurrency.js';
import { after } from './deadline.js';
import { documentReader } from './documents.js';
import { maskedMessage } from './errors.js';
import { createGate } from './gate.js';
import { createEventStreams, wantsEvents } from './event-streams.js';
import { httpOperations } from './http-operations.js';
import { requestIdOf, type Logger } from './log.js';
import type { Metrics } from './metrics.js';
import { recordTrace, startTrace, type MakeContext } from './operation.js';
import { readAgain, wantsWebSocket } from './plain-request.js';
import { playgroundFiles } from './playground-files.js';
import { createReadiness, type AskReadiness } from './readiness.js';
import { sendError, sendJson, sendText, send } from './respond.js';
import { createSockets, refuseUpgrade } from './sockets.js';
import { Streams } from './streams/streams.js';

export interface ServerOptions {
  /** Root fields are guarded already (see rules.ts). */
  readonly schema: GraphQLSchema;
  readonly settings: ServerSettings;
  readonly limits: LimitSettings;
  readonly authenticator: Authenticator;
  readonly makeContext: MakeContext;
  readonly readiness: AskReadiness;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** The folder of the built playground. */
  readonly playground: string;
}

export interface Server {
  /** Resolves with the base address once requests are taken. */
  listen(): Promise<URL>;
  /** No new work, running work finishes within `shutdownMs`, everything is closed. */
  stop(): Promise<void>;
}

/** How long the rest of a request may take to come when the server stops, once all others are answered. */
const unsentMs = 1_000;

export async function createServer(options: ServerOptions): Promise<Server> {
  const { schema, settings, limits, authenticator, makeContext, metrics, log } = options;
  const drain = new AbortController();
  const draining = drain.signal;
  const concurrency = new Concurrency(limits);
  const { introspection } = settings;
  const logFault = ({ id, error }: { readonly id: string; readonly error: unknown }): void =>
    log.error({ requestId: id, err: error }, 'fault');
  const apollo = await startApollo({ schema, limits, introspection, log, logFault });
  const answerOperation = httpOperations({
    apollo,
    authenticator,
    concurrency,
    limits,
    makeContext,
    draining,
  });
  const documents = documentReader(schema, limits, introspection);
  const streams = new Streams({ makeContext, draining, metrics, logFault });
  const parts = { ...options, documents, streams, concurrency, draining, logFault };
  const sockets = createSockets(parts);
  const eventStreams = createEventStreams(parts);
  const readiness = createReadiness(options.readiness, draining);
  const playground = settings.playground ? await playgroundFiles(options.playground) : undefined;
  const gate = createGate(settings);
  /** Requests whose answers have not gone. */
  const answering = new Set<IncomingMessage>();

  const http = createHttpServer(
    { requestTimeout: settings.requestTimeoutMs, headersTimeout: settings.requestTimeoutMs },
    (request, response) => void answer(request, response),
  );
  http.on('upgrade', (request, socket, head: Buffer) => {
    if (!wantsWebSocket(request)) return readAgain(http, request, socket, head);
    socket.on('error', () => socket.destroy());
    try {
      gate(request);
      if (pathOf(request) !== '/graphql') throw notFound(pathOf(request));
      if (draining.aborted) throw new GridError('UNAVAILABLE', 'The server is stopping.');
      sockets.upgrade(request, socket, head);
    } catch (error) {
      refuseUpgrade(socket, asGridError(error, requestIdOf(undefined)));
    }
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    answering.add(request);
    response.once('close', () => answering.delete(request));
    const requestId = requestIdOf(request.headers['x-request-id']);
    response.setHeader('x-request-id', requestId);
    response.setHeader('x-content-type-options', 'nosniff');
    if (draining.aborted) response.setHeader('connection', 'close');
    try {
      gate(request);
      if (pathOf(request) === '/graphql') await answerGraph(request, response, requestId);
      else await answerRest(request, response);
    } catch (error) {
      if (!response.headersSent) sendError(response, asGridError(error, requestId));
      else response.destroy();
    }
    // What is left of the answer waits for its reader: one that takes nothing for so long is cut.
    response.socket?.setTimeout(settings.keepAliveMs);
  }

  async function answerGraph(
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): Promise<void> {
    const events = wantsEvents(request);
    const trace = startTrace(events ? 'sse' : 'http', requestId);
    try {
      if (events) await eventStreams.answer(request, response, trace);
      else await answerOperation(request, response, trace);
    } catch (error) {
      trace.outcome = asGridError(error, requestId, () => undefined).code;
      throw error;
    } finally {
      recordTrace(trace, metrics, log);
    }
  }

  async function answerRest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return sendText(response, 405, 'Expected GET.\n');
    }
    switch (path) {
      case '/healthz':
        return sendText(response, 200, 'OK\n');
      case '/readyz': {
        const { ready, ...body } = await readiness();
        return sendJson(response, ready ? 200 : 503, body);
      }
      case '/metrics':
        await authenticator.authenticate(request.headers.authorization);
        response.setHeader('content-type', metrics.contentType);
        return send(response, 200, await metrics.text());
      default:
        if (!playground?.serve(path, request, response)) throw notFound(path);
    }
  }

  function asGridError(error: unknown, id: string, report = logFault): GridError {
    if (error instanceof GridError && error.code !== 'INTERNAL_SERVER_ERROR') return error;
    report({ id, error });
    return new GridError('INTERNAL_SERVER_ERROR', maskedMessage(id), { cause: error });
  }

  return {
    listen: () =>
      new Promise((resolve, reject) => {
        http.once('error', reject);
        http.listen(settings.port, bare(settings.host), () => {
          http.off('error', reject);
          http.on('error', (error) => log.error({ err: error }, 'http'));
          const { port } = http.address() as AddressInfo;
          resolve(new URL(`http://${inUrl(settings.host)}:${port}/`));
        });
      }),

    async stop() {
      if (draining.aborted) return;
      drain.abort(new GridError('UNAVAILABLE', 'The server is stopping.'));
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      http.closeIdleConnections();
      const unsentUntil = performance.now() + unsentMs;
      // A connection is idle once its answer has gone; nothing else tells of that moment.
      const idle = setInterval(() => {
        http.closeIdleConnections();
        const isAnswering = [...answering].some(({ complete }) => complete);
        if (!isAnswering && performance.now() > unsentUntil) http.closeAllConnections();
      }, 50);
      const cancel = after(settings.shutdownMs, () => http.closeAllConnections());
      const { shutdownMs } = settings;
      await Promise.all([closed, sockets.stop(shutdownMs), eventStreams.stop(shutdownMs)]);
      clearInterval(idle);
      cancel();
      await apollo.stop();
    },
  };
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

const notFound = (path: string): GridError =>
  new GridError('NOT_FOUND', `Nothing is at ${path.slice(0, 100)}. GraphQL is at /graphql.`);
