/** The reader of a table's stream: every change once and in order, through splits, expiry, trims and refusals. */
import * as fc from 'fast-check';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { GridError } from '../../src/errors.js';
import type { TaskChange } from '../../src/grids/htc-grid/change.js';
import type { RawItem } from '../../src/grids/htc-grid/item.js';
import { ShardTree } from '../../src/grids/htc-grid/push/shard-tree.js';
import type { StreamOperation } from '../../src/grids/htc-grid/push/stream-calls.js';
import { changeOfRecord } from '../../src/grids/htc-grid/push/stream-change.js';
import { connectStreams } from '../../src/grids/htc-grid/push/stream-connection.js';
import { TableStream } from '../../src/grids/htc-grid/push/table-stream.js';
import { statusOf, taskIdOf } from '../../src/grids/htc-grid/status.js';
import type { NativeState } from '../../src/grids/htc-grid/status.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { FakeStream } from './fake-stream.js';
import { propertySeed } from '../property-seed.js';

const row = (index: number, state: NativeState, heartbeat = 0): RawItem => ({
  task_id: { S: taskIdOf('s', index) },
  session_id: { S: 's' },
  task_status: { S: statusOf(state, 's') },
  retries: { N: '0' },
  submission_timestamp: { N: '1795302621626' },
  task_completion_timestamp: { N: state === 'finished' ? '1795302622000' : '0' },
  heartbeat_expiration_timestamp: { N: String(heartbeat) },
});

const readerOf = (stream: FakeStream, more: object = {}) =>
  new TableReader({
    table: 't',
    label: 'The state table "t"',
    close: () => undefined,
    send: async () => ({ Table: { TableStatus: 'ACTIVE', ...stream.specification, ...more } }),
  });

const ends: AbortController[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end.abort();
});

async function attached(stream: FakeStream, calls: Partial<{ failures: number }> = {}) {
  const changes: TaskChange[] = [];
  const missed: string[] = [];
  const lost: Error[] = [];
  let end = new AbortController();
  let source: TableStream | undefined;
  const attach = async (from?: string) => {
    end = new AbortController();
    ends.push(end);
    source = new TableStream({
      reader: readerOf(stream),
      calls: stream,
      readMs: 1,
      listMs: 5,
      ...calls,
    });
    const sink = {
      changes: (news: readonly TaskChange[]) => changes.push(...news),
      missed: (reason: string) => missed.push(reason),
      lost: (error: Error) => lost.push(error),
    };
    await source.attach(sink, end.signal, from);
  };
  await attach();
  return {
    changes,
    missed,
    lost,
    states: () => changes.map(({ taskId, state }) => `${taskId} ${state}`),
    leave: () => {
      end.abort();
    },
    /** Another reader goes on where this one is. */
    move: async (meanwhile: () => void = () => undefined) => {
      const place = source?.place;
      end.abort();
      meanwhile();
      // Where the stream is busy the reader is attached at the next try.
      for (let isThere = false; !isThere;) {
        isThere = await attach(place).then(
          () => true,
          (error: unknown) => {
            end.abort();
            if (!(error instanceof GridError)) throw error;
            return false;
          },
        );
      }
    },
  };
}

/** A task from its row to its end. */
function run(stream: FakeStream, index: number, ...states: NativeState[]): void {
  let before: RawItem | undefined;
  for (const state of states) {
    const now = row(index, state);
    stream.write(taskIdOf('s', index), now, before);
    before = now;
  }
}

describe('records of a stream', () => {
  it('are changes where state, attempt or life are others, and nothing for a heartbeat', () => {
    const of = (NewImage: RawItem | undefined, OldImage?: RawItem) =>
      changeOfRecord({
        dynamodb: { ...(NewImage && { NewImage }), ...(OldImage && { OldImage }) },
      })?.state;
    expect(of(row(0, 'processing', 1), row(0, 'pending'))).toBe('processing');
    expect(of(row(0, 'processing', 6), row(0, 'processing', 1))).toBeUndefined();
    expect(of(row(0, 'pending'), { ...row(0, 'pending'), retries: { N: '1' } })).toBe('pending');
    expect(of(row(0, 'pending'), {})).toBe('pending');
    expect(of(undefined, row(0, 'finished'))).toBeUndefined();
    expect(of({ task_id: { S: 's_1' }, task_status: { S: statusOf('cancelled', 's') } })).toBe(
      'cancelled',
    );
  });
});

