/** Many subscribers with a socket each, as little as they can be: what they cost is not to be measured with the server. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface RawSubscribers {
  /** When each of them has got a message with this in it since `expect` was called, on the clock of `now`. */
  expect(text: string): Promise<number>;
  close(): void;
}

/** How many connect at the same time. */
const atOnce = 50;

interface Awaited {
  readonly text: string;
  missing: number;
  readonly done: (at: number) => void;
  readonly failed: (error: Error) => void;
}

export async function openSubscribers(
  url: URL,
  count: number,
  payload: { readonly query: string; readonly variables: object },
): Promise<RawSubscribers> {
  const sockets: Socket[] = [];
  let awaited: Awaited | undefined;
  let lost: Error | undefined;
  const got = (message: Buffer): void => {
    if (awaited === undefined || !message.includes(awaited.text)) return;
    awaited.missing -= 1;
    if (awaited.missing === 0) awaited.done(now());
  };
  const gone = (): void => {
    lost = new Error('The server closed the socket of a subscriber.');
    awaited?.failed(lost);
  };
  for (let from = 0; from < count; from += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, count - from) }, () =>
      openSubscriber(url, payload, got),
    );
    sockets.push(...(await Promise.all(some)));
  }
  for (const socket of sockets) socket.once('close', gone);
  return {
    expect: (text) =>
      new Promise((done, failed) => {
        if (lost !== undefined) return failed(lost);
        awaited = { text, missing: count, done, failed };
      }),
    close() {
      for (const socket of sockets) socket.off('close', gone).destroy();
    },
  };
}

/** Milliseconds of the clock that processes share, with fractions. */
export const now = (): number => performance.timeOrigin + performance.now();

/** Resolves with its first frame; `got` is called with the messages after it. */
function openSubscriber(
  url: URL,
  payload: object,
  got: (message: Buffer) => void,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), '127.0.0.1');
    const fail = (): void => reject(new Error('The server closed the socket of a new subscriber.'));
    socket.once('error', reject).once('close', fail);
    socket.setNoDelay(true);
    socket.write(
      `GET ${url.pathname} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
        'Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
    );
    const began = (): void => {
      listener = got;
      socket.off('close', fail);
      resolve(socket);
    };
    const acknowledged = (): void => {
      listener = began;
      socket.write(frame(text, JSON.stringify({ id: '1', type: 'subscribe', payload })));
    };
    let listener: (message: Buffer) => void = acknowledged;
    socket.once('data', () => {
      // Nothing but the answer to the upgrade: the server waits for this.
      socket.write(frame(text, JSON.stringify({ type: 'connection_init' })));
      onMessages(socket, (message) => listener(message));
    });
  });
}

const text = 0x81;
const ping = 0x89;
const pong = 0x8a;

/** Several frames may come as one chunk, and one as several; each ping is answered, or the server would end the socket. */
function onMessages(socket: Socket, act: (message: Buffer) => void): void {
  let unread: Buffer | undefined;
  socket.on('data', (chunk) => {
    let rest = unread === undefined ? chunk : Buffer.concat([unread, chunk]);
    for (let end = frameEnd(rest); end <= rest.length; end = frameEnd(rest)) {
      if (rest[0] === ping) socket.write(frame(pong, ''));
      else act(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    unread = rest.length === 0 ? undefined : rest;
  });
}

/** Where the first frame ends, which servers do not mask and which has less than 64 KiB; infinite while that is not known. */
function frameEnd(bytes: Buffer): number {
  const [, length = 126] = bytes;
  if (length < 126) return 2 + length;
  return bytes.length < 4 ? Infinity : 4 + bytes.readUInt16BE(2);
}

/** Clients mask what they send; a mask of zeros changes nothing. */
function frame(opcode: number, payload: string): Buffer {
  const { length } = payload;
  const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([opcode, ...size, 0, 0, 0, 0]), Buffer.from(payload)]);
}
