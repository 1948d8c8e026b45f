/**
 * The stream of the state table: every change of every task, with its row, for as long as the table has a
 * stream. One reader for all sessions; it reads no table (docs/grids/htc-grid.md, "Push sources").
 */
import { GridError } from '../../../errors.js';
import { pause, type Clock } from '../../../streams/clock.js';
import { systemClock } from '../../../streams/clock.js';
import type { TaskChange } from '../change.js';
import { eachOf } from '../concurrency.js';
import type { TableReader } from '../table.js';
import type { Push, PushSink } from './push.js';
import { ShardReader } from './shard-reader.js';
import { ShardTree } from './shard-tree.js';
import { changeOfRecord } from './stream-change.js';
import { decodePlace, encodePlace, type StreamPlace } from './stream-place.js';
import type { StreamCalls, StreamRecord, StreamShard } from './stream-calls.js';
import { streamFailure, StreamRefusal } from './stream-calls.js';

export interface TableStreamSettings {
  readonly reader: TableReader;
  readonly calls: StreamCalls;
  /** Pause of each shard behind an answer with few records. @default 200 */
  readonly readMs?: number;
  /** Pause between two looks for new shards; a shard's end is a look as well. @default 30_000 */
  readonly listMs?: number;
  /** Failed calls in a row after which the stream is given up. @default 4 */
  readonly failures?: number;
  readonly clock?: Clock;
}

/** Pause before the children of a shard that has ended are looked for once more. */
const childMs = 1000;
const parallelStarts = 8;
const views: readonly (string | undefined)[] = ['NEW_AND_OLD_IMAGES', 'NEW_IMAGE'];

export class TableStream implements Push {
  readonly kind = 'STREAMS';
  readonly what = 'the DynamoDB stream of the state table';
  readonly beside = 'STREAM';
  readonly #settings: Required<TableStreamSettings>;
  /** The latest. */
  #attached: Attached | undefined;

  constructor(settings: TableStreamSettings) {
    this.#settings = {
      readMs: 200,
      listMs: 30_000,
      failures: 4,
      clock: systemClock,
      ...settings,
    };
  }

  get place(): string | undefined {
    return this.#attached && encodePlace(this.#attached.place);
  }

  async attach(sink: PushSink, signal: AbortSignal, from?: string): Promise<void> {
    const streamArn = await this.#streamArn(signal);
    const place = from === undefined ? undefined : decodePlace(from);
    // One of a stream that was switched off since means nothing in this one.
    const known = place?.streamArn === streamArn ? place : undefined;
    const attached = new Attached(streamArn, this.#settings, sink, known);
    try {
      await attached.begin(signal);
    } catch (error) {
      throw streamFailure(error);
    }
    this.#attached = attached;
    if (from !== undefined && known === undefined)
      sink.missed('the table has another stream by now');
  }

  async #streamArn(signal: AbortSignal): Promise<string> {
    const { stream } = await this.#settings.reader.describe(signal);
    if (stream === undefined)
      throw new GridError(
        'CAPABILITY_MISSING',
        'The state table has no stream; an operator switches it on with the view NEW_AND_OLD_IMAGES.',
      );
    if (!views.includes(stream.view))
      throw new GridError(
        'CAPABILITY_MISSING',
        `The stream of the state table has the view ${String(stream.view)} instead of NEW_AND_OLD_IMAGES.`,
      );
    return stream.arn;
  }
}

interface Reading {
  readonly shardId: string;
  readonly reader: ShardReader;
}

/** One life of the reader, from an attachment to its end. */
class Attached {
  readonly #tree: ShardTree;
  readonly #readers = new Map<string, ShardReader>();
  readonly #attachedAt: number;
  readonly #end = new AbortController();
  #wake: () => void = () => undefined;

  constructor(
    private readonly streamArn: string,
    private readonly settings: Required<TableStreamSettings>,
    private readonly sink: PushSink,
    from: StreamPlace | undefined,
  ) {
    this.#tree = new ShardTree(from);
    this.#attachedAt = from?.attachedAt ?? settings.clock.now();
  }

