/** Follows several values: each as it is, then again after it has changed; without frames, since a value says all. */
import { Pace, readBy, type StreamOptions } from './pace.js';

export interface ChangingValues<Value> {
  /** The values that changed after a change, and the number of the last one; all values after 0. */
  since(change: number): { readonly values: readonly Value[]; readonly change: number };
  /** Resolves once there is a change after this one; rejects when aborted. */
  changed(change: number, signal: AbortSignal): Promise<void>;
}

/** Nothing is kept for a reader that does not pull: it gets the values as they are when it does. */
export function values<Value>(
  source: ChangingValues<Value>,
  options: StreamOptions = {},
): AsyncGenerator<Value, void, undefined> {
  const pace = new Pace(options);
  return readBy(pace, each(source, pace));
}

async function* each<Value>(
  source: ChangingValues<Value>,
  pace: Pace,
): AsyncGenerator<Value, void, undefined> {
  let seen = 0;
  try {
    while (!pace.closed && !pace.ended()) {
      const news = source.since(seen);
      seen = news.change;
      for (const value of news.values) {
        if (pace.closed) return;
        yield value;
      }
      await pace.wait(Infinity, (signal) => [source.changed(seen, signal)]);
    }
  } catch (error) {
    if (!pace.closed) throw error;
  } finally {
    pace.close();
  }
}
