/** Equal subscriptions of equal authority share their frames; nobody loses one by it, and nobody sees more. */
import fc from 'fast-check';
import { buildSchema, getOperationAST, type OperationDefinitionNode, parse } from 'graphql';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Caller } from '../../src/access/caller.js';
import { createMetrics } from '../../src/server/metrics.js';
import type { EncodedFrame } from '../../src/server/streams/encoded-frame.js';
import { Member, type Outlet } from '../../src/server/streams/member.js';
import { streamKey } from '../../src/server/streams/stream-key.js';
import { Streams } from '../../src/server/streams/streams.js';
import { AppendLog, type DeliveryInput, type StreamStartInput } from '../../src/streams/index.js';
import {
  type Done,
  numbersQuery,
  numbersSchema,
  type NumbersFrame,
  type Owned,
} from './numbers-schema.js';
import { propertySeed } from '../property-seed.js';

const document = parse(numbersQuery);
const operation = ((): OperationDefinitionNode => {
  const found = getOperationAST(document);
  if (!found) throw new Error('The document has no operation.');
  return found;
})();

interface Variables {
  readonly start?: StreamStartInput;
  readonly delivery?: DeliveryInput;
  readonly padding?: number;
}

/** A subscriber that reads when the test says so. */
class Reader implements Outlet {
  readonly frames: NumbersFrame[] = [];
  readonly texts: string[] = [];
  ready = true;
  /** The kind of frame behind which it reads no more. */
  readsUpTo: string | undefined;
  over = false;
  member: Member | undefined;
  #waiting: (() => void)[] = [];

