import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { AppendLog, mapFrames, type CompletionLog } from '../../src/streams/index.js';
import { HandClock, settle } from './hand-clock.js';
import { entriesOf, kindsOf, subscribe } from './subscriber.js';

describe('a source that is lost', () => {
  it('gives what is there, then a GAP, then finishes without END: the cursor resumes elsewhere', async () => {
    const log = new AppendLog<number>('s');
    const subscriber = subscribe(log);
    await subscriber.next();
    log.append([1]);
    log.fail(new Error('connection reset'));
    expect((await subscriber.next()).entries).toEqual([1]);
    const gap = await subscriber.next();
    expect(gap).toMatchObject({ kind: 'GAP', gap: { reason: 'SOURCE_LOST' } });
    expect(gap.gap?.detail).not.toContain('connection reset');
    await subscriber.over();

    const rebuilt = new AppendLog<number>('s');
    rebuilt.append([2, 1]);
    const frames = await subscribe(rebuilt, {
      start: { kind: 'after', cursor: gap.cursor },
    }).until('SYNCED');
    expect(kindsOf(frames)).toBe('GAP SNAPSHOT SYNCED');
    expect(entriesOf(frames)).toEqual([2, 1]);
  });

  it('is reopened where that is possible, with a fresh snapshot, while the others go on', async () => {
    const clock = new HandClock();
    const broken = new AppendLog<string>('a');
    const sound = new AppendLog<string>('b');
    broken.append(['a0']);
    let reopened: (log: CompletionLog<string>) => void = () => {};
    const subscriber = subscribe([broken, sound], {
      clock,
      start: { kind: 'snapshot' },
      reopen: () => new Promise((resolve) => (reopened = resolve)),
    });
    await subscriber.until('SYNCED');
    broken.fail(new Error('gone'));
    expect((await subscriber.next()).kind).toBe('GAP');
    await subscriber.quiet();
    await clock.advance(100);
    sound.append(['b0']);
    expect((await subscriber.next()).entries).toEqual(['b0']);
    await clock.advance(15_000);
    expect((await subscriber.next()).kind).toBe('HEARTBEAT');
    await subscriber.quiet();

    const rebuilt = new AppendLog<string>('a');
    rebuilt.append(['a0', 'a1']);
    reopened(rebuilt);
    const frames = await subscriber.until('SYNCED');
    expect(kindsOf(frames)).toBe('SNAPSHOT SYNCED');
    expect(entriesOf(frames)).toEqual(['a0', 'a1']);
    rebuilt.finish();
    sound.finish();
    expect((await subscriber.next()).end).toEqual({ reason: 'COMPLETE' });
  });

  it('is current again once all that were lost are reopened, also where nothing is in them', async () => {
    const logs = [new AppendLog<string>('a'), new AppendLog<string>('b')];
    const reopened = new Map<string, (log: CompletionLog<string>) => void>();
    const subscriber = subscribe(logs, {
      reopen: ({ name }) => new Promise((resolve) => reopened.set(name, resolve)),
    });
    await subscriber.until('SYNCED');
    for (const log of logs) log.fail(new Error('gone'));
    expect(kindsOf([await subscriber.next(), await subscriber.next()])).toBe('GAP GAP');
    await subscriber.quiet();
    reopened.get('a')?.(new AppendLog('a'));
    await subscriber.quiet();
    reopened.get('b')?.(new AppendLog('b'));
    expect(await subscriber.next()).toMatchObject({ kind: 'SYNCED', live: true });
  });

  it('that cannot be reopened fails the stream, also while nobody is pulling', async () => {
    const log = new AppendLog<number>('s');
    const clock = new HandClock();
    let refuse: (error: Error) => void = () => {};
    const subscriber = subscribe(log, {
      clock,
      reopen: () => new Promise((_, reject) => (refuse = reject)),
    });
    await subscriber.next();
    log.fail(new Error('gone'));
    expect((await subscriber.next()).kind).toBe('GAP');
    // The pull that starts the reopening ends in a heartbeat, so nobody waits when it fails.
    await subscriber.quiet();
    await clock.advance(15_000);
    expect((await subscriber.next()).kind).toBe('HEARTBEAT');
    refuse(new Error('no such table'));
    await settle();
    await expect(subscriber.next()).rejects.toThrow('no such table');
    expect(log.waiting).toBe(0);
  });

  it('stops being reopened when the subscriber leaves', async () => {
    const log = new AppendLog<number>('s');
    log.fail(new Error('gone'));
    let reopening: AbortSignal | undefined;
    const subscriber = subscribe(log, {
      reopen: (_, signal) => {
        reopening = signal;
        return new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        );
      },
    });
    await subscriber.next();
    await subscriber.next();
    await subscriber.quiet();
    await subscriber.source.return();
    expect(reopening?.aborted).toBe(true);
  });
});

