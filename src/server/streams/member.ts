/** A subscriber of a stream: where its frames are written, and how far it is. */
import type { EncodedFrame } from './encoded-frame.js';

/** The way to one subscriber. */
export interface Outlet {
  /** False while the peer has not taken what was written: what comes meanwhile stays where it is. */
  readonly ready: boolean;
  /** Calls back once it is ready; never, where the peer goes away. */
  onReady(act: () => void): void;
  write(frame: EncodedFrame): void;
}

/** A frame and what members have to know of it. */
export interface StreamedFrame {
  readonly encoded: EncodedFrame;
  /** Undefined for events of subscriptions that are no frames of a stream. */
  readonly cursor: string | undefined;
  readonly kind: string | undefined;
}

/** What a member is a part of, one at a time. */
export interface Followed {
  remove(member: Member): void;
}

const done = { done: true, value: undefined } as const;

/**
 * The transport has it as the iterator of the subscription: it yields nothing, since frames are written
 * past it, and ends or fails with the stream.
 */
export class Member implements AsyncGenerator<never, void, undefined> {
  /** Undefined on the way from one stream to another, and at the end. */
  of: Followed | undefined;
  /** The number of the frame of its stream that comes next for it. */
  at = 0;
  /** Of the last frame that it got. */
  cursor: string | undefined;
  /** Whether it knows, from a SYNCED frame, that it is current. */
  synced = false;
  #over: { readonly error?: unknown } | undefined;
  #settle: (() => void) | undefined;

  constructor(
    readonly outlet: Outlet,
    /** Epoch milliseconds. */
    readonly expiresAt: number | null,
    private readonly onEnd: (member: Member) => void,
  ) {}

  get over(): boolean {
    return this.#over !== undefined;
  }

  write({ encoded, cursor, kind }: StreamedFrame): void {
    this.cursor = cursor;
    if (kind === 'SYNCED') this.synced = true;
    if (kind === 'GAP' || kind === 'SNAPSHOT') this.synced = false;
    this.outlet.write(encoded);
  }

  /** No frame follows, for the reason of the error if there is one. */
  end(over: { readonly error?: unknown } = {}): void {
    if (this.#over) return;
    this.#over = over;
    this.of?.remove(this);
    this.of = undefined;
    this.onEnd(this);
    this.#settle?.();
  }

  async next(): Promise<IteratorResult<never, void>> {
    if (!this.#over) {
      await new Promise<void>((resolve) => {
        this.#settle = resolve;
      });
    }
    const over = this.#over;
    if (over && 'error' in over) {
      this.#over = {};
      throw over.error;
    }
    return done;
  }

  async return(): Promise<IteratorResult<never, void>> {
    this.end();
    return done;
  }

  async throw(error: unknown): Promise<IteratorResult<never, void>> {
    this.end();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
  }
}