describe('the shards of a stream', () => {
  const shard = (ShardId: string, ParentShardId?: string, closed = false) => ({
    ShardId,
    ...(ParentShardId === undefined ? {} : { ParentShardId }),
    SequenceNumberRange: closed ? { EndingSequenceNumber: '9' } : {},
  });

  it('are read parents first, and from their beginning where they came later', () => {
    const tree = new ShardTree();
    tree.list([shard('old', undefined, true), shard('a', 'old'), shard('b')]);
    expect(tree.take()).toMatchObject([
      { shardId: 'a', from: 'LATEST' },
      { shardId: 'b', from: 'LATEST' },
    ]);
    tree.list([shard('a', 'old', true), shard('b'), shard('a1', 'a', true), shard('a2', 'a1')]);
    expect(tree.take()).toEqual([]);
    tree.done('a');
    expect(tree.take()).toMatchObject([{ shardId: 'a1', from: 'TRIM_HORIZON' }]);
    expect(tree.childless).toBe(0);
    tree.done('a1');
    tree.done('b');
    expect(tree.childless).toBe(1);
    expect(tree.take()).toMatchObject([{ shardId: 'a2' }]);
  });

  it('are read from their beginning where their parent was open when the first listing began', () => {
    const tree = new ShardTree();
    // The parent was on the first page of the listing, and split before the second.
    tree.list([shard('a'), shard('b', 'a')]);
    expect(tree.take()).toMatchObject([{ shardId: 'a', from: 'LATEST' }]);
    tree.done('a');
    expect(tree.take()).toMatchObject([{ shardId: 'b', from: 'TRIM_HORIZON' }]);
  });

  it('are forgotten with the listing, and a child of one that was trimmed is read', () => {
    const tree = new ShardTree();
    tree.list([shard('a')]);
    tree.take();
    tree.done('a');
    tree.list([shard('c', 'gone')]);
    expect(tree.size).toBe(1);
    expect(tree.take()).toMatchObject([{ shardId: 'c', from: 'TRIM_HORIZON' }]);
  });
});

