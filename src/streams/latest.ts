/** Follows one value: in-between values may be skipped, the last never is. */
import { covers, encodeCursor } from './cursor.js';
import type { EndReason, FrameKind, GapReason, StreamFrame } from './frame.js';
import type { CompletionLog } from './log.js';
import { Pace, readBy, type StreamOptions } from './pace.js';
import type { StreamStart } from './start.js';

/** What tells that the value may have changed: a completion log does, by its end. */
export type ChangeSource = Pick<
  CompletionLog<unknown>,
  'name' | 'epoch' | 'end' | 'complete' | 'lost' | 'changed'
>;

export interface ValueFrame<Value> extends StreamFrame {
  /** Read for SNAPSHOT, CHANGES and END COMPLETE; repeated in the others. */
  readonly value: Value;
}

export interface LatestOptions extends StreamOptions {
  /** After a cursor: without a SNAPSHOT, for who has the value of that position. */
  readonly start?: StreamStart;
}

/**
 * A SNAPSHOT with the value at once, CHANGES after changes, then END with the final value. Nothing is
 * read while nobody pulls; a change during a read leads to another frame. A failing `read` fails the stream.
 */
export function latest<Value>(
  source: ChangeSource,
  read: (signal: AbortSignal) => Value | Promise<Value>,
  options: LatestOptions = {},
): AsyncGenerator<ValueFrame<Value>, void, undefined> {
  const pace = new Pace(options);
  return readBy(pace, values(source, read, pace, options));
}

async function* values<Value>(
  source: ChangeSource,
  read: (signal: AbortSignal) => Value | Promise<Value>,
  pace: Pace,
  { start, until }: LatestOptions,
): AsyncGenerator<ValueFrame<Value>, void, undefined> {
  const look = async () => {
    // Before the read: a change during it counts as one that comes after.
    const position = source.end;
    return { position, value: await read(pace.signal) };
  };
  try {
    let seen = await look();
    const cursor = () =>
      encodeCursor([{ log: source.name, epoch: source.epoch, position: seen.position }]);
    const frame = (kind: FrameKind, gap?: GapReason, end?: EndReason): ValueFrame<Value> => {
      pace.emitted(kind === 'SNAPSHOT' || kind === 'CHANGES');
      return {
        kind,
        cursor: cursor(),
        emittedAt: pace.clock.now(),
        lagMs: null,
        gap: gap ? { reason: gap, detail: `The source of ${source.name} is lost.` } : null,
        end: end ? { reason: end } : null,
        live: true,
        value: seen.value,
      };
    };

    if (start?.kind !== 'after') yield frame('SNAPSHOT');
    else if (!covers(start.cursor, cursor()) && !pace.ended()) yield frame('CHANGES');
    if (until !== undefined) return;
    while (!pace.closed) {
      const ended = pace.ended();
      if (ended) return yield frame('END', undefined, ended);

      const changed = source.end > seen.position;
      const over = source.complete || source.lost !== undefined;
      if (over && !changed) {
        if (source.lost) return yield frame('GAP', 'SOURCE_LOST');
        // What completes a source may change the value without an entry.
        seen = await look();
        return yield frame('END', undefined, 'COMPLETE');
      }
      const valueDueInMs = changed ? pace.itemsDueInMs(over) : Infinity;
      if (valueDueInMs <= 0) {
        seen = await look();
        yield frame('CHANGES');
        continue;
      }
      if (pace.heartbeatDueInMs() <= 0) {
        yield frame('HEARTBEAT');
        continue;
      }
      // While a change is held back only the end of all changes cuts the wait short.
      const position = changed ? Infinity : seen.position;
      await pace.wait(Math.min(valueDueInMs, pace.heartbeatDueInMs()), (signal) =>
        over ? [] : [source.changed(position, signal)],
      );
    }
  } catch (error) {
    // A read that was aborted because nobody waits for its value any more is no failure.
    if (!pace.closed) throw error;
  } finally {
    pace.close();
  }
}
