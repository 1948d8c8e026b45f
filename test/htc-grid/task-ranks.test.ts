/** How far tasks are: what is news does not depend on who tells it, how often, and in which order. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskChange } from '../../src/grids/htc-grid/change.js';
import { SessionLog } from '../../src/grids/htc-grid/session-log.js';
import type { NativeState } from '../../src/grids/htc-grid/status.js';
import { taskIdOf } from '../../src/grids/htc-grid/status.js';
import { TaskRanks } from '../../src/grids/htc-grid/task-ranks.js';

const bornAt = 1_795_000_000_000;
const taskId = taskIdOf('s', 0);

const row = (state: NativeState, retries = 0, submittedAt = bornAt): TaskChange => ({
  taskId,
  sessionId: 's',
  state,
  retries,
  submittedAt,
  completedAt: state === 'finished' ? submittedAt + retries + 5 : 0,
});
const entry = (state: NativeState): TaskChange => ({
  taskId,
  sessionId: 's',
  state,
  retries: undefined,
  completedAt: 0,
});

/** Lives of one task: each some attempts and one end or two, as rows in their order. */
const history = fc
  .array(
    fc.record({
      attempts: fc.integer({ min: 0, max: 6 }),
      ends: fc.constantFrom<NativeState[]>(
        ['finished'],
        ['failed'],
        ['cancelled'],
        ['finished', 'cancelled'],
      ),
      afterMs: fc.integer({ min: 1, max: 86_400_000 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((lives) => {
    let at = bornAt;
    return lives.flatMap(({ attempts, ends, afterMs }) => {
      at += afterMs;
      const tries = Array.from({ length: attempts + 1 }, (_, retries) => [
        row('pending', retries, at),
        row('processing', retries, at),
      ]).flat();
      return [...tries, ...ends.map((state) => row(state, attempts, at))];
    });
  });

describe('how far a task is', () => {
  it('is the latest of what rows tell, in whatever order and however often they are told', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), (rows, numbers) => {
        const told = [...rows, ...rows]
          .map((change) => ({ change, key: numbers.next().value as number }))
          .sort((a, b) => a.key - b.key);
        const ranks = new TaskRanks();
        for (const { change } of told) ranks.advance(change);
        expect(ranks.stateOf(taskId)).toBe(rows.at(-1)?.state);
        expect(ranks.count(rows.at(-1)?.state ?? 'pending')).toBe(1);
        expect(ranks.size).toBe(1);
      }),
    );
  });

  it('tells every end of every life, each with a revision of its own, where rows come in order', () => {
    fc.assert(
      fc.property(history, fc.array(fc.nat()), (rows, repeats) => {
        const state = new SessionLog('s');
        for (const [at, change] of rows.entries()) {
          state.apply([change]);
          // What was told before comes again at any time.
          state.apply(rows.slice(0, (repeats[at] ?? 0) % (at + 1)));
        }
        const ends = rows.filter((one) => ['finished', 'failed', 'cancelled'].includes(one.state));
        const entries = state.log.read(0, 1000);
        expect(entries).toHaveLength(ends.length);
        expect(new Set(entries.map(({ revision }) => revision)).size).toBe(ends.length);
      }),
    );
  });

  it('is not what a lagging index shows', () => {
    const ranks = new TaskRanks(bornAt + 1000);
    ranks.advance(row('finished'));
    expect(ranks.sighted(taskId, 'processing')).toBe('DOUBTFUL');
    expect(ranks.advance(entry('processing'))).toBe(false);
    // Submitted again: the index still shows the end of the first life.
    expect(ranks.advance(row('pending', 0, bornAt + 2000))).toBe(true);
    expect(ranks.sighted(taskId, 'finished')).toBe('DOUBTFUL');
    expect(ranks.advance(entry('finished'))).toBe(false);
    expect(ranks.advance(row('finished', 0, bornAt + 2000))).toBe(true);
  });

  it('is not what an index shows of a life that had ended before anybody followed', () => {
    let now = bornAt + 1000;
    const ranks = new TaskRanks(now, () => now);
    // Submitted again just before, with the end of the first life still in the index.
    ranks.advance(row('pending', 0, bornAt + 900));
    expect(ranks.sighted(taskId, 'finished')).toBe('DOUBTFUL');
    expect(ranks.advance(entry('finished'))).toBe(false);
    expect(ranks.advance(row('processing', 0, bornAt + 900))).toBe(true);
    expect(ranks.sighted(taskId, 'failed')).toBe('DOUBTFUL');
    // No index is so late.
    now += 60_000;
    expect(ranks.sighted(taskId, 'finished')).toBe('NEWS');
  });

  it('is told once where an index told it first and its rows come later', () => {
    const ranks = new TaskRanks(bornAt + 1000);
    expect(ranks.advance(entry('finished'))).toBe(true);
    expect(
      [row('pending'), row('processing'), row('finished')].map((x) => ranks.advance(x)),
    ).toEqual([false, false, false]);
    expect(ranks.advance(row('pending', 0, bornAt + 2000))).toBe(true);
    expect([...ranks.open('s')]).toEqual([taskId]);
    expect(ranks.advance(row('cancelled', 0, bornAt + 2000))).toBe(true);
  });

  it('goes on where an index told it to be under way, also by a row of a later attempt', () => {
    const ranks = new TaskRanks();
    ranks.advance(entry('processing'));
    expect(ranks.advance(row('pending', 1))).toBe(true);
    expect(ranks.advance(entry('processing'))).toBe(true);
    expect(ranks.advance(row('processing', 1))).toBe(false);
    expect(ranks.advance(entry('finished'))).toBe(true);
    expect(ranks.advance(row('finished', 1))).toBe(false);
    expect(ranks.count('finished')).toBe(1);
  });
});
