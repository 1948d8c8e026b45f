/**
 * The shards of a stream and which of them are to be read now. A shard is read to its end before its
 * children are, else a later change of a task would be told before an earlier one.
 */
import type { StreamShard } from './stream-calls.js';
import type { ShardPlace, StreamPlace } from './stream-place.js';

export interface ShardStart {
  readonly shardId: string;
  readonly from: 'LATEST' | 'TRIM_HORIZON';
  /** The number of a record: what follows it is read, whatever `from` is. */
  readonly after?: string;
  /** Epoch seconds; records from before are no news. */
  readonly sinceSec?: number;
}

interface Known extends ShardStart {
  readonly parent: string | undefined;
  /** OLD: closed before the first listing, so not read at all. */
  state: 'WAITING' | 'READING' | 'DONE' | 'OLD';
}

export class ShardTree {
  readonly #shards = new Map<string, Known>();
  #listed = false;

  /** @param place where another reader was, which this one goes on from */
  constructor(private readonly place?: StreamPlace) {}

  get size(): number {
    return this.#shards.size;
  }

  /** Shards that have been read to their end and whose children are not listed yet. */
  get childless(): number {
    const parents = new Set([...this.#shards.values()].map(({ parent }) => parent));
    let sum = 0;
    for (const { shardId, state } of this.#shards.values())
      if (state === 'DONE' && !parents.has(shardId)) sum++;
    return sum;
  }

  /**
   * Takes a whole listing. What is there at the first one is of before: closed shards are left alone, open
   * ones are read from now on. Later ones are read from their beginning, as are children of open ones, which came
   * while the listing was made. A shard that is not listed any more is forgotten once it is not being read.
   */
  list(shards: readonly StreamShard[]): void {
    const listed = new Set<string>();
    const open = new Set(
      shards.flatMap(({ ShardId: shardId, SequenceNumberRange: range }) =>
        shardId === undefined || range?.EndingSequenceNumber !== undefined ? [] : [shardId],
      ),
    );
    const parents = new Map(shards.map(({ ShardId: id, ParentShardId: parent }) => [id, parent]));
    for (const { ShardId: shardId, ParentShardId: parent, SequenceNumberRange: range } of shards) {
      if (shardId === undefined) continue;
      listed.add(shardId);
      if (this.#shards.has(shardId)) continue;
      const found = this.place?.shards.get(shardId);
      if (found !== undefined && !this.#listed) {
        this.#shards.set(shardId, { parent, ...this.#resumed(shardId, found) });
        continue;
      }
      const isChild = !this.#listed && this.#isBehind(parents, parent);
      const before = !this.#listed && !isChild && range?.EndingSequenceNumber !== undefined;
      const isNew = this.#listed || isChild || (parent !== undefined && open.has(parent));
      this.#shards.set(shardId, {
        shardId,
        parent,
        from: isNew ? 'TRIM_HORIZON' : 'LATEST',
        state: before ? 'OLD' : 'WAITING',
      });
    }
    for (const [shardId, { state }] of this.#shards)
      if (state !== 'READING' && !listed.has(shardId)) this.#shards.delete(shardId);
    this.#listed = true;
  }

  /** Shards whose turn it is; from now on they count as being read. */
  take(): readonly ShardStart[] {
    const ready = [...this.#shards.values()].filter(({ state, parent }) => {
      // A parent that is not there has been trimmed.
      const above = parent === undefined ? undefined : this.#shards.get(parent);
      return state === 'WAITING' && !['WAITING', 'READING'].includes(above?.state ?? 'OLD');
    });
    for (const shard of ready) shard.state = 'READING';
    return ready;
  }

  /** The shard has been read to its end. */
  done(shardId: string): void {
    const shard = this.#shards.get(shardId);
    if (shard !== undefined) shard.state = 'DONE';
  }

  /** Those that are read, have been or will be, each with what `readTo` says of it. */
  places(readTo: (shardId: string) => ShardPlace): ReadonlyMap<string, ShardPlace> {
    const places = new Map<string, ShardPlace>();
    for (const { shardId, state } of this.#shards.values()) {
      if (state === 'READING') places.set(shardId, readTo(shardId));
      else if (state !== 'OLD') places.set(shardId, state === 'DONE' ? state : 'TRIM_HORIZON');
    }
    return places;
  }

  #resumed(shardId: string, place: ShardPlace): ShardStart & Pick<Known, 'state'> {
    const start = { shardId, from: 'TRIM_HORIZON', state: 'WAITING' } as const;
    if (place === 'DONE') return { ...start, state: place };
    if (typeof place !== 'string') return { ...start, after: place.last };
    if (place === 'TRIM_HORIZON' || this.place === undefined) return start;
    return { ...start, sinceSec: Math.floor(this.place.attachedAt / 1000) - clockSlackSec };
  }

  /** Whether it came from a shard of the place since then. */
  #isBehind(
    parents: ReadonlyMap<string | undefined, string | undefined>,
    parent: string | undefined,
  ): boolean {
    for (let above = parent; above !== undefined; above = parents.get(above))
      if (this.place?.shards.has(above)) return true;
    return false;
  }
}

/** How far clocks may be apart: of this server, and of what stamps records. */
const clockSlackSec = 60;
