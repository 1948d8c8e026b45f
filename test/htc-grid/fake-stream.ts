/**
 * A DynamoDB stream in memory, with the behaviour that AWS documents and a real one shows only after hours: shards
 * split, close and are trimmed, iterators expire, calls are refused, children are listed late, records show up late.
 *
 * What the documentation says and this does: records of one item are in order in one shard, or in its descendants; a
 * closed shard has an ending sequence number, and behind its last record there is no next iterator; an answer may be
 * empty and still have one; an answer has at most 1,000 records; a description lists at most 100 shards and goes on
 * behind `ExclusiveStartShardId`; LATEST is behind the last record, TRIM_HORIZON before the oldest one that is left;
 * an iterator for a trimmed place is TrimmedDataAccessException, an old iterator ExpiredIteratorException; switching a
 * stream off disables it, and switching it on again makes another one with another ARN.
 */
import { createHash } from 'node:crypto';
import type { RawItem } from '../../src/grids/htc-grid/item.js';
import type {
  StreamCalls,
  StreamOperation,
  StreamOperations,
  StreamRecord,
} from '../../src/grids/htc-grid/push/stream-calls.js';
import { refusalOf } from '../../src/grids/htc-grid/push/stream-calls.js';

interface Shard {
  readonly id: string;
  readonly parent: string | undefined;
  /** The part of all keys that it has, of 0 to 1. */
  readonly from: number;
  readonly to: number;
  /** Records of before are trimmed; `records[0]` has this place. */
  trimmed: number;
  readonly records: StreamRecord[];
  closed: boolean;
  /** Descriptions that don't list it yet. */
  hidden: number;
}

interface Iterator {
  readonly shard: Shard;
  readonly place: number;
  expired: boolean;
}

const places = 1e15;
/** In one answer. */
const maxRecords = 1000;

export class FakeStream implements StreamCalls {
  readonly calls = new Map<StreamOperation, number>();
  /** Shards in one description. */
  page = 100;
  /** Descriptions that do not list a new shard yet. */
  listedLate = 0;
  /** How long ago what is written now was created. */
  olderSec = 0;
  #arn = 1;
  #enabled = true;
  #numbers = 0;
  #held = false;
  #faults: string[] = [];
  readonly #always = new Map<StreamOperation, string>();
  #shards: Shard[] = [];
  readonly #iterators = new Map<string, Iterator>();

  constructor(shards = 1) {
    this.#open(shards);
  }

  /** As DescribeTable tells of it. */
  get specification() {
    return this.#enabled
      ? {
          LatestStreamArn: this.arn,
          StreamSpecification: {
            StreamEnabled: true,
            StreamViewType: 'NEW_AND_OLD_IMAGES' as const,
          },
        }
      : {};
  }

  get arn(): string {
    return `arn:aws:dynamodb:eu-west-1:1:table/t/stream/${String(this.#arn)}`;
  }