describe('a subscriber that leaves', () => {
  const leaves = ['return', 'signal', 'dispose'] as const;
  const places = [
    'before the first pull',
    'between pulls',
    'in quiet',
    'behind a frame',
    'in the snapshot',
  ] as const;
  const cases = leaves.flatMap((leave) => places.map((place) => ({ leave, place })));

  it.each(cases)(
    'by $leave $place is done at once and leaves nothing',
    async ({ leave, place }) => {
      const clock = new HandClock();
      const log = new AppendLog<number>('s');
      log.append([1, 2, 3]);
      const own = new AbortController();
      const ends = new AbortController();
      const subscriber = subscribe(log, {
        clock,
        signal: own.signal,
        ends: ends.signal,
        start: { kind: place === 'in the snapshot' ? 'snapshot' : 'now' },
        delivery: { maxBatch: 2, maxWaitMs: 1_000 },
      });
      if (place !== 'before the first pull') await subscriber.next();
      if (place === 'behind a frame') {
        log.append([4]);
        await subscriber.next();
        log.append([5]);
      }
      if (place === 'in quiet' || place === 'behind a frame') {
        await subscriber.quiet();
        expect([log.waiting, clock.timers]).toEqual([1, 1]);
      }

      if (leave === 'return') await subscriber.source.return();
      else if (leave === 'dispose') await subscriber.source[Symbol.asyncDispose]();
      else own.abort();
      await settle();
      expect([log.waiting, clock.timers]).toEqual([0, 0]);
      expect(getEventListeners(own.signal, 'abort')).toHaveLength(0);
      expect(getEventListeners(ends.signal, 'abort')).toHaveLength(0);
      await subscriber.over();
    },
  );

  it('whose signal is aborted already gets no frame', async () => {
    await subscribe(new AppendLog<number>('s'), { signal: AbortSignal.abort() }).over();
  });
});

describe('frames that are mapped', () => {
  it('are left at once, in the middle of a wait', async () => {
    const log = new AppendLog<number>('s');
    const { source } = subscribe(log);
    const kinds = mapFrames(source, (frame) => frame.kind);
    expect(await kinds.next()).toEqual({ done: false, value: 'SYNCED' });
    const pull = kinds.next();
    await settle();
    expect(log.waiting).toBe(1);
    await kinds.return();
    expect(await pull).toEqual({ done: true, value: undefined });
    expect(log.waiting).toBe(0);
  });

  it('finish their source when the mapping fails', async () => {
    const log = new AppendLog<number>('s');
    const subscriber = subscribe(log);
    const failing = mapFrames(subscriber.source, () => Promise.reject(new Error('no row')));
    await expect(failing.next()).rejects.toThrow('no row');
    await subscriber.over();
  });
});

describe('a fault of the log', () => {
  it('while waiting fails the stream and releases the rest', async () => {
    const clock = new HandClock();
    const sound = new AppendLog<number>('a');
    const broken = new AppendLog<number>('b');
    broken.changed = () => Promise.reject(new Error('disk'));
    const subscriber = subscribe([sound, broken], { clock });
    await subscriber.next();
    await expect(subscriber.next()).rejects.toThrow('disk');
    expect([sound.waiting, clock.timers]).toEqual([0, 0]);
    await subscriber.over();
  });
});

describe('a choice under way', () => {
  it('is aborted when the subscriber leaves, without an error', async () => {
    const log = new AppendLog<number>('s');
    const { source } = subscribe(log, {
      keep: (_, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        ),
    });
    await source.next();
    log.append([1]);
    const pull = source.next();
    await settle();
    await source.return();
    expect(await pull).toEqual({ done: true, value: undefined });
  });
});
