import { describe, expect, it } from 'vitest';
import { AppendLog, encodeCursor } from '../../src/streams/index.js';
import { entriesOf, kindsOf, numbers, subscribe } from './subscriber.js';

const after = (cursor: string) => ({ kind: 'after', cursor }) as const;

describe('a stream that resumes with a cursor', () => {
  it('neither loses nor repeats within the epoch, wherever it was cut', async () => {
    for (let cut = 0; cut <= 6; cut += 1) {
      const log = new AppendLog<number>('s');
      log.append(numbers(0, 10));
      const first = subscribe(log, { start: { kind: 'snapshot' }, delivery: { maxBatch: 2 } });
      const before = [await first.next()];
      for (let i = 0; i < cut && before.at(-1)?.kind !== 'SYNCED'; i += 1) {
        before.push(await first.next());
      }
      await first.source.return();
      log.append(numbers(10, 5));
      const second = subscribe(log, { start: after(before.at(-1)?.cursor ?? '') });
      const rest = await second.until('SYNCED');
      expect(rest.slice(0, -1).every((frame) => frame.kind === 'CHANGES')).toBe(true);
      expect([...entriesOf(before), ...entriesOf(rest)]).toEqual(numbers(0, 15));
    }
  });

  it('with nothing missed is SYNCED at once', async () => {
    const log = new AppendLog<number>('s');
    log.append([1]);
    const { cursor } = await subscribe(log).next();
    expect(kindsOf([await subscribe(log, { start: after(cursor) }).next()])).toBe('SYNCED');
  });

  it('of another epoch is told in a GAP and gets a snapshot of everything', async () => {
    const old = new AppendLog<number>('s');
    old.append([1, 2, 3]);
    const { cursor } = await subscribe(old).next();
    const rebuilt = new AppendLog<number>('s');
    rebuilt.append([3, 1, 2, 4]);
    const frames = await subscribe(rebuilt, { start: after(cursor) }).until('SYNCED');
    expect(kindsOf(frames)).toBe('GAP SNAPSHOT SYNCED');
    expect(frames[0]?.gap?.reason).toBe('CURSOR_EXPIRED');
    expect(entriesOf(frames)).toEqual([3, 1, 2, 4]);
  });

  it('at position 0 needs no epoch: nothing was sent before it', async () => {
    const log = new AppendLog<number>('s');
    log.append([1]);
    const cursor = encodeCursor([{ log: 's', epoch: 'before the log was made', position: 0 }]);
    const frames = await subscribe(log, { start: after(cursor) }).until('SYNCED');
    expect(kindsOf(frames)).toBe('CHANGES SYNCED');
    expect(entriesOf(frames)).toEqual([1]);
  });

  it('at position 0 of another epoch gets a GAP where what came before the log is elsewhere', async () => {
    const log = new AppendLog<number>('s');
    log.append([2]);
    const options = {
      snapshot: async function* () {
        yield [1, 2];
      },
    };
    for (const positions of [[], [{ log: 's', epoch: 'before the log was made', position: 0 }]]) {
      const start = after(encodeCursor(positions));
      const frames = await subscribe(log, { start, ...options }).until('SYNCED');
      expect(kindsOf(frames)).toBe('GAP SNAPSHOT SYNCED');
      expect(entriesOf(frames)).toEqual([1, 2]);
    }
  });

  it('at a position that the ring let go of gets a GAP and what is there', async () => {
    const log = new AppendLog<number>('s', { limit: 5 });
    log.append([0]);
    const { cursor } = await subscribe(log).next();
    log.append(numbers(1, 9));
    const frames = await subscribe(log, { start: after(cursor) }).until('SYNCED');
    expect(kindsOf(frames)).toBe('GAP SNAPSHOT SYNCED');
    expect(entriesOf(frames)).toEqual(numbers(5, 5));
  });

  it('beyond the end of the log gets a GAP and everything', async () => {
    const log = new AppendLog<number>('s', { epoch: 'e' });
    log.append([1]);
    const cursor = encodeCursor([{ log: 's', epoch: 'e', position: 9 }]);
    const frames = await subscribe(log, { start: after(cursor) }).until('SYNCED');
    expect(kindsOf(frames)).toBe('GAP SNAPSHOT SYNCED');
  });

  it('can be cut again right after the GAP, and in the snapshot, without loss', async () => {
    const log = new AppendLog<number>('s');
    log.append(numbers(0, 6));
    const foreign = encodeCursor([{ log: 's', epoch: 'other', position: 3 }]);
    for (const cut of [1, 2, 3]) {
      const first = subscribe(log, { start: after(foreign), delivery: { maxBatch: 2 } });
      const before = [];
      for (let i = 0; i < cut; i += 1) before.push(await first.next());
      const rest = await subscribe(log, { start: after(before.at(-1)?.cursor ?? '') }).until(
        'SYNCED',
      );
      expect(entriesOf([...before, ...rest])).toEqual(numbers(0, 6));
    }
  });
});