  onReady(act: () => void): void {
    this.#waiting.push(act);
  }
  write({ text }: EncodedFrame): void {
    if (!this.ready) throw new Error('Written to who does not read.');
    this.texts.push(text);
    const frame = (JSON.parse(text) as { data: { numbers: NumbersFrame } }).data.numbers;
    this.frames.push(frame);
    if (frame.kind === this.readsUpTo) this.ready = false;
  }
  reads(): void {
    this.ready = true;
    for (const act of this.#waiting.splice(0)) act();
  }
  get numbers(): readonly number[] {
    return this.frames.flatMap(({ numbers }) => numbers);
  }
  get kinds(): string {
    return this.frames.map(({ kind }) => kind).join(' ');
  }
}

const ada: Caller = { identity: 'ada', roles: ['admin'], scopes: [], expiresAt: null };
const rita: Caller = { identity: 'rita', roles: ['reader'], scopes: [], expiresAt: null };

function open(log = new AppendLog<Owned>('numbers')) {
  const done: Done = { subscribed: 0, executed: 0 };
  const ends = new AbortController();
  const faults: unknown[] = [];
  const schema = numbersSchema(log, ends.signal, done);
  const streams = new Streams({
    makeContext: (request) => request,
    draining: new AbortController().signal,
    metrics: createMetrics(),
    logFault: ({ error }) => faults.push(error),
  });
  const readers: Reader[] = [];
  onTestFinished(() => readers.forEach(({ member }) => member?.end()));
  return {
    log,
    done,
    faults,
    ends,
    append: (...numbers: readonly number[]) =>
      log.append(numbers.map((n) => ({ n, owner: 'ada' }))),
    subscribe: async (variables: Variables = {}, caller: Caller = ada): Promise<Reader> => {
      const reader = new Reader();
      const delivery = { maxWaitMs: 0, ...variables.delivery };
      const variableValues = { ...variables, delivery };
      const key = streamKey({
        query: numbersQuery,
        document,
        operation,
        variables: variableValues,
        caller,
      });
      const member = await streams.subscribe(
        {
          key,
          caller,
          requestId: 'test',
          signal: new AbortController().signal,
          args: { schema, document, variableValues },
        },
        reader,
      );
      if (!(member instanceof Member)) throw new Error(JSON.stringify(member));
      reader.member = member;
      readers.push(reader);
      void member.next().finally(() => (reader.over = true));
      return reader;
    },
  };
}

/** Until frames have come to say so; nothing here takes a clock. */
const until = (check: () => void): Promise<void> => vi.waitFor(check, { interval: 1 });
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

describe('equal subscriptions', () => {
  it('have each frame executed and encoded once', async () => {
    const { subscribe, append, done, log } = open();
    const readers: Reader[] = [];
    for (let n = 0; n < 50; n += 1) readers.push(await subscribe());
    await until(() =>
      expect(readers.map(({ kinds }) => kinds)).toEqual(readers.map(() => 'SYNCED')),
    );
    expect(log.waiting).toBe(1);
    const before = done.executed;
    append(1);
    await until(() => expect(readers.every(({ numbers }) => numbers.length === 1)).toBe(true));
    append(2, 3);
    await until(() => expect(readers.every(({ numbers }) => numbers.length === 3)).toBe(true));
    expect(done.executed - before).toBe(2);
    expect(new Set(readers.map(({ texts }) => texts.slice(1).join())).size).toBe(1);
  });

  it('are those that differ at most in where they start', async () => {
    const { subscribe, append, log } = open();
    append(...range(0, 10));
    const first = await subscribe({ start: { snapshot: true }, delivery: { maxBatch: 4 } });
    await until(() => expect(first.kinds).toBe('SNAPSHOT SNAPSHOT SNAPSHOT SYNCED'));
    const { cursor } = first.frames[1] ?? {};
    const second = await subscribe({ start: { after: cursor ?? '' }, delivery: { maxBatch: 4 } });
    const third = await subscribe({ start: { now: true }, delivery: { maxBatch: 4 } });
    await until(() => expect([second.kinds, third.kinds]).toEqual(['CHANGES SYNCED', 'SYNCED']));
    await until(() => expect(log.waiting).toBe(1));
    append(10);
    await until(() => expect(third.numbers).toEqual([10]));
    expect(second.numbers).toEqual(range(8, 11));
    expect(first.numbers).toEqual(range(0, 11));
  });

  it('are not those of other variables, nor of other callers: each caller sees what is its own', async () => {
    const { subscribe, log, done } = open();
    const all = [
      await subscribe({}, ada),
      await subscribe({}, rita),
      await subscribe({ delivery: { maxBatch: 5 } }, ada),
      await subscribe({}, { ...ada, roles: ['reader'] }),
    ] as const;
    await until(() => expect(log.waiting).toBe(4));
    const before = done.executed;
    log.append([
      { n: 1, owner: 'ada' },
      { n: 2, owner: 'rita' },
    ]);
    await until(() =>
      expect(all.map(({ numbers }) => numbers)).toEqual([[1, 2], [2], [1, 2], [1]]),
    );
    expect(done.executed - before).toBe(4);
  });

  it('end together where their log ends', async () => {
    const { subscribe, append, log } = open();
    const readers = [await subscribe(), await subscribe()];
    await until(() => expect(log.waiting).toBe(1));
    append(1);
    log.finish();
    await until(() => expect(readers.every(({ over }) => over)).toBe(true));
    expect(readers.map(({ kinds }) => kinds)).toEqual(['SYNCED CHANGES END', 'SYNCED CHANGES END']);
  });

  it('are not joined with one that has said END while it still waits for its readers', async () => {
    const { subscribe, log } = open();
    const first = await subscribe();
    first.readsUpTo = 'END';
    await until(() => expect(log.waiting).toBe(1));
    log.finish();
    await until(() => expect(first.kinds).toBe('SYNCED END'));
    const second = await subscribe();
    await until(() => expect(second.over).toBe(true));
    expect(second.kinds).toBe('SYNCED END');
    first.reads();
    await until(() => expect(first.over).toBe(true));
  });

  it('leave nothing behind', async () => {
    const { subscribe, log } = open();
    const readers = [await subscribe(), await subscribe(), await subscribe()];
    await until(() => expect(log.waiting).toBe(1));
    for (const { member } of readers) member?.end();
    expect(readers.length).toBe(3);
    await until(() => expect(log.waiting).toBe(0));
  });
});

describe('a subscriber that leaves while its stream opens', () => {
  it('is let go at once, and what was opened for it is returned when it comes', async () => {
    let opened: (frames: AsyncGenerator) => void = () => undefined;
    const schema = buildSchema('type Query { ok: Int } type Subscription { never: Int }');
    const subscribe = () => new Promise<AsyncGenerator>((resolve) => (opened = resolve));
    Object.assign(schema.getSubscriptionType()?.getFields()['never'] ?? {}, { subscribe });
    const streams = new Streams({
      makeContext: (request) => request,
      draining: new AbortController().signal,
      metrics: createMetrics(),
      logFault: () => undefined,
    });
    const client = new AbortController();
    const pending = streams.subscribe(
      {
        ...{ key: 'never', caller: ada, requestId: 'test', signal: client.signal },
        args: { schema, document: parse('subscription { never }') },
      },
      new Reader(),
    );
    client.abort();
    const member = await pending;
    expect(member instanceof Member && member.over).toBe(true);
    const returned = vi.fn(async () => ({ done: true as const, value: undefined }));
    const frames = { next: returned, return: returned, [Symbol.asyncIterator]: () => frames };
    opened(frames as unknown as AsyncGenerator);
    await until(() => expect(returned).toHaveBeenCalledOnce());
  });
});

/** Of two who follow the same, one reads `count` numbers while the other reads nothing. */
async function leftBehind({ subscribe, append, log }: ReturnType<typeof open>, count: number) {
  const [slow, lively] = [await subscribe(), await subscribe()];
  await until(() => expect(log.waiting).toBe(1));
  slow.ready = false;
  for (const n of range(0, count)) {
    append(n);
    await until(() => expect(lively.numbers.at(-1)).toBe(n));
  }
  return { slow, lively };
}

describe('a subscriber that does not read', () => {
  it('holds up nobody, and gets what it missed from the frames of the others', async () => {
    const world = open();
    const { slow } = await leftBehind(world, 20);
    const { done } = world;
    expect(slow.numbers).toEqual([]);
    const { subscribed, executed } = done;
    slow.reads();
    expect(slow.numbers).toEqual(range(0, 20));
    expect(done).toEqual({ subscribed, executed });
  });

  it('keeps a position, not what came since: it has a stream of its own, until it is with the others again', async () => {
    const world = open();
    const { slow } = await leftBehind(world, 400);
    const { append, done, log } = world;
    const { executed } = done;
    slow.reads();
    await until(() => expect(slow.numbers).toEqual(range(0, 400)));
    expect(done.executed - executed).toBeLessThan(10);
    expect(slow.kinds).not.toContain('GAP');
    await until(() => expect(log.waiting).toBe(1));
    append(400);
    await until(() => expect(slow.numbers.at(-1)).toBe(400));
    expect(slow.kinds.match(/SYNCED/g)).toHaveLength(1);
  });

  it('alone is waited for: nothing is executed for it meanwhile', async () => {
    const { subscribe, append, done } = open();
    const slow = await subscribe();
    await until(() => expect(slow.kinds).toBe('SYNCED'));
    slow.ready = false;
    append(0);
    await until(() => expect(done.executed).toBe(2));
    for (const n of range(1, 500)) append(n);
    await new Promise((resolve) => setImmediate(resolve));
    expect(done.executed).toBe(2);
    slow.reads();
    await until(() => expect(slow.numbers).toEqual(range(0, 500)));
  });

  it('is told SLOW_CONSUMER by itself where the log has gone on too far', async () => {
    const world = open(new AppendLog<Owned>('numbers', { limit: 50 }));
    const { slow, lively } = await leftBehind(world, 400);
    slow.reads();
    await until(() => expect(slow.kinds).toBe('SYNCED GAP SNAPSHOT SYNCED'));
    expect(slow.numbers).toEqual(range(350, 400));
    expect(lively.kinds).not.toContain('GAP');
  });
});

describe('a token that ends', () => {
  const lifeMs = 60_000;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    onTestFinished(() => void vi.useRealTimers());
  });

