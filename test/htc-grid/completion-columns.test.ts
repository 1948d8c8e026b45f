/** Completions in columns: what is put comes back, and how many bytes one takes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completionOf } from '../../src/grids/htc-grid/change.js';
import { CompletionColumns } from '../../src/grids/htc-grid/completion-columns.js';
import { RankTable } from '../../src/grids/htc-grid/rank-table.js';
import { SessionLog } from '../../src/grids/htc-grid/session-log.js';
import { TaskRanks } from '../../src/grids/htc-grid/task-ranks.js';
import type { Completion } from '../../src/grids/tasks.js';

const usual = fc
  .record({
    index: fc.nat(2 ** 31),
    state: fc.constantFrom('finished' as const, 'failed' as const, 'cancelled' as const),
    retries: fc.option(fc.nat(400), { nil: undefined }),
    completedAt: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 45 })),
    seenAt: fc.integer({ min: 1, max: 2 ** 45 }),
  })
  .map(({ index, seenAt, ...change }) =>
    completionOf({ taskId: `s_${String(index)}`, sessionId: 's', ...change }, seenAt),
  );
const odd: fc.Arbitrary<Completion> = fc.record({
  taskId: fc.oneof(fc.string(), fc.constantFrom('other_1', 's_01', 's', 's_-1', 's_1e3')),
  revision: fc.oneof(fc.string(), fc.constantFrom('fi0.0', 'fi00.0', 'xx1.1', 'fi256.1', 'fi1.')),
  state: fc.constantFrom('SUCCEEDED', 'FAILED', 'CANCELLED', 'QUEUED', 'UNKNOWN'),
  seenAt: fc.double({ noNaN: true }),
});

describe('completions in columns', () => {
  it('come back as they were put, also where a place is written again', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(200), fc.oneof(usual, odd))), (puts) => {
        const columns = new CompletionColumns();
        const expected = new Map<number, Completion>();
        for (const [place, completion] of puts) {
          columns.put(place, completion);
          expected.set(place, completion);
        }
        for (const [place, completion] of expected) expect(columns.at(place)).toEqual(completion);
      }),
    );
  });

  it('are what the log of a session keeps: no object for each', () => {
    const state = new SessionLog('s');
    const end = { sessionId: 's', state: 'finished', retries: 0, completedAt: 1.7e12 } as const;
    state.apply(['s_0', 's_1'].map((taskId) => ({ ...end, taskId })));
    // Of the same places the log has what it read last.
    const [once, twice] = [state.log.read(0, 1), state.log.read(0, 2)];
    expect(twice[0]).toEqual(once[0]);
    expect(twice[0]).not.toBe(once[0]);
  });

  it('take at most 40 bytes each with how far each task is, and little in a small session', () => {
    const columns = new CompletionColumns();
    const ranks = new TaskRanks();
    const tasks = 100_000;
    const put = (index: number) => {
      const taskId = `5e9c0b1e-session_${String(index)}`;
      const change = { taskId, sessionId: '5e9c0b1e-session', retries: 1, completedAt: 1.7e12 };
      ranks.advance({ ...change, state: 'finished' });
      columns.put(index, completionOf({ ...change, state: 'finished' }, 1.7e12 + index));
    };
    put(0);
    expect(columns.bytes + ranks.bytes).toBeLessThan(4000);
    for (let index = 1; index < tasks; index += 1) put(index);
    expect(columns.bytes / tasks).toBeLessThanOrEqual(24);
    expect((columns.bytes + ranks.bytes) / tasks).toBeLessThanOrEqual(40);
    expect(ranks.size).toBe(tasks);
  });
});

describe('ranks by task', () => {
  it('are those of a map, whatever the keys and their order are', () => {
    const key = fc.oneof(fc.nat(300), fc.nat(), fc.constantFrom('a', 'b', '7'));
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.integer())), (sets) => {
        const table = new RankTable();
        const map = new Map<number | string, number>();
        for (const [at, rank] of sets) {
          table.set(at, rank);
          map.set(at, rank);
          expect(table.get(at)).toBe(rank);
        }
        expect(table.size).toBe(map.size);
        expect(new Map(table)).toEqual(map);
      }),
    );
  });
});