describe('a cursor over several logs', () => {
  it('is possible in every frame, or the stream is refused before the first', () => {
    const logs = numbers(0, 2_000).map((n) => new AppendLog<number>(`a session's name, ${n}`));
    expect(() => subscribe(logs)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
  });

  it('resumes each at its position, and a log it does not name at zero', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => new AppendLog<string>(name)) as [
      AppendLog<string>,
      AppendLog<string>,
      AppendLog<string>,
    ];
    a.append(['a0']);
    b.append(['b0']);
    c.append(['c0']);
    const { cursor } = await subscribe([a, b]).next();
    a.append(['a1']);
    const frames = await subscribe([c, b, a], { start: after(cursor) }).until('SYNCED');
    expect([...entriesOf(frames)].sort()).toEqual(['a1', 'c0']);
  });

  it('repeats only the log whose position is void, the snapshot first', async () => {
    const a = new AppendLog<string>('a');
    const b = new AppendLog<string>('b');
    a.append(['a0']);
    b.append(['b0']);
    const { cursor } = await subscribe([a, b]).next();
    a.append(['a1']);
    const rebuilt = new AppendLog<string>('b');
    rebuilt.append(['b0', 'b1']);
    const frames = await subscribe([a, rebuilt], { start: after(cursor) }).until('SYNCED');
    expect(frames.map(({ kind, entries }) => [kind, ...entries])).toEqual([
      ['GAP'],
      ['SNAPSHOT', 'b0', 'b1'],
      ['CHANGES', 'a1'],
      ['SYNCED'],
    ]);
  });

  it('that names a log of another stream is refused before any frame', async () => {
    const [a, b] = [new AppendLog<string>('a'), new AppendLog<string>('b')];
    const { cursor } = await subscribe([a, b]).next();
    expect(() => subscribe(a, { start: after(cursor) })).toThrow(
      expect.objectContaining({ code: 'CURSOR_INVALID' }),
    );
  });
});

describe('a stream up to a cursor', () => {
  it('finishes there without a frame, however much follows', async () => {
    const log = new AppendLog<number>('s');
    log.append(numbers(0, 5));
    const { cursor: from } = await subscribe(log).next();
    log.append(numbers(5, 7));
    const { cursor: until } = await subscribe(log).next();
    log.append(numbers(12, 9));
    const bounded = subscribe(log, { start: after(from), until, delivery: { maxBatch: 4 } });
    const frames = [await bounded.next(), await bounded.next()];
    expect(frames.map(({ kind, entries, live }) => [kind, entries, live])).toEqual([
      ['CHANGES', numbers(5, 4), false],
      ['CHANGES', numbers(9, 3), false],
    ]);
    expect(frames.at(-1)?.cursor).toBe(until);
    expect(await bounded.poll()).toBeUndefined();
    expect(bounded.finished).toBe(true);
  });

  it('goes on where it begins with a GAP', async () => {
    const log = new AppendLog<number>('s', { limit: 5 });
    const { cursor: from } = await subscribe(log).next();
    log.append(numbers(0, 10));
    const { cursor: until } = await subscribe(log).next();
    log.append([10]);
    const frames = await subscribe(log, { start: after(from), until }).until('SYNCED');
    expect(kindsOf(frames)).toBe('GAP SNAPSHOT SYNCED');
    expect(entriesOf(frames)).toEqual(numbers(6, 5));
  });
});

describe('a stream that ends before it could say its GAP', () => {
  it('has a cursor that leads to the GAP', async () => {
    const log = new AppendLog<number>('s', { limit: 5 });
    const { cursor } = await subscribe(log).next();
    log.append(numbers(0, 10));
    const expired = await subscribe(log, { start: after(cursor), expiresAt: 0 }).next();
    expect(expired.kind).toBe('END');
    const frames = await subscribe(log, { start: after(expired.cursor) }).until('SYNCED');
    expect(kindsOf(frames)).toBe('GAP SNAPSHOT SYNCED');
  });
});