  it('ends its own subscriber alone, with AUTH_EXPIRED and the cursor it stands at', async () => {
    const { subscribe, append, log } = open();
    const soon = await subscribe({}, { ...ada, expiresAt: Date.now() + lifeMs });
    const stays = await subscribe({}, { ...ada, expiresAt: Date.now() + 60 * lifeMs });
    await until(() => expect(log.waiting).toBe(1));
    append(1);
    await until(() => expect([soon.numbers, stays.numbers]).toEqual([[1], [1]]));
    vi.advanceTimersByTime(lifeMs);
    await until(() => expect(soon.over).toBe(true));
    expect(soon.kinds).toBe('SYNCED CHANGES END');
    expect(soon.frames.at(-1)).toMatchObject({
      end: { reason: 'AUTH_EXPIRED' },
      cursor: soon.frames.at(-2)?.cursor,
    });
    append(2);
    await until(() => expect(stays.numbers).toEqual([1, 2]));
    expect(soon.numbers).toEqual([1]);
  });

  it('ends all who have it with one frame', async () => {
    const { subscribe, done, log } = open();
    const caller = { ...ada, expiresAt: Date.now() + lifeMs };
    const readers: Reader[] = [];
    for (let n = 0; n < 20; n += 1) readers.push(await subscribe({}, caller));
    await until(() =>
      expect(readers.map(({ kinds }) => kinds).join(' ')).toBe('SYNCED '.repeat(20).trim()),
    );
    const { executed } = done;
    vi.advanceTimersByTime(lifeMs);
    await until(() => expect(readers.every(({ over }) => over)).toBe(true));
    expect(new Set(readers.map(({ kinds }) => kinds))).toEqual(new Set(['SYNCED END']));
    expect(done.executed - executed).toBe(1);
    expect(log.waiting).toBe(0);
  });
});

