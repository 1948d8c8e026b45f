/** A WebSocket client that speaks no protocol of its own: tests write the frames. */
import { WebSocket, type ClientOptions } from 'ws';

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface RawSocket extends Disposable {
  readonly socket: WebSocket;
  readonly protocol: string;
  readonly closed: Promise<Closed>;
  send(message: unknown): void;
  sendText(text: string | Buffer): void;
  /** The next message; rejects where the socket closes first. */
  next(): Promise<Message>;
  /** Messages that came and were not taken. */
  readonly inbox: readonly Message[];
}

export async function openSocket(
  url: string,
  options: Omit<ClientOptions, 'protocol'> & { readonly protocol?: string | null } = {},
): Promise<RawSocket> {
  const { protocol = 'graphql-transport-ws', ...rest } = options;
  const socket = new WebSocket(url, protocol === null ? [] : [protocol], rest);
  const inbox: Message[] = [];
  const waiting: { resolve: (message: Message) => void; reject: (error: Error) => void }[] = [];
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Message;
    const waiter = waiting.shift();
    if (waiter) waiter.resolve(message);
    else inbox.push(message);
  });
  let over: Closed | undefined;
  const closed = new Promise<Closed>((resolve) =>
    socket.once('close', (code, reason) => {
      over = { code, reason: String(reason) };
      for (const { reject } of waiting.splice(0)) reject(asError(over));
      resolve(over);
    }),
  );
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => undefined); // the close tells
  return {
    socket,
    protocol: socket.protocol,
    closed,
    inbox,
    send: (message) => socket.send(JSON.stringify(message)),
    sendText: (text) => socket.send(text),
    next() {
      const message = inbox.shift();
      if (message) return Promise.resolve(message);
      if (over) return Promise.reject(asError(over));
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    [Symbol.dispose]: () => socket.terminate(),
  };
}

/** Opens and says hello. */
export async function connect(
  url: string,
  payload?: Record<string, unknown>,
  options: ClientOptions = {},
): Promise<RawSocket> {
  const socket = await openSocket(url, options);
  socket.send({ type: 'connection_init', ...(payload ? { payload } : {}) });
  const { type } = await socket.next();
  if (type !== 'connection_ack') throw new Error(`Expected connection_ack, came ${type}.`);
  return socket;
}

export const subscribe = (
  socket: RawSocket,
  id: string,
  query: string,
  more: Record<string, unknown> = {},
): void => socket.send({ id, type: 'subscribe', payload: { query, ...more } });

/** The status and body with which the server refused an upgrade. */
export function refusedUpgrade(
  url: string,
  options: ClientOptions = {},
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, 'graphql-transport-ws', options);
    socket.once('open', () => {
      socket.terminate();
      reject(new Error('The upgrade was accepted.'));
    });
    socket.once('error', reject);
    socket.once('unexpected-response', (_, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
}

const asError = ({ code, reason }: Closed): Error => new Error(`Closed with ${code} ${reason}.`);
