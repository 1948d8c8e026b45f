/** The newest frames of a stream, kept while somebody is a little behind: in number and size bounded. */
import type { StreamedFrame } from './member.js';

const maxFrames = 256;
const maxLength = 1024 * 1024;

export class RecentFrames {
  readonly #frames = new Map<number, StreamedFrame>();
  #length = 0;

  push(at: number, frame: StreamedFrame): void {
    this.#frames.set(at, frame);
    this.#length += frame.encoded.text.length;
    for (const [oldest, { encoded }] of this.#frames) {
      if (oldest === at || (this.#frames.size <= maxFrames && this.#length <= maxLength)) return;
      this.#frames.delete(oldest);
      this.#length -= encoded.text.length;
    }
  }

  /** Undefined for one that is not kept any more. */
  get(at: number): StreamedFrame | undefined {
    return this.#frames.get(at);
  }

  clear(): void {
    this.#frames.clear();
    this.#length = 0;
  }
}
