/** Writes text messages whose end is the same for many sockets past `ws`, which would copy and encode each. */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { SocketOutlet } from './socket-operations.js';

/** FIN and the opcode of text. */
const wholeText = 0x81;
/** Up to here a copy costs less than a second chunk. */
const copiedBytes = 8 * 1024;

export class FrameOutlet implements SocketOutlet {
  #waiting: (() => void)[] | undefined;

  /** The stream is the one under the socket, which has no extensions that change messages. */
  constructor(
    private readonly socket: WebSocket,
    private readonly stream: Duplex,
  ) {}

  get ready(): boolean {
    return !this.stream.writableNeedDrain;
  }

  onReady(act: () => void): void {
    (this.#waiting ??= []).push(act);
  }

  /** To be called when the stream is drained. */
  drained(): void {
    const woken = this.#waiting;
    this.#waiting = undefined;
    for (const act of woken ?? []) act();
  }

  write(head: string, rest: Buffer): void {
    const { socket, stream } = this;
    if (socket.readyState !== socket.OPEN) return;
    const start = frameStart(head, rest.length);
    if (rest.length <= copiedBytes) return void stream.write(Buffer.concat([start, rest]));
    stream.cork();
    stream.write(start);
    stream.write(rest);
    stream.uncork();
  }
}

/** The header of an unmasked frame (RFC 6455, 5.2), and the beginning of its payload. */
function frameStart(head: string, restBytes: number): Buffer {
  const headBytes = Buffer.byteLength(head);
  const length = headBytes + restBytes;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const start = Buffer.allocUnsafe(2 + lengthBytes + headBytes);
  start[0] = wholeText;
  if (lengthBytes === 0) start[1] = length;
  else if (lengthBytes === 2) {
    start[1] = 126;
    start.writeUInt16BE(length, 2);
  } else {
    start[1] = 127;
    start.writeBigUInt64BE(BigInt(length), 2);
  }
  start.write(head, 2 + lengthBytes);
  return start;
}
