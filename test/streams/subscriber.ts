/** A subscriber whose every pull is a step of the test. */
import { expect } from 'vitest';
import {
  follow,
  resolveDelivery,
  type CompletionLog,
  type DeliveryInput,
  type EntriesFrame,
  type FollowOptions,
  type StreamFrame,
} from '../../src/streams/index.js';
import { HandClock, settle } from './hand-clock.js';

export class Subscriber<Frame extends StreamFrame> {
  finished = false;
  readonly #arrived: Frame[] = [];
  #pulling = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(readonly source: AsyncGenerator<Frame, void, undefined>) {}

  /** The next frame; fails the test where none is due. */
  async next(): Promise<Frame> {
    const frame = await this.poll();
    if (!frame) throw new Error(this.finished ? 'The stream is finished.' : 'No frame is due.');
    return frame;
  }

  /** The next frame if one is due; else the pull stays under way. */
  async poll(): Promise<Frame | undefined> {
    if (this.#arrived.length === 0) {
      if (!this.#pulling) void this.#pull();
      await settle();
    }
    if (this.#failure) {
      const { error } = this.#failure;
      this.#failure = undefined;
      throw error;
    }
    return this.#arrived.shift();
  }

  async #pull(): Promise<void> {
    this.#pulling = true;
    try {
      const { value, done } = await this.source.next();
      if (done) this.finished = true;
      else this.#arrived.push(value);
    } catch (error) {
      this.#failure = { error };
    }
    this.#pulling = false;
  }

  /** No frame is due now, and the stream is open. */
  async quiet(): Promise<void> {
    expect(await this.poll()).toBeUndefined();
    expect(this.finished).toBe(false);
  }

  /** Frames up to and including the first of this kind. */
  async until(kind: Frame['kind']): Promise<readonly Frame[]> {
    const frames: Frame[] = [];
    for (;;) {
      const frame = await this.next();
      frames.push(frame);
      if (frame.kind === kind) return frames;
    }
  }

  async over(): Promise<void> {
    expect(await this.poll()).toBeUndefined();
    expect(this.finished).toBe(true);
  }
}

export interface Setting<Entry> extends Omit<FollowOptions<Entry>, 'delivery' | 'clock'> {
  readonly delivery?: DeliveryInput;
  readonly clock?: HandClock;
}

/** Without batching behind a frame, where the test does not ask for it. */
export function subscribe<Entry>(
  logs: CompletionLog<Entry> | readonly CompletionLog<Entry>[],
  { delivery, clock = new HandClock(), ...options }: Setting<Entry> = {},
): Subscriber<EntriesFrame<Entry>> {
  const list = Array.isArray(logs)
    ? (logs as readonly CompletionLog<Entry>[])
    : [logs as CompletionLog<Entry>];
  return new Subscriber(
    follow(list, { ...options, clock, delivery: resolveDelivery({ maxWaitMs: 0, ...delivery }) }),
  );
}

export const entriesOf = <Entry>(frames: readonly EntriesFrame<Entry>[]): readonly Entry[] =>
  frames.flatMap((frame) => frame.entries);

export const kindsOf = (frames: readonly StreamFrame[]): string =>
  frames.map((frame) => frame.kind).join(' ');

/** Whole numbers from `first`, `count` of them. */
export const numbers = (first: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => first + index);