describe('a stream that is read', () => {
  it('tells what happens after it was attached, and nothing of before', async () => {
    const stream = new FakeStream(3);
    run(stream, 0, 'pending', 'processing');
    const { changes, states } = await attached(stream);
    run(stream, 1, 'pending', 'processing', 'finished');
    await vi.waitFor(() => {
      expect(changes).toHaveLength(3);
    });
    expect(states()).toEqual(['s_1 pending', 's_1 processing', 's_1 finished']);
    expect(changes.at(-1)).toMatchObject({ retries: 0, completedAt: 1795302622000 });
  });

  it('goes on through splits and rolls, every change once and those of a task in order', async () => {
    const stream = new FakeStream(2);
    stream.page = 2;
    stream.listedLate = 2;
    const { changes, missed, lost } = await attached(stream);
    const tasks = Array.from({ length: 60 }, (_, index) => index);
    for (const index of tasks) run(stream, index, 'pending');
    stream.split();
    for (const index of tasks) stream.write(taskIdOf('s', index), row(index, 'processing'), {});
    stream.roll();
    stream.split();
    for (const index of tasks) stream.write(taskIdOf('s', index), row(index, 'finished'), {});
    await vi.waitFor(
      () => {
        expect(changes).toHaveLength(180);
      },
      { timeout: 20_000 },
    );
    for (const index of tasks)
      expect(
        changes.filter(({ taskId }) => taskId === taskIdOf('s', index)).map(({ state }) => state),
      ).toEqual(['pending', 'processing', 'finished']);
    expect([missed, lost]).toEqual([[], []]);
  });

  it('tells every change of a task in order, or that some are missing, whatever happens to the stream', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ write: fc.integer({ min: 0, max: 5 }) }) },
      fc.constantFrom(
        'split',
        'roll',
        'expireIterators',
        'hold',
        'release',
        'trim',
        'turn',
        'busy',
        'move',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const stream = new FakeStream(2);
        stream.listedLate = 1;
        const { changes, missed, lost, leave, move } = await attached(stream);
        const written = new Map<number, number>();
        const write = (index: number) => {
          const retries = (written.get(index) ?? 0) + 1;
          written.set(index, retries);
          const now = { ...row(index, 'pending'), retries: { N: String(retries) } };
          stream.write(taskIdOf('s', index), now, undefined);
        };
        let splits = 0;
        for (const one of steps) {
          if (typeof one === 'object') write(one.write);
          else if (one === 'busy') stream.fail('LimitExceededException', 'InternalServerError');
          else if (one === 'move') await move();
          else if (one === 'turn') await new Promise((resolve) => setImmediate(resolve));
          else if (one !== 'split' || splits++ < 4) stream[one]();
        }
        stream.release();
        // Nor does what was trimmed while nobody read a shard that had given nothing.
        const isUntraced = steps.includes('trim') && steps.includes('move');
        const all = [0, 1, 2, 3, 4, 5];
        const told = (index: number) =>
          changes
            .filter(({ taskId }) => taskId === taskIdOf('s', index))
            .map(({ retries = 0 }) => retries);
        const isCurrent = (index: number) => told(index).at(-1) === written.get(index);
        await vi.waitFor(
          () => {
            const behind = all.filter((index) => !written.has(index) || !isCurrent(index));
            // What was written last may be missing too, where that was said.
            if (missed.length > 0 || written.size < all.length || isUntraced)
              for (const index of behind) write(index);
            expect(behind).toEqual([]);
          },
          { timeout: 10_000, interval: 20 },
        );
        expect(lost).toEqual([]);
        for (const index of all) {
          const numbers = told(index);
          // In order, and nothing twice; where nothing was said to be missing, nothing is.
          expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
          // What was trimmed before its shard was begun leaves no trace; a check of the table finds it.
          if (missed.length === 0 && !steps.includes('trim'))
            expect(numbers).toHaveLength(written.get(index) ?? 0);
        }
        leave();
      }),
      { numRuns: 60, seed: propertySeed, examples: [[['busy', 'move']]] },
    );
  });

  it('is gone on with by another reader, over rolls and splits in between; of before it tells nothing', async () => {
    const stream = new FakeStream(2);
    stream.olderSec = 3600;
    run(stream, 0, 'pending', 'processing');
    run(stream, 3, 'pending', 'processing');
    stream.olderSec = 0;
    const { states, missed, move } = await attached(stream);
    // One of the shards has had nothing.
    run(stream, 1, 'pending');
    await vi.waitFor(() => {
      expect(states()).toEqual(['s_1 pending']);
    });
    const gone = () => {
      run(stream, 1, 'processing');
      stream.roll();
      stream.split();
      run(stream, 0, 'finished');
      run(stream, 3, 'finished');
      stream.roll();
      run(stream, 1, 'finished');
    };
    await move(gone);
    await vi.waitFor(() => {
      expect(states().sort()).toEqual(
        ['s_1 pending', 's_1 processing', 's_1 finished', 's_0 finished', 's_3 finished'].sort(),
      );
    });
    await move();
    run(stream, 2, 'pending');
    await vi.waitFor(() => {
      expect(states().slice(5)).toEqual(['s_2 pending']);
    });
    expect(missed).toEqual([]);
    stream.disable();
    stream.enable();
    // Of another stream that place says nothing.
    await move(() => {
      run(stream, 4, 'pending');
    });
    run(stream, 5, 'pending');
    await vi.waitFor(() => {
      expect(states().slice(6)).toEqual(['s_5 pending']);
    });
    expect(missed).toEqual(['the table has another stream by now']);
  });

  it('goes on behind the last record where iterators expire', async () => {
    const stream = new FakeStream();
    const { changes, missed } = await attached(stream);
    run(stream, 0, 'pending');
    await vi.waitFor(() => {
      expect(changes).toHaveLength(1);
    });
    stream.expireIterators();
    run(stream, 1, 'pending');
    await vi.waitFor(() => {
      expect(changes).toHaveLength(2);
    });
    expect(missed).toEqual([]);
  });

  it('says that something may be missing where an iterator expired before its first record', async () => {
    const stream = new FakeStream();
    const { changes, missed } = await attached(stream);
    stream.expireIterators();
    await vi.waitFor(() => {
      expect(missed).toHaveLength(1);
    });
    run(stream, 0, 'pending');
    await vi.waitFor(() => {
      expect(changes).toHaveLength(1);
    });
  });

  it('says that something is missing where its place was trimmed, and goes on with what is left', async () => {
    const stream = new FakeStream();
    const { changes, missed, lost } = await attached(stream);
    run(stream, 0, 'pending');
    await vi.waitFor(() => {
      expect(changes).toHaveLength(1);
    });
    stream.hold();
    run(stream, 1, 'pending');
    stream.trim();
    run(stream, 2, 'pending');
    stream.release();
    await vi.waitFor(() => {
      expect(changes.map(({ taskId }) => taskId)).toEqual(['s_0', 's_2']);
    });
    expect(missed).toHaveLength(1);
    expect(lost).toEqual([]);
  });

  it('waits where it is asked to, as often as it is', async () => {
    const stream = new FakeStream();
    const { changes, lost } = await attached(stream, { failures: 2 });
    stream.fail(...Array<string>(6).fill('LimitExceededException'));
    run(stream, 0, 'pending', 'processing');
    await vi.waitFor(() => {
      expect(changes).toHaveLength(2);
    });
    expect(lost).toEqual([]);
  });

  it.each([
    ['calls come too often for half a minute', 'LimitExceededException', 'asks to slow down'],
    ['iterators expire as soon as they are given', 'ExpiredIteratorException', 'is refused'],
    ['each place is trimmed at once', 'TrimmedDataAccessException', 'is refused'],
  ])('is lost where %s', async (_what, name, message) => {
    const stream = new FakeStream();
    const { lost } = await attached(stream);
    stream.failAlways('GetRecords', name);
    await vi.waitFor(() => {
      expect(lost).toMatchObject([{ message: expect.stringContaining(message) as string }]);
    });
  });

  it('is lost once, with the reason, where calls keep failing or it is switched off', async () => {
    const broken = new FakeStream(4);
    const first = await attached(broken, { failures: 2 });
    broken.fail(...Array<string>(100).fill('InternalServerError'));
    await vi.waitFor(() => {
      expect(first.lost).toHaveLength(1);
    });
    const off = new FakeStream(4);
    const second = await attached(off);
    off.disable();
    await vi.waitFor(() => {
      expect(second.lost).toMatchObject([
        { message: expect.stringContaining('switched off') as string },
      ]);
    });
    const again = new FakeStream();
    const third = await attached(again);
    again.disable();
    again.enable();
    await vi.waitFor(() => {
      expect(third.lost).toMatchObject([
        { message: expect.stringContaining('not there any more') as string },
      ]);
    });
  });

  it('asks nothing more once its caller has gone', async () => {
    const stream = new FakeStream(3);
    const { leave, lost } = await attached(stream);
    await vi.waitFor(() => {
      expect(stream.calls.get('GetRecords')).toBeGreaterThan(3);
    });
    leave();
    const asked = [...stream.calls.values()];
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect([...stream.calls.values()]).toEqual(asked);
    expect(lost).toEqual([]);
  });

  it.each([
    ['no stream', { StreamSpecification: undefined, LatestStreamArn: undefined }, 'no stream'],
    [
      'a view without rows',
      { StreamSpecification: { StreamEnabled: true, StreamViewType: 'KEYS_ONLY' } },
      'KEYS_ONLY instead of NEW_AND_OLD_IMAGES',
    ],
  ])('is not attached where the table has %s', async (_what, more, reason) => {
    const stream = new FakeStream();
    const source = new TableStream({ reader: readerOf(stream, more), calls: stream });
    const sink = { changes: vi.fn(), missed: vi.fn(), lost: vi.fn() };
    await expect(source.attach(sink, new AbortController().signal)).rejects.toMatchObject({
      code: 'CAPABILITY_MISSING',
      message: expect.stringContaining(reason) as string,
    });
  });
});

