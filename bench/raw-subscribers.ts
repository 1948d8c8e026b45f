/** Many subscribers with a socket each, as little as they can be: what they cost is not to be measured with the server. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface RawSubscribers {
  /** When each of them has got a text with this in it since `expect` was called, on the clock of `Date`. */
  expect(text: string): Promise<number>;
  close(): void;
}

/** How many connect at the same time. */
const atOnce = 50;

export async function openSubscribers(
  url: URL,
  count: number,
  payload: { readonly query: string; readonly variables: object },
): Promise<RawSubscribers> {
  const sockets: Socket[] = [];
  let awaited: { readonly text: string; missing: number; readonly done: () => void } | undefined;
  const got = (chunk: Buffer): void => {
    if (awaited === undefined || !chunk.includes(awaited.text)) return;
    awaited.missing -= 1;
    if (awaited.missing === 0) awaited.done();
  };
  for (let from = 0; from < count; from += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, count - from) }, () =>
      openSubscriber(url, payload, got),
    );
    sockets.push(...(await Promise.all(some)));
  }
  return {
    expect: (text) =>
      new Promise((resolve) => {
        awaited = { text, missing: count, done: () => resolve(now()) };
      }),
    close: () => sockets.forEach((socket) => socket.destroy()),
  };
}

/** Milliseconds of the clock that processes share, with fractions. */
export const now = (): number => performance.timeOrigin + performance.now();

/** Resolves with its first frame. */
function openSubscriber(url: URL, payload: object, got: (chunk: Buffer) => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), '127.0.0.1');
    socket.once('error', reject);
    socket.setNoDelay(true);
    socket.write(
      `GET ${url.pathname} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
        'Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
    );
    socket.once('data', () => {
      socket.write(message({ type: 'connection_init' }));
      socket.once('data', () => {
        socket.write(message({ id: '1', type: 'subscribe', payload }));
        socket.once('data', () => {
          socket.on('data', (chunk) => {
            if (chunk[0] === ping) socket.write(pong);
            got(chunk);
          });
          resolve(socket);
        });
      });
    });
  });
}

const ping = 0x89;
/** Clients mask what they send; a mask of zeros changes nothing. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

function message(value: object): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  const head =
    text.length < 126
      ? Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0])
      : Buffer.from([0x81, 0x80 | 126, text.length >> 8, text.length & 255, 0, 0, 0, 0]);
  return Buffer.concat([head, text]);
}
