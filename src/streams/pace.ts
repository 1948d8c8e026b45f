/**
 * The pace of one stream: when its next frame is due, what it waits for, and what ends it. It owns
 * the stream's timer, waiters and listeners; `close()` releases all of them at once.
 */
import { setMaxListeners } from 'node:events';
import { systemClock, type Clock } from './clock.js';
import { resolveDelivery, type Delivery } from './delivery.js';
import { endReasons, type EndReason } from './frame.js';
import { pulled } from './pulled.js';

export interface StreamOptions {
  /** Default: all defaults of `resolveDelivery`. */
  readonly delivery?: Delivery;
  /** The subscription's own: its abort finishes the stream without a frame. */
  readonly signal?: AbortSignal;
  /** Shared by many streams: its abort ends them with an END frame; the reason is an `EndReason`, else SHUTDOWN. */
  readonly ends?: AbortSignal;
  /** Epoch milliseconds at which the caller's token expires: END AUTH_EXPIRED. */
  readonly expiresAt?: number;
  /** With a start after a cursor: a later one, at which the stream finishes without a frame. A GAP on the way cancels it. */
  readonly until?: string;
  readonly clock?: Clock;
}

/** Reason of waits that were let go; one for all, since the stack of each would cost more than the wait. */
const released = new Error('The wait is over.');

export class Pace {
  readonly delivery: Delivery;
  readonly clock: Clock;
  readonly #options: StreamOptions;
  readonly #closing = new AbortController();
  readonly #close = () => this.close();
  /** Cuts the wait under way short, so that the stream looks again at what has changed. */
  readonly poke = () => this.#wake?.();
  #wake: (() => void) | undefined;
  #lastFrame: number;
  #lastItems = -Infinity;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.delivery = options.delivery ?? resolveDelivery({});
    this.clock = options.clock ?? systemClock;
    this.#lastFrame = this.clock.uptime();
    if (options.signal?.aborted) this.close();
    else options.signal?.addEventListener('abort', this.#close, { once: true });
    if (options.ends) {
      // Node warns from the eleventh listener on; here each open stream has one.
      setMaxListeners(0, options.ends);
      options.ends.addEventListener('abort', this.poke, { once: true });
    }
  }

  /** Aborted as soon as nobody reads the stream any more. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }
  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  close(): void {
    this.#options.signal?.removeEventListener('abort', this.#close);
    this.#options.ends?.removeEventListener('abort', this.poke);
    this.#closing.abort(released);
    this.poke();
  }

  /** Why the stream has to end now, if it has to. */
  ended(): EndReason | undefined {
    const { ends, expiresAt } = this.#options;
    if (ends?.aborted) return isEndReason(ends.reason) ? ends.reason : 'SHUTDOWN';
    if (expiresAt !== undefined && this.clock.now() >= expiresAt) return 'AUTH_EXPIRED';
    return undefined;
  }

  /** Notes that a frame goes out. */
  emitted(withItems: boolean): void {
    this.#lastFrame = this.clock.uptime();
    if (withItems) this.#lastItems = this.#lastFrame;
  }

  /**
   * Milliseconds until live items may go: none after quiet; behind a frame just sent, until there is
   * no point in waiting for more (`full`) or `maxWaitMs` is over; never within `minIntervalMs`.
   */
  itemsDueInMs(full: boolean): number {
    const { maxWaitMs, minIntervalMs } = this.delivery;
    const pauseMs = full ? minIntervalMs : Math.max(minIntervalMs, maxWaitMs);
    return this.#lastItems + pauseMs - this.clock.uptime();
  }

  heartbeatDueInMs(): number {
    const { heartbeatMs } = this.delivery;
    return heartbeatMs === 0 ? Infinity : this.#lastFrame + heartbeatMs - this.clock.uptime();
  }

  /** Resolves after `ms`, when one of the changes comes, or when the stream ends or is closed. */
  async wait(
    ms: number,
    changes: (signal: AbortSignal) => readonly Promise<unknown>[],
  ): Promise<void> {
    if (this.closed || this.ended()) return;
    const { expiresAt = Infinity } = this.#options;
    const waitMs = Math.min(ms, expiresAt - this.clock.now());
    const waiting = new AbortController();
    let cancel: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        if (waitMs < Infinity) cancel = this.clock.after(waitMs, resolve);
        // The losers of the race reject as well, after the fact: to no effect.
        for (const change of changes(waiting.signal)) change.then(() => resolve(), reject);
      });
    } finally {
      this.#wake = undefined;
      cancel?.();
      waiting.abort(released);
    }
  }
}

/** The generator with a `return` that is not held up by a wait: it closes the pace first. */
export function readBy<Frame>(
  pace: Pace,
  frames: AsyncGenerator<Frame, void, undefined>,
): AsyncGenerator<Frame, void, undefined> {
  return pulled(
    () => frames.next(),
    () => {
      pace.close();
      return frames.return();
    },
  );
}

function isEndReason(reason: unknown): reason is EndReason {
  return typeof reason === 'string' && Object.hasOwn(endReasons, reason);
}
