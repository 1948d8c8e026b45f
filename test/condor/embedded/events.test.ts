/** What the embedded pool tells of its jobs: each step once, in order, with what HTCondor would say. */
import { expect, test } from 'vitest';
import type { EmbeddedPoolSettings } from '../../../src/grids/condor/embedded/index.js';
import type { JobKey } from '../../../src/grids/jobs.js';
import { HandClock } from '../../streams/hand-clock.js';
import { signal } from '../pool.js';
import { HandStarter } from './hand-starter.js';
import { embedded, only } from './pool.js';

async function followed(settings: Partial<EmbeddedPoolSettings> = {}) {
  const clock = new HandClock();
  const starter = new HandStarter();
  const pool = embedded({ clock, starter, ...settings });
  const events = await pool.port.logs?.events(signal);
  const ends = await pool.port.logs?.completions(signal);
  const of = (key: JobKey) =>
    (events?.read(events.start, 1000) ?? []).filter((entry) => entry.key.procId === key.procId);
  return {
    ...pool,
    clock,
    starter,
    typesOf: (key: JobKey) => of(key).map(({ type }) => type),
    statesOf: (key: JobKey) => of(key).map(({ state }) => state),
    last: (key: JobKey) => of(key).at(-1),
    ends: () => ends?.read(0, 1000) ?? [],
  };
}

const job = { executable: '/bin/true' };

test('a job that runs and ends: submitted, started, terminated, and its end', async () => {
  const { submit, clock, starter, typesOf, statesOf, last, ends } = await followed();
  const key = only(await submit(job));
  await clock.advance(1);
  starter.running[0]?.end({ code: 3 });
  await clock.advance(1);
  expect(typesOf(key)).toEqual(['SUBMITTED', 'STARTED', 'TERMINATED']);
  expect(statesOf(key)).toEqual(['QUEUED', 'RUNNING', 'FAILED']);
  expect(last(key)).toMatchObject({
    owner: 'alice',
    gridName: 'pool',
    detail: { TerminatedNormally: true, ReturnValue: 3 },
  });
  expect(last(key)?.record.value('ExitCode')).toBe(3);
  expect(ends()).toMatchObject([{ key, state: 'FAILED', owner: 'alice' }]);
});

test('a running job that is held, released, and removed while it runs again', async () => {
  const { submit, act, clock, starter, typesOf, ends } = await followed();
  const key = only(await submit(job));
  await clock.advance(1);
  await act({ kind: 'HOLD', reason: undefined }, key);
  starter.running[0]?.end({ code: null, signal: 15 });
  await clock.advance(1);
  await act({ kind: 'RELEASE', reason: undefined }, key);
  await clock.advance(1);
  await act({ kind: 'REMOVE', reason: undefined }, key);
  expect(ends()).toEqual([]);
  starter.running[0]?.end({ code: null, signal: 15 });
  await clock.advance(1);
  expect(typesOf(key)).toEqual([
    ...['SUBMITTED', 'STARTED', 'EVICTED', 'HELD', 'RELEASED', 'STARTED', 'EVICTED', 'REMOVED'],
  ]);
  expect(ends()).toMatchObject([{ key, state: 'CANCELLED' }]);
});

test('a retry is an eviction, not an end', async () => {
  const { submit, clock, starter, typesOf, ends } = await followed();
  const key = only(await submit({ ...job, max_retries: 1 }));
  for (const code of [1, 0]) {
    await clock.advance(1);
    starter.running[0]?.end({ code });
  }
  await clock.advance(1);
  expect(typesOf(key)).toEqual(['SUBMITTED', 'STARTED', 'EVICTED', 'STARTED', 'TERMINATED']);
  expect(ends()).toMatchObject([{ state: 'SUCCEEDED' }]);
});

test('events tell nothing of what the pool hides', async () => {
  const { submit, act, typesOf, last } = await followed({ hideAttributes: ['HoldReason'] });
  const key = only(await submit(job));
  await act({ kind: 'HOLD', reason: 'a secret' }, key);
  expect(typesOf(key).at(-1)).toBe('HELD');
  expect(last(key)?.detail).toEqual({ HoldReasonCode: 1, HoldReasonSubCode: 0 });
});

test('an end has the revision of its job: a snapshot and the log tell one end', async () => {
  const { submit, find, clock, starter, ends } = await followed();
  const key = only(await submit(job));
  await clock.advance(1);
  starter.running[0]?.end({ code: 0 });
  await clock.advance(1);
  expect(ends()).toMatchObject([{ revision: (await find(key)).revision }]);
});
