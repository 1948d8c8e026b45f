/** Follows several values: each as it is, then again after it has changed. A value says all: its frames carry nothing else. */
import { covers, decodeCursor, encodeCursor } from './cursor.js';
import { Pace, readBy, type StreamOptions } from './pace.js';
import type { StreamStart } from './start.js';

/** A value, and the number of the change that made it so. */
export interface Changed<Value> {
  readonly value: Value;
  readonly change: number;
}

export interface ChangingValues<Value> {
  /** Both stand in cursors: numbers of another epoch mean nothing in this one. */
  readonly name: string;
  readonly epoch: string;
  /** The values that changed after a change, in the order of their changes, and the number of the last one; all after 0. */
  since(change: number): { readonly values: readonly Changed<Value>[]; readonly change: number };
  /** Resolves once there is a change after this one; rejects when aborted. */
  changed(change: number, signal: AbortSignal): Promise<void>;
}

/** As much of a frame as it takes to share it, and to go on behind it. */
export interface ChangedFrame<Value> {
  readonly kind: 'CHANGES';
  readonly cursor: string;
  /** Whether it was the last change. */
  readonly live: boolean;
  readonly value: Value;
}

export interface ValuesOptions extends StreamOptions {
  /** After a cursor: the values that have changed since. Default: all of them. */
  readonly start?: StreamStart;
}

/** Nothing is kept for a reader that does not pull: it gets the values as they are when it does. */
export function values<Value>(
  source: ChangingValues<Value>,
  options: ValuesOptions = {},
): AsyncGenerator<ChangedFrame<Value>, void, undefined> {
  const pace = new Pace(options);
  return readBy(pace, each(source, pace, options));
}

async function* each<Value>(
  source: ChangingValues<Value>,
  pace: Pace,
  { start, until }: ValuesOptions,
): AsyncGenerator<ChangedFrame<Value>, void, undefined> {
  const { name: log, epoch } = source;
  const cursorOf = (position: number) => encodeCursor([{ log, epoch, position }]);
  let seen = start?.kind === 'after' ? positionIn(source, start.cursor) : 0;
  try {
    while (!pace.closed && !pace.ended()) {
      const news = source.since(seen);
      seen = news.change;
      for (const { value, change } of news.values) {
        if (pace.closed) return;
        yield { kind: 'CHANGES', cursor: cursorOf(change), live: change === seen, value };
      }
      if (until !== undefined && covers(cursorOf(seen), until)) return;
      await pace.wait(Infinity, (signal) => [source.changed(seen, signal)]);
    }
  } catch (error) {
    if (!pace.closed) throw error;
  } finally {
    pace.close();
  }
}

/** 0, before all changes, where the cursor says nothing of this source. */
function positionIn({ name, epoch }: ChangingValues<unknown>, cursor: string): number {
  const found = decodeCursor(cursor).find((one) => one.log === name && one.epoch === epoch);
  return found?.position ?? 0;
}
