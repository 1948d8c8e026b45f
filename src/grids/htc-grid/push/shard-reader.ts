/**
 * Reads one shard from a place on to its end. An iterator that has expired is replaced by one behind the last record; a
 * place or a shard that has been trimmed is given up, and that something was missed is said.
 */
import { GridError } from '../../../errors.js';
import { pause, type Clock } from '../../../streams/clock.js';
import type { ShardStart } from './shard-tree.js';
import type { StreamCalls, StreamRecord } from './stream-calls.js';
import { StreamRefusal } from './stream-calls.js';
import type { ShardPlace } from './stream-place.js';

export interface ShardReaderSettings {
  readonly calls: StreamCalls;
  readonly streamArn: string;
  /** Pause behind an answer with few records. */
  readonly readMs: number;
  /** Failures without a read between them after which the stream is given up. */
  readonly failures: number;
  readonly clock: Clock;
  readonly records: (records: readonly StreamRecord[]) => void;
  readonly missed: (reason: string) => void;
}

/** DynamoDB's own limit of records in an answer, which holds 1 MB at most. */
const maxRecords = 1000;
/** Behind an answer with so many records the next one is asked for at once. */
const manyRecords = 250;
const longestPauseMs = 5000;
/** Answers in a row that calls come too often, after which the stream is given up as well: half a minute. */
const busyFailures = 10;

export class ShardReader {
  #iterator: string | undefined;
  /** The number of the last record that was told. */
  #last: string | undefined;
  #from: ShardStart['from'];
  /** Why the next place is not the one behind the last record; told once that place is taken. */
  #gap: string | undefined;
  #failed = 0;
  #isGone = false;

  constructor(
    private readonly start: ShardStart,
    private readonly settings: ShardReaderSettings,
  ) {
    this.#from = start.from;
    this.#last = start.after;
  }

  /** Up to where it has told. */
  get place(): ShardPlace {
    if (this.#last !== undefined) return { last: this.#last };
    // What is read from its beginning for its latest records stays that, until there is one.
    return this.start.sinceSec === undefined ? this.#from : 'LATEST';
  }

  /** Takes the place from which on all is read. */
  async begin(signal: AbortSignal): Promise<void> {
    while (this.#iterator === undefined && !this.#isGone)
      await this.#try(() => this.#place(signal), signal);
  }

  /** Resolves when the shard has been read to its end. */
  async run(signal: AbortSignal): Promise<void> {
    const { readMs, clock } = this.settings;
    for (;;) {
      await this.begin(signal);
      if (this.#isGone) return;
      const read = await this.#try(() => this.#read(signal), signal);
      if (read === 'END') return;
      if (read !== undefined && read < manyRecords) await pause(clock, readMs, signal);
    }
  }

  async #place(signal: AbortSignal): Promise<void> {
    const { calls, streamArn } = this.settings;
    const shard = { StreamArn: streamArn, ShardId: this.start.shardId };
    const answer = await calls.send(
      'GetShardIterator',
      this.#last === undefined
        ? { ...shard, ShardIteratorType: this.#from }
        : { ...shard, ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: this.#last },
      signal,
    );
    if (answer.ShardIterator === undefined)
      throw new GridError('UNAVAILABLE', 'The stream of the state table gave no iterator.');
    this.#iterator = answer.ShardIterator;
    if (this.#gap !== undefined) this.settings.missed(this.#gap);
    this.#gap = undefined;
  }

  /** The number of records that were read. */
  async #read(signal: AbortSignal): Promise<number | 'END'> {
    // Set by `begin`.
    const iterator = this.#iterator as string;
    const input = { ShardIterator: iterator, Limit: maxRecords };
    const answer = await this.settings.calls.send('GetRecords', input, signal);
    const records = answer.Records ?? [];
    this.#last = records.at(-1)?.dynamodb?.SequenceNumber ?? this.#last;
    this.#iterator = answer.NextShardIterator ?? undefined;
    // A place alone is no success: it may be refused again as soon as it is read from.
    this.#failed = 0;
    const news = records.filter((record) => this.#isNews(record));
    if (news.length > 0) this.settings.records(news);
    return this.#iterator === undefined ? 'END' : records.length;
  }

  #isNews({ dynamodb }: StreamRecord): boolean {
    const { sinceSec = 0 } = this.start;
    return (dynamodb?.ApproximateCreationDateTime ?? Infinity) >= sinceSec;
  }

  /** Undefined where the call failed and is to be made again. */
  async #try<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    const { clock, failures, readMs } = this.settings;
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      const refusal = error instanceof StreamRefusal ? error.refusal : undefined;
      switch (refusal) {
        case 'DENIED':
          throw error;
        case 'GONE':
          // Trimmed as a whole. Where the stream itself is gone, its listing tells.
          this.settings.missed(this.#gap ?? 'a shard was trimmed before it was read');
          this.#isGone = true;
          return undefined;
        case 'EXPIRED':
          this.#iterator = undefined;
          // Where nothing was read yet there is no place to go on from.
          if (this.#last === undefined && this.#from === 'LATEST')
            this.#gap = 'an iterator expired before it gave a record';
          break;
        case 'TRIMMED':
          this.#iterator = undefined;
          this.#last = undefined;
          this.#from = 'TRIM_HORIZON';
          this.#gap = 'records were trimmed before they were read';
          break;
        case 'BUSY':
        case undefined:
          break;
        default:
          refusal satisfies never;
      }
      this.#failed++;
      if (this.#failed >= (refusal === 'BUSY' ? Math.max(busyFailures, failures) : failures))
        throw error;
      await pause(
        clock,
        Math.min(longestPauseMs, readMs * 2 ** Math.min(this.#failed, 10)),
        signal,
      );
      return undefined;
    }
  }
}
