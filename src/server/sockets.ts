/** The WebSocket side of the server: upgrades, message sizes, pings, expiry and the orderly end. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { makeServer, GRAPHQL_TRANSPORT_WS_PROTOCOL } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import { mayAct } from '../access/caller.js';
import type { LimitSettings, ServerSettings } from '../config/settings.js';
import { GridError } from '../errors.js';
import { after, endFrameMs } from './deadline.js';
import { errorBody } from './errors.js';
import { isTooDeep } from './limits.js';
import { requestIdOf } from './log.js';
import { statusOf } from './respond.js';
import { inSlices } from './slices.js';
import { FrameOutlet } from './socket-outlet.js';
import {
  socketOperations,
  type Connection,
  type SocketOperationsOptions,
} from './socket-operations.js';

export interface SocketsOptions extends Omit<SocketOperationsOptions, 'initTimeoutMs'> {
  readonly settings: ServerSettings;
  readonly limits: LimitSettings;
}

export interface Sockets {
  /** Takes over a connection that passed the gate. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes each socket with 1001: at once, or when its queries are done, at the latest after `withinMs`. */
  stop(withinMs: number): Promise<void>;
}

/** What a socket may send before it has said who it is. */
const initBytes = 64 * 1024;
/** What may wait for a peer to read it before the server leaves unread what the peer sends. */
const unreadBytes = 256 * 1024;
/** How long a peer may take to answer a close. */
const closeMs = 1_000;

