/**
 * The shards of a stream and which of them are to be read now. A shard is read to its end before its
 * children are, else a later change of a task would be told before an earlier one.
 */
import type { StreamShard } from './stream-calls.js';

export interface ShardStart {
  readonly shardId: string;
  readonly from: 'LATEST' | 'TRIM_HORIZON';
}

interface Known extends ShardStart {
  readonly parent: string | undefined;
  /** OLD: closed before the first listing, so not read at all. */
  state: 'WAITING' | 'READING' | 'DONE' | 'OLD';
}

export class ShardTree {
  readonly #shards = new Map<string, Known>();
  #listed = false;

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
    for (const { ShardId: shardId, ParentShardId: parent, SequenceNumberRange: range } of shards) {
      if (shardId === undefined) continue;
      listed.add(shardId);
      if (this.#shards.has(shardId)) continue;
      const before = !this.#listed && range?.EndingSequenceNumber !== undefined;
      const isNew = this.#listed || (parent !== undefined && open.has(parent));
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
}
