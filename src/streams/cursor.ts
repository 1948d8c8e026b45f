/**
 * Stream cursors: positions in logs as one opaque text. They are checked against damage, not against
 * forgery: a cursor carries no authority and no filter, both are applied anew when it is used.
 */
import { createHash } from 'node:crypto';
import { GridError } from '../errors.js';

export interface LogPosition {
  readonly log: string;
  readonly epoch: string;
  /** Entries before it were sent. 0 is before the first entry in every epoch. */
  readonly position: number;
  /** Where that is in the log's source: it outlives the epoch. */
  readonly mark?: string | undefined;
}

/** A position that no log has: what goes on from it begins with a GAP and a snapshot. */
export const nowhere = (log: string): LogPosition => ({ log, epoch: '', position: 1 });

/** The position behind everything that a log has now. */
export const endOf = ({
  name,
  epoch,
  end,
}: {
  readonly name: string;
  readonly epoch: string;
  readonly end: number;
}): LogPosition => ({ log: name, epoch, position: end });

/** Enough for about 500 sessions in one stream. */
export const maxCursorBytes = 64 * 1024;

/**
 * `s`, the version, a dot, then base64url of the checksum and a flat JSON list of the positions. Where
 * there is a mark, it and the epoch are a list in the place of the epoch.
 */
const version = 1;
const form = /^s(\d{1,6})\.([A-Za-z0-9_-]+)$/;
const checksumBytes = 6;

/** LIMIT_EXCEEDED where more logs are named than a cursor holds. */
export function encodeCursor(positions: readonly LogPosition[]): string {
  const payload = Buffer.from(
    JSON.stringify(
      positions.flatMap(({ log, epoch, position, mark }) => [
        log,
        mark === undefined ? epoch : [epoch, mark],
        position,
      ]),
    ),
  );
  const cursor = `s${version}.${Buffer.concat([checksum(payload), payload]).toString('base64url')}`;
  if (cursor.length > maxCursorBytes) {
    throw new GridError(
      'LIMIT_EXCEEDED',
      `A cursor holds ${maxCursorBytes} bytes and ${positions.length} logs need ${cursor.length}: ` +
        'follow fewer sessions in one stream, or all of the grid.',
    );
  }
  return cursor;
}

/** CURSOR_INVALID where the text is not, to the last bit, one that `encodeCursor` gave. */
export function decodeCursor(cursor: string): readonly LogPosition[] {
  if (cursor.length > maxCursorBytes) {
    throw bad(`has ${cursor.length} bytes, more than the ${maxCursorBytes} that a cursor can have`);
  }
  const match = form.exec(cursor);
  if (!match) throw bad('does not have the form of one');
  const [, given = '', text = ''] = match;
  if (Number(given) !== version) {
    throw bad(`is of version ${given}; this server reads version ${version}`);
  }
  const bytes = Buffer.from(text, 'base64url');
  const payload = bytes.subarray(checksumBytes);
  const intact =
    // The last character of base64url has bits that decoding ignores.
    bytes.toString('base64url') === text &&
    given === String(version) &&
    bytes.subarray(0, checksumBytes).equals(checksum(payload));
  const positions = intact ? parse(payload.toString('utf8')) : undefined;
  if (!positions) throw bad('is damaged');
  return positions;
}

/** Whether `further` stands, in each of the logs, where `cursor` stands or behind it. */
export function covers(further: string | undefined, cursor: string | undefined): boolean {
  if (further === undefined || cursor === undefined) return false;
  if (further === cursor) return true;
  const reached = new Map(decodeCursor(further).map((each) => [each.log, each]));
  return decodeCursor(cursor).every(({ log, epoch, position }) => {
    const there = reached.get(log);
    return there !== undefined && there.epoch === epoch && there.position >= position;
  });
}

function checksum(payload: Buffer): Buffer {
  return createHash('sha256').update(payload).digest().subarray(0, checksumBytes);
}

function parse(text: string): readonly LogPosition[] | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(fields) || fields.length % 3 !== 0) return undefined;
  const positions = new Map<string, LogPosition>();
  for (let i = 0; i < fields.length; i += 3) {
    const [log, life, position] = fields.slice(i, i + 3) as unknown[];
    const [epoch, mark, ...more] = (Array.isArray(life) ? life : [life]) as unknown[];
    if (typeof log !== 'string' || typeof epoch !== 'string' || more.length > 0) return undefined;
    if (typeof mark !== (Array.isArray(life) ? 'string' : 'undefined')) return undefined;
    if (!Number.isSafeInteger(position) || (position as number) < 0) return undefined;
    positions.set(log, {
      ...{ log, epoch, position: position as number },
      ...(typeof mark === 'string' && { mark }),
    });
  }
  return positions.size * 3 === fields.length ? [...positions.values()] : undefined;
}

function bad(what: string): GridError {
  return new GridError(
    'CURSOR_INVALID',
    `The stream cursor ${what}. Expected the unchanged \`cursor\` of a frame or a \`streamCursor\`; ` +
      'without one, start with {snapshot: true}.',
  );
}