export function createSockets(options: SocketsOptions): Sockets {
  const { settings, limits, metrics, log } = options;
  const operations = makeServer<Record<string, unknown> | undefined, Connection>(
    socketOperations({ ...options, initTimeoutMs: settings.initTimeoutMs }),
  );
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.submitBodyBytes,
    perMessageDeflate: false,
    // One message a turn: a Complete is over before a Subscribe with the same id begins.
    allowSynchronousEvents: false,
    handleProtocols: (protocols) =>
      protocols.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : false,
  });
  const open = new Map<WebSocket, Connection>();
  const silent = new WeakSet<WebSocket>();
  const pings = setInterval(pingAll, settings.keepAliveMs);
  pings.unref();
  let stopping = false;

  function opened(socket: WebSocket, request: IncomingMessage): void {
    const { socket: stream } = request;
    const outlet = new FrameOutlet(socket, stream);
    let cancelExpiry: () => void = () => undefined;
    const connection: Connection = {
      requestId: requestIdOf(request.headers['x-request-id']),
      authorization: request.headers.authorization,
      caller: null,
      outlet,
      running: new Map(),
      close: (code, reason) => socket.close(code, reasonThatFits(reason)),
      authenticated({ expiresAt }) {
        if (expiresAt === null || socket.readyState !== socket.OPEN) return;
        const ms = expiresAt - Date.now() + settings.expiryGraceMs;
        cancelExpiry = after(ms, () => socket.close(4403, 'The token has expired'));
      },
      // A turn later: the frame that says so to the client is still to be sent.
      ended: () => void setImmediate(() => closeWhenIdle(connection)),
    };
    open.set(socket, connection);
    metrics.sockets(1);
    const closed = operations.opened(
      {
        protocol: socket.protocol,
        send: (text) =>
          new Promise((resolve) => {
            if (socket.readyState !== socket.OPEN) return resolve();
            // A send that fails because the peer went away is no fault: the close that follows ends all.
            socket.send(text, () => resolve());
          }),
        close: (code, reason) => connection.close(code ?? 1000, reason ?? ''),
        onPing: async (payload) => {
          if (isTooDeep(payload)) return connection.close(4400, 'The payload is nested too deeply');
          if (socket.readyState === socket.OPEN) {
            socket.send(JSON.stringify({ type: 'pong', payload }));
          }
        },
        onMessage: (receive) =>
          socket.on('message', (data: Buffer, isBinary) => {
            if (socket.readyState !== socket.OPEN) return;
            // Its pong may wait behind what it has sent before.
            silent.delete(socket);
            if (isBinary) return connection.close(4400, 'Expected a text message');
            waitForReader();
            const maxBytes = maxMessageBytes(connection);
            if (data.length > maxBytes) {
              return connection.close(1009, `A message may have at most ${maxBytes} bytes`);
            }
            receive(data.toString('utf8')).catch((error: unknown) => {
              if (socket.readyState !== socket.OPEN) return;
              if (isOfServers(error)) return connection.close(4400, 'Invalid message received');
              options.logFault({ id: connection.requestId, error });
              connection.close(1011, `Internal error, id ${connection.requestId}`);
            });
          }),
      },
      connection,
    );
    // Whoever asks without reading the answers waits, instead of filling the memory with them.
    const waitForReader = (): void => {
      if (socket.bufferedAmount > unreadBytes) socket.pause();
    };
    stream.on('drain', () => {
      socket.resume();
      outlet.drained();
    });
    socket.on('ping', waitForReader);
    socket.on('pong', () => silent.delete(socket));
    socket.on('error', (error) =>
      log.debug({ requestId: connection.requestId, err: error }, 'socket'),
    );
    socket.once('close', (code, reason) => {
      cancelExpiry();
      open.delete(socket);
      metrics.sockets(-1);
      closed(code, String(reason)).catch((error: unknown) =>
        options.logFault({ id: connection.requestId, error }),
      );
    });
    if (stopping) connection.close(1001, 'Going away');
  }

  function maxMessageBytes({ caller }: Connection): number {
    if (!caller) return initBytes;
    return mayAct(caller) ? limits.submitBodyBytes : limits.bodyBytes;
  }

  function pingAll(): void {
    void inSlices(open.keys(), (socket) => {
      if (silent.has(socket)) return socket.terminate();
      silent.add(socket);
      socket.ping();
    });
  }

  function closeWhenIdle(connection: Connection): void {
    if (stopping && connection.running.size === 0) connection.close(1001, 'Going away');
  }

  return {
    upgrade(request, socket, head) {
      if (open.size >= limits.connections) {
        const message = `${open.size} WebSockets are open; at most ${limits.connections} are allowed.`;
        return refuseUpgrade(
          socket,
          new GridError('UNAVAILABLE', message, { retryAfterMs: 1_000 }),
        );
      }
      server.handleUpgrade(request, socket, head, (accepted) => opened(accepted, request));
    },

    async stop(withinMs) {
      stopping = true;
      clearInterval(pings);
      const allClosed = [...open.keys()].map(
        (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
      );
      for (const connection of open.values()) closeWhenIdle(connection);
      const closeAll = (which: (connection: Connection) => boolean) => (): void => {
        for (const connection of open.values()) {
          if (which(connection)) connection.close(1001, 'Going away');
        }
      };
      const cancels = [
        after(Math.min(endFrameMs, withinMs), closeAll(hasOnlyStreams)),
        after(
          withinMs,
          closeAll(() => true),
        ),
        after(withinMs + closeMs, () => open.forEach((_, socket) => socket.terminate())),
      ];
      await Promise.all(allClosed);
      cancels.forEach((cancel) => cancel());
      server.close();
    },
  };
}

/** Answers an upgrade with an error and ends the connection. */
export function refuseUpgrade(socket: Duplex, error: GridError): void {
  const body = `${JSON.stringify(errorBody(error))}\n`;
  const status = statusOf(error.code);
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

const hasOnlyStreams = ({ running }: Connection): boolean =>
  [...running.values()].every(({ trace }) => trace.type === 'subscription');

/** How graphql-ws tells of a message that is well formed and not for a client to send. */
const isOfServers = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('Unexpected message of type');

/** A close frame holds at most 123 bytes of reason. */
function reasonThatFits(reason: string): string {
  let text = reason;
  while (Buffer.byteLength(text) > 123) text = text.slice(0, -1);
  return text;
}