  /** A row was written: inserted, changed or, without `now`, removed. */
  write(key: string, now: RawItem | undefined, before: RawItem | undefined): void {
    if (!this.#enabled) return;
    const hash = createHash('md5').update(key).digest().readUInt32BE(0) / 2 ** 32;
    const shard = this.#shards.find(({ closed, from, to }) => !closed && hash >= from && hash < to);
    shard?.records.push({
      eventName: now === undefined ? 'REMOVE' : before === undefined ? 'INSERT' : 'MODIFY',
      dynamodb: {
        SequenceNumber: String(places + ++this.#numbers),
        ApproximateCreationDateTime: Math.floor(Date.now() / 1000) - this.olderSec,
        ...(now === undefined ? {} : { NewImage: now }),
        ...(before === undefined ? {} : { OldImage: before }),
      },
    });
  }

  /** Every open shard is closed and has two children. */
  split(): void {
    for (const shard of this.#shards.filter(({ closed }) => !closed)) {
      const middle = (shard.from + shard.to) / 2;
      shard.closed = true;
      this.#add(shard.from, middle, shard.id);
      this.#add(middle, shard.to, shard.id);
    }
  }

  /** Every open shard is closed and has one child, as after some hours. */
  roll(): void {
    for (const shard of this.#shards.filter(({ closed }) => !closed)) {
      shard.closed = true;
      this.#add(shard.from, shard.to, shard.id);
    }
  }

  /** What there is becomes older than 24 hours. */
  trim(): void {
    for (const shard of this.#shards) {
      shard.trimmed += shard.records.length;
      shard.records.length = 0;
    }
    this.#shards = this.#shards.filter(({ closed }) => !closed);
  }

  expireIterators(): void {
    for (const iterator of this.#iterators.values()) iterator.expired = true;
  }

  /** Until `release`, records are written and not shown. */
  hold(): void {
    this.#held = true;
  }
  release(): void {
    this.#held = false;
  }

  /** The next calls fail by these names, one each. */
  fail(...names: readonly string[]): void {
    this.#faults.push(...names);
  }
  /** Every call of this operation from now on fails by this name. */
  failAlways(operation: StreamOperation, name: string): void {
    this.#always.set(operation, name);
  }
  recover(): void {
    this.#always.clear();
    this.#faults = [];
  }

  disable(): void {
    this.#enabled = false;
    for (const shard of this.#shards) shard.closed = true;
  }

  enable(): void {
    this.#arn++;
    this.#enabled = true;
    this.#shards = [];
    this.#open(1);
  }

  async send<O extends StreamOperation>(
    operation: O,
    input: StreamOperations[O]['input'],
    signal: AbortSignal,
  ): Promise<StreamOperations[O]['output']> {
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
    this.calls.set(operation, (this.calls.get(operation) ?? 0) + 1);
    try {
      const fault = this.#faults.shift() ?? this.#always.get(operation);
      if (fault !== undefined) throw named(fault);
      return this.answer(operation, input);
    } catch (error) {
      throw refusalOf(error) ?? error;
    }
  }

  /** The answer as AWS gives it; throws errors with its names. */
  answer(operation: StreamOperation, input: object): object {
    const given = input as Record<string, string | number | undefined>;
    if (operation !== 'GetRecords' && given['StreamArn'] !== this.arn)
      throw named('ResourceNotFoundException');
    switch (operation) {
      case 'DescribeStream':
        return this.#describe(given['ExclusiveStartShardId']);
      case 'GetShardIterator':
        return this.#iterator(given);
      case 'GetRecords':
        return this.#records(
          String(given['ShardIterator']),
          Math.min(maxRecords, Number(given['Limit'] ?? maxRecords)),
        );
      default:
        return operation satisfies never;
    }
  }

  #describe(from: string | number | undefined): StreamOperations['DescribeStream']['output'] {
    const listed = this.#shards.filter((shard) => shard.hidden-- <= 0);
    const start = from === undefined ? 0 : listed.findIndex(({ id }) => id === from) + 1;
    const shards = listed.slice(start, start + this.page);
    const last = shards.at(-1);
    return {
      StreamDescription: {
        StreamStatus: this.#enabled ? 'ENABLED' : 'DISABLED',
        Shards: shards.map(({ id, parent, closed }) => ({
          ShardId: id,
          ...(parent === undefined ? {} : { ParentShardId: parent }),
          SequenceNumberRange: closed
            ? { EndingSequenceNumber: String(places + this.#numbers) }
            : {},
        })),
        ...(last !== undefined && start + shards.length < listed.length
          ? { LastEvaluatedShardId: last.id }
          : {}),
      },
    };
  }

  #iterator(
    given: Readonly<Record<string, string | number | undefined>>,
  ): StreamOperations['GetShardIterator']['output'] {
    const shard = this.#shards.find(({ id }) => id === given['ShardId']);
    if (shard === undefined) throw named('ResourceNotFoundException');
    const { trimmed, records } = shard;
    switch (given['ShardIteratorType']) {
      case 'LATEST':
        return { ShardIterator: this.#issue(shard, trimmed + records.length) };
      case 'TRIM_HORIZON':
        return { ShardIterator: this.#issue(shard, trimmed) };
      default: {
        const at = records.findIndex(
          ({ dynamodb }) => dynamodb?.SequenceNumber === given['SequenceNumber'],
        );
        if (at < 0) throw named('TrimmedDataAccessException');
        return { ShardIterator: this.#issue(shard, trimmed + at + 1) };
      }
    }
  }

  #records(id: string, limit: number): StreamOperations['GetRecords']['output'] {
    const iterator = this.#iterators.get(id);
    if (iterator === undefined) throw named('ValidationException');
    const { shard, place, expired } = iterator;
    if (expired) throw named('ExpiredIteratorException');
    if (place < shard.trimmed) throw named('TrimmedDataAccessException');
    if (this.#held) return { Records: [], NextShardIterator: this.#issue(shard, place) };
    const records = shard.records.slice(place - shard.trimmed, place - shard.trimmed + limit);
    const next = place + records.length;
    const over = shard.closed && next >= shard.trimmed + shard.records.length;
    return {
      Records: records,
      ...(over ? {} : { NextShardIterator: this.#issue(shard, next) }),
    };
  }

  #issue(shard: Shard, place: number): string {
    const id = `${shard.id}@${String(place)}#${String(this.#iterators.size)}`;
    this.#iterators.set(id, { shard, place, expired: false });
    return id;
  }

  #open(shards: number): void {
    for (let at = 0; at < shards; at++) this.#add(at / shards, (at + 1) / shards, undefined);
  }

  #add(from: number, to: number, parent: string | undefined): void {
    this.#shards.push({
      id: `shardId-${String(++this.#numbers).padStart(20, '0')}`,
      parent,
      from,
      to,
      trimmed: 0,
      records: [],
      closed: false,
      hidden: parent === undefined ? 0 : this.listedLate,
    });
  }
}

function named(name: string): Error {
  const error = new Error(`The fake stream answers ${name}.`);
  error.name = name;
  return error;
}