describe('the calls of a stream', () => {
  it('go over HTTP, signed for the region, and refusals come by their names', async () => {
    const stream = new FakeStream();
    const seen: string[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const target = String(request.headers['x-amz-target']);
        seen.push(target, String(request.headers.authorization));
        try {
          const operation = target.split('.')[1] as StreamOperation;
          const input = JSON.parse(Buffer.concat(chunks).toString()) as object;
          response.end(JSON.stringify(stream.answer(operation, input)));
        } catch (error) {
          const { name, message } = error as Error;
          const type = `com.amazonaws.dynamodb.v20120810#${name}`;
          response.writeHead(400).end(JSON.stringify({ __type: type, message }));
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const calls = await connectStreams({
      table: 't',
      region: 'eu-west-1',
      endpoint: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    const end = new AbortController();
    try {
      const changes: TaskChange[] = [];
      const missed: string[] = [];
      const source = new TableStream({ reader: readerOf(stream), calls, readMs: 1 });
      const sink = {
        changes: (news: readonly TaskChange[]) => changes.push(...news),
        missed: (reason: string) => missed.push(reason),
        lost: vi.fn(),
      };
      await source.attach(sink, end.signal);
      run(stream, 0, 'pending', 'finished');
      await vi.waitFor(() => {
        expect(changes.map(({ state }) => state)).toEqual(['pending', 'finished']);
      });
      stream.expireIterators();
      run(stream, 1, 'pending');
      await vi.waitFor(() => {
        expect(changes).toHaveLength(3);
      });
      expect(seen).toContain('DynamoDBStreams_20120810.GetRecords');
      expect(seen.join()).toContain('/eu-west-1/dynamodb/aws4_request');
      const gone = calls.send('DescribeStream', { StreamArn: 'arn:none' }, end.signal);
      await expect(gone).rejects.toMatchObject({ refusal: 'GONE' });
      expect(sink.lost).not.toHaveBeenCalled();
    } finally {
      end.abort();
      calls.close();
      server.close();
      server.closeAllConnections();
    }
  });
});