  get place(): StreamPlace {
    const { streamArn } = this;
    const shards = this.#tree.places((id) => this.#readers.get(id)?.place ?? 'TRIM_HORIZON');
    return { streamArn, attachedAt: this.#attachedAt, shards };
  }

  async begin(outer: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([outer, this.#end.signal]);
    this.#tree.list(await this.#list(signal));
    const readers = this.#take();
    // From here on nothing is missed: every open shard has a place.
    await eachOf(readers, parallelStarts, ({ reader }) => reader.begin(signal));
    for (const one of readers) this.#start(one, signal);
    this.#guard(this.#watch(signal), signal);
  }

  #take(): readonly Reading[] {
    return this.#tree.take().map((start) => {
      const { shardId } = start;
      const reader = new ShardReader(start, {
        ...this.settings,
        streamArn: this.streamArn,
        missed: this.sink.missed,
        records: (records) => {
          this.#tell(records);
        },
      });
      this.#readers.set(shardId, reader);
      return { shardId, reader };
    });
  }

  #tell(records: readonly StreamRecord[]): void {
    const changes: TaskChange[] = [];
    for (const record of records) {
      const change = changeOfRecord(record);
      if (change !== undefined) changes.push(change);
    }
    if (changes.length > 0) this.sink.changes(changes);
  }

  #start({ shardId, reader }: Reading, signal: AbortSignal): void {
    const run = reader.run(signal).then(() => {
      this.#tree.done(shardId);
      this.#readers.delete(shardId);
      this.#wake();
    });
    this.#guard(run, signal);
  }

  /** The end of one part is the end of all. */
  #guard(part: Promise<void>, signal: AbortSignal): void {
    part.catch((error: unknown) => {
      if (signal.aborted) return;
      this.#end.abort(error);
      this.sink.lost(streamFailure(error));
    });
  }

  /** Starts shards as they appear and as their parents end. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { listMs, failures, clock } = this.settings;
    let failed = 0;
    for (;;) {
      const ended = new AbortController();
      this.#wake = () => {
        ended.abort();
      };
      // Shards may have ended while the listing was under way.
      for (const one of this.#take()) this.#start(one, signal);
      const waitMs = this.#tree.childless > 0 || failed > 0 ? Math.min(childMs, listMs) : listMs;
      await pause(clock, waitMs, AbortSignal.any([signal, ended.signal])).catch(() => undefined);
      signal.throwIfAborted();
      try {
        this.#tree.list(await this.#list(signal));
        failed = 0;
      } catch (error) {
        signal.throwIfAborted();
        const isBusy = error instanceof StreamRefusal && error.refusal === 'BUSY';
        if (isFinal(error) || (!isBusy && ++failed >= failures)) throw error;
      }
    }
  }

  async #list(signal: AbortSignal): Promise<readonly StreamShard[]> {
    const shards: StreamShard[] = [];
    let from: string | undefined;
    do {
      const { StreamDescription: found = {} } = await this.settings.calls.send(
        'DescribeStream',
        {
          StreamArn: this.streamArn,
          ...(from === undefined ? {} : { ExclusiveStartShardId: from }),
        },
        signal,
      );
      // What a stream holds can be read for a day after it was switched off, but nothing is added.
      if (found.StreamStatus === 'DISABLED' || found.StreamStatus === 'DISABLING')
        throw new GridError('CAPABILITY_MISSING', 'The stream of the state table is switched off.');
      shards.push(...(found.Shards ?? []));
      from = found.LastEvaluatedShardId;
    } while (from !== undefined);
    return shards;
  }
}

const isFinal = (error: unknown): boolean =>
  (error instanceof StreamRefusal && ['GONE', 'DENIED'].includes(error.refusal)) ||
  (error instanceof GridError && error.code === 'CAPABILITY_MISSING');