describe('whatever happens', () => {
  it('every subscriber gets every number that follows its start, once and in order', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          do: fc.constant('append' as const),
          count: fc.integer({ min: 1, max: 9 }),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('subscribe' as const),
          start: fc.constantFrom('now', 'snapshot', 'after'),
          of: fc.nat(50),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('stall' as const), of: fc.nat(50) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('read' as const), of: fc.nat(50) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), of: fc.nat(50) }) },
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constant('turn' as const),
          turns: fc.integer({ min: 1, max: 6 }),
        }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { subscribe, append, log, faults } = open();
        const all: { readonly reader: Reader; readonly from: number; left?: boolean }[] = [];
        let count = 0;
        const turn = () => new Promise((resolve) => setImmediate(resolve));
        for (const each of steps) {
          const chosen = 'of' in each ? all[each.of % Math.max(1, all.length)] : undefined;
          switch (each.do) {
            case 'append':
              append(...range(count, count + each.count));
              count += each.count;
              break;
            case 'subscribe': {
              const last = chosen?.reader.frames.at(-1);
              const got = chosen ? chosen.from + chosen.reader.numbers.length : 0;
              if (each.start === 'after' && last) {
                const reader = await subscribe({ start: { after: last.cursor } });
                all.push({ reader, from: got });
              } else if (each.start === 'snapshot') {
                all.push({ reader: await subscribe({ start: { snapshot: true } }), from: 0 });
              } else {
                const from = count;
                all.push({ reader: await subscribe(), from });
              }
              break;
            }
            case 'stall':
              if (chosen) chosen.reader.ready = false;
              break;
            case 'read':
              chosen?.reader.reads();
              break;
            case 'leave':
              if (!chosen) break;
              chosen.reader.member?.end();
              chosen.left = true;
              break;
            case 'turn':
              for (let n = 0; n < each.turns; n += 1) await turn();
              break;
            default:
              each satisfies never;
          }
        }
        for (const { reader } of all) reader.reads();
        const staying = all.filter(({ left }) => !left);
        await until(() =>
          expect(staying.map(({ reader }) => reader.numbers)).toEqual(
            staying.map(({ from }) => range(from, count)),
          ),
        );
        // Those who have come to the same place share one stream.
        append(count);
        count += 1;
        await until(() => {
          expect(staying.every(({ reader }) => reader.numbers.at(-1) === count - 1)).toBe(true);
        });
        await until(() => expect(log.waiting).toBe(Math.min(1, staying.length)));
        for (const { reader } of staying) {
          expect(reader.kinds).toMatch(/^(SNAPSHOT |CHANGES )*SYNCED( CHANGES)*$/);
          reader.member?.end();
        }
        expect(faults).toEqual([]);
        await until(() => expect(log.waiting).toBe(0));
      }),
      { numRuns: 150, seed: propertySeed },
    );
  });
});
