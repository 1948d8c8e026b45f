/** What a job prints: the last bytes of it, read no faster than a server can bear. */
import type { Readable } from 'node:stream';

/** Bytes that are read at once; a job that prints more is slowed down from there on. */
const freeBytes = 1024 * 1024;
const pauseMs = 50;

export class OutputTail {
  /** Bytes printed in all. */
  total = 0;
  /** Resolves when nothing more can come. */
  readonly ended: Promise<void>;
  #kept = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #draining = false;

  constructor(
    private readonly stream: Readable,
    private readonly limitBytes: number,
  ) {
    this.ended = new Promise((resolve) => {
      stream.once('close', () => {
        clearTimeout(this.#timer);
        resolve();
      });
    });
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  /** The writer has ended: what is left in the pipe may come at once. */
  drain(): void {
    this.#draining = true;
    clearTimeout(this.#timer);
    this.stream.resume();
  }

  /** For a pipe that somebody else holds open. */
  close(): void {
    clearTimeout(this.#timer);
    this.stream.destroy();
  }

  /** The last bytes as text; a letter that the limit cut is left out. */
  text(): string {
    const cut = this.total > this.#kept.length;
    let from = 0;
    while (cut && from < 3 && ((this.#kept[from] ?? 0) & 0xc0) === 0x80) from += 1;
    return this.#kept.subarray(from).toString('utf8').replaceAll('\0', '');
  }

  #take(chunk: Buffer): void {
    this.total += chunk.length;
    const all = Buffer.concat([this.#kept, chunk.subarray(-this.limitBytes)]);
    // A copy: a part would keep all of it in memory.
    this.#kept = Buffer.from(all.subarray(-this.limitBytes));
    if (this.total <= freeBytes || this.#draining) return;
    this.stream.pause();
    this.#timer = setTimeout(() => this.stream.resume(), pauseMs);
  }
}
