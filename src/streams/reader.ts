/** A stream's position in one log, and where it begins. */
import { GridError } from '../errors.js';
import { decodeCursor, type LogPosition } from './cursor.js';
import type { GapReason } from './frame.js';
import type { CompletionLog } from './log.js';
import type { Past } from './past.js';
import type { StreamStart } from './start.js';

export interface Reader<Entry> {
  log: CompletionLog<Entry>;
  position: number;
  /** Where it has read all that it is to read. */
  until: number;
  /** What is read until `target` is not live yet: a snapshot, or what a resumed stream missed. */
  catchUp: { readonly kind: 'SNAPSHOT' | 'CHANGES'; readonly target: number } | undefined;
  /** Why the reader cannot go on from its position; said in a GAP. */
  gap: GapReason | undefined;
  /** From when the loss of the log has been said until there is another in its place. */
  reopening: boolean;
  /** A snapshot from elsewhere: due, or under way. */
  past: 'due' | Past<Entry> | undefined;
}

interface Bounds {
  /** Default: now. */
  readonly start?: StreamStart;
  /** A cursor, with a start after another. */
  readonly until?: string;
}

export function openReaders<Entry>(
  logs: readonly CompletionLog<Entry>[],
  { start = { kind: 'now' }, until }: Bounds,
  elsewhere: boolean,
): readonly Reader<Entry>[] {
  const reader = (log: CompletionLog<Entry>, position: number): Reader<Entry> => ({
    log,
    position,
    until: Infinity,
    catchUp: undefined,
    gap: undefined,
    reopening: false,
    past: undefined,
  });
  switch (start.kind) {
    case 'now':
      return logs.map((log) => reader(log, log.end));
    case 'snapshot':
      return logs.map((log) => rewind(reader(log, log.start), elsewhere));
    case 'after': {
      const known = resumable(decodeCursor(start.cursor), logs);
      const last = resumable(until === undefined ? [] : decodeCursor(until), logs);
      return logs.map((log) => {
        const position = positionIn(log, known.get(log.name), elsewhere);
        return position !== undefined && position >= log.start && position <= log.end
          ? {
              ...reader(log, position),
              until: last.get(log.name)?.position ?? Infinity,
              catchUp: { kind: 'CHANGES', target: log.end },
            }
          : { ...reader(log, log.start), gap: 'CURSOR_EXPIRED' };
      });
    }
    default:
      return start satisfies never;
  }
}

/**
 * Where a cursor's position is in this log; undefined where it is of another epoch, and not found by its mark. Nothing
 * comes before 0, in whatever epoch, but for a log that does not begin with the first entry of all.
 */
function positionIn<Entry>(
  log: CompletionLog<Entry>,
  named: LogPosition | undefined,
  elsewhere: boolean,
): number | undefined {
  if (named?.epoch === log.epoch) return named.position;
  if ((named?.position ?? 0) === 0 && !elsewhere) return 0;
  return named?.mark === undefined ? undefined : log.find?.(named.mark);
}

function resumable(
  positions: readonly LogPosition[],
  logs: readonly { readonly name: string }[],
): ReadonlyMap<string, LogPosition> {
  const names = new Set(logs.map((log) => log.name));
  if (!positions.every((position) => names.has(position.log))) {
    throw new GridError(
      'CURSOR_INVALID',
      'The stream cursor belongs to another stream: it names what this subscription does not follow. ' +
        'Subscribe with the arguments of the stream that gave it, or start with {snapshot: true}.',
    );
  }
  return new Map(positions.map((position) => [position.log, position]));
}

/** From the oldest entry there is, up to the newest at this moment, as a snapshot; or from elsewhere. */
export function rewind<Entry>(reader: Reader<Entry>, elsewhere: boolean): Reader<Entry> {
  if (elsewhere) {
    reader.position = reader.log.end;
    reader.catchUp = undefined;
    reader.past = 'due';
    return reader;
  }
  reader.position = reader.log.start;
  reader.catchUp = { kind: 'SNAPSHOT', target: reader.log.end };
  return reader;
}
