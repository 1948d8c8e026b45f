/** What AWS documents of DynamoDB Streams, held by the fake that the tests of streams stand on. */
import { describe, expect, it } from 'vitest';
import type { StreamOperations } from '../../src/grids/htc-grid/push/stream-calls.js';
import { FakeStream } from './fake-stream.js';

type Output<O extends keyof StreamOperations> = StreamOperations[O]['output'];
type From = StreamOperations['GetShardIterator']['input']['ShardIteratorType'];

/** The calls of one stream, as short words. */
class Calls {
  constructor(readonly stream: FakeStream) {}

  describe(after?: string): NonNullable<Output<'DescribeStream'>['StreamDescription']> {
    const input = { StreamArn: this.stream.arn, ExclusiveStartShardId: after };
    const { StreamDescription = {} } = this.stream.answer(
      'DescribeStream',
      input,
    ) as Output<'DescribeStream'>;
    return StreamDescription;
  }

  get shards() {
    return this.describe().Shards ?? [];
  }

  iterator(ShardId: string | undefined, ShardIteratorType: From, SequenceNumber?: string): string {
    const input = { StreamArn: this.stream.arn, ShardId, ShardIteratorType, SequenceNumber };
    const answer = this.stream.answer('GetShardIterator', input) as Output<'GetShardIterator'>;
    return answer.ShardIterator ?? '';
  }

  read(ShardIterator: string, Limit = 1000): Output<'GetRecords'> {
    return this.stream.answer('GetRecords', { ShardIterator, Limit });
  }
}

function streamOf(shards = 1) {
  const stream = new FakeStream(shards);
  const write = (key: string, state: string) => {
    stream.write(key, { task_id: { S: key }, state: { S: state } }, undefined);
  };
  return { stream, write, calls: new Calls(stream) };
}

const statesIn = ({ Records = [] }: Output<'GetRecords'>) =>
  Records.map(({ dynamodb }) => dynamodb?.NewImage?.['state']?.S);
const named = (name: string) => expect.objectContaining({ name }) as Error;

describe('the fake of DynamoDB Streams', () => {
  it('has the records of an item in order, in its shard and then in a child of it', () => {
    const { stream, write, calls } = streamOf(3);
    write('a', '1');
    stream.split();
    write('a', '2');
    stream.roll();
    write('a', '3');
    const found = calls.shards.flatMap(({ ShardId, ParentShardId }) =>
      statesIn(calls.read(calls.iterator(ShardId, 'TRIM_HORIZON'))).map((state) => ({
        state,
        ShardId,
        ParentShardId,
      })),
    );
    expect(found.map(({ state }) => state)).toEqual(['1', '2', '3']);
    const [first, second, third] = found;
    expect([second?.ParentShardId, third?.ParentShardId]).toEqual([
      first?.ShardId,
      second?.ShardId,
    ]);
  });

  it('gives no next iterator behind the last record of a closed shard, and one behind that of an open one', () => {
    const { stream, write, calls } = streamOf();
    write('a', '1');
    const [shard] = calls.shards;
    const open = calls.read(calls.iterator(shard?.ShardId, 'TRIM_HORIZON'));
    expect(statesIn(open)).toEqual(['1']);
    expect(statesIn(calls.read(open.NextShardIterator ?? ''))).toEqual([]);
    expect(shard?.SequenceNumberRange?.EndingSequenceNumber).toBeUndefined();
    stream.roll();
    expect(calls.shards[0]?.SequenceNumberRange?.EndingSequenceNumber).toBeDefined();
    expect(calls.read(open.NextShardIterator ?? '').NextShardIterator).toBeUndefined();
  });

  it('begins at the oldest record there is, behind the newest, or behind a sequence number', () => {
    const { write, calls } = streamOf();
    write('a', '1');
    const id = calls.shards[0]?.ShardId;
    const latest = calls.iterator(id, 'LATEST');
    write('a', '2');
    const all = calls.read(calls.iterator(id, 'TRIM_HORIZON'));
    expect(statesIn(all)).toEqual(['1', '2']);
    expect(statesIn(calls.read(latest))).toEqual(['2']);
    const first = all.Records?.[0]?.dynamodb?.SequenceNumber;
    expect(statesIn(calls.read(calls.iterator(id, 'AFTER_SEQUENCE_NUMBER', first)))).toEqual(['2']);
  });

  it('answers with as many records as are asked for, 1,000 at most, and with none for a while though there are some', () => {
    const { stream, write, calls } = streamOf();
    for (let n = 0; n < 1500; n++) write('a', String(n));
    const start = calls.iterator(calls.shards[0]?.ShardId, 'TRIM_HORIZON');
    expect(calls.read(start, 7).Records).toHaveLength(7);
    expect(calls.read(start, 5000).Records).toHaveLength(1000);
    stream.hold();
    const empty = calls.read(start);
    expect(empty.Records).toEqual([]);
    stream.release();
    expect(calls.read(empty.NextShardIterator ?? '').Records).toHaveLength(1000);
  });

  it('describes 100 shards at a time, and a new one may be listed late', () => {
    const { stream, calls } = streamOf(150);
    const { Shards, LastEvaluatedShardId } = calls.describe();
    expect(Shards).toHaveLength(100);
    expect(LastEvaluatedShardId).toBe(Shards?.at(-1)?.ShardId);
    const rest = calls.describe(LastEvaluatedShardId);
    expect([rest.Shards?.length, rest.LastEvaluatedShardId]).toEqual([50, undefined]);
    const { stream: late, calls: of } = streamOf();
    late.listedLate = 1;
    late.roll();
    expect([of.shards.length, of.shards.length]).toEqual([1, 2]);
    expect(stream.specification.StreamSpecification?.StreamViewType).toBe('NEW_AND_OLD_IMAGES');
  });

  it('refuses an iterator that has expired, a place that was trimmed and a shard that is gone, by the names of AWS', () => {
    const { stream, write, calls } = streamOf();
    write('a', '1');
    const id = calls.shards[0]?.ShardId;
    const old = calls.iterator(id, 'TRIM_HORIZON');
    const number = calls.read(old).Records?.[0]?.dynamodb?.SequenceNumber;
    stream.expireIterators();
    expect(() => calls.read(old)).toThrow(named('ExpiredIteratorException'));
    const place = calls.iterator(id, 'TRIM_HORIZON');
    stream.trim();
    expect(() => calls.read(place)).toThrow(named('TrimmedDataAccessException'));
    expect(() => calls.iterator(id, 'AFTER_SEQUENCE_NUMBER', number)).toThrow(
      named('TrimmedDataAccessException'),
    );
    stream.roll();
    stream.trim();
    expect(() => calls.iterator(id, 'LATEST')).toThrow(named('ResourceNotFoundException'));
  });

  it('is another stream once it was switched off and on', () => {
    const { stream, write, calls } = streamOf();
    const { arn } = stream;
    stream.disable();
    write('a', 'unheard');
    expect([stream.specification, calls.describe().StreamStatus]).toEqual([{}, 'DISABLED']);
    stream.enable();
    expect(stream.arn).not.toBe(arn);
    expect(() => stream.answer('DescribeStream', { StreamArn: arn })).toThrow(
      named('ResourceNotFoundException'),
    );
    expect(statesIn(calls.read(calls.iterator(calls.shards[0]?.ShardId, 'TRIM_HORIZON')))).toEqual(
      [],
    );
  });
});
