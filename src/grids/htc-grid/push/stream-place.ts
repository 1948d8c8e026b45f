/**
 * How far a stream has been read, as text: another server, or this one later, goes on behind it. Some of what was
 * told may be told again, nothing that follows is missed as long as the stream keeps it (24 hours).
 */

/** Of a shard: the number of the last record that was told, or what stands for it where there was none. */
export type ShardPlace =
  | { readonly last: string }
  /** From its beginning. */
  | 'TRIM_HORIZON'
  /** Nothing has come since it was attached, `at` the earliest. */
  | 'LATEST'
  /** Read to its end. */
  | 'DONE';

export interface StreamPlace {
  readonly streamArn: string;
  /** When the reader was attached that began with the latest records, in epoch milliseconds. */
  readonly attachedAt: number;
  readonly shards: ReadonlyMap<string, ShardPlace>;
}

export const encodePlace = ({ streamArn, attachedAt, shards }: StreamPlace): string =>
  JSON.stringify([
    streamArn,
    attachedAt,
    [...shards].map(([id, place]) => [id, typeof place === 'string' ? place : `#${place.last}`]),
  ]);

/** Undefined for what is none. It was written by a replica of the same server. */
export function decodePlace(text: string): StreamPlace | undefined {
  try {
    const [streamArn, attachedAt, shards] = JSON.parse(text) as [
      string,
      number,
      readonly (readonly [string, string])[],
    ];
    return { streamArn, attachedAt, shards: new Map(shards.map(([id, at]) => [id, placeOf(at)])) };
  } catch {
    return undefined;
  }
}

function placeOf(text: string): ShardPlace {
  if (text.startsWith('#')) return { last: text.slice(1) };
  return text === 'LATEST' || text === 'DONE' ? text : 'TRIM_HORIZON';
}
