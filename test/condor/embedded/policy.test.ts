/** What jobs of the embedded pool say of themselves: retries, holds, removals, staying in the queue. */
import { describe, expect, test } from 'vitest';
import { HandClock } from '../../streams/hand-clock.js';
import { HandStarter } from './hand-starter.js';
import { embedded, only } from './pool.js';

const job = { executable: '/bin/true' };

async function started(commands: Readonly<Record<string, unknown>>) {
  const clock = new HandClock();
  const starter = new HandStarter();
  const pool = embedded({ clock, starter, periodicMs: 1000 });
  const key = only(await pool.submit({ ...job, ...commands }));
  await clock.advance(1);
  /** The run ends so; then everything that follows happens. */
  const end = async (code: number) => {
    starter.running[0]?.end({ code });
    await clock.advance(1);
    return pool.find(key);
  };
  return { ...pool, clock, starter, key, end };
}

describe('a job that fails', () => {
  test('runs again as often as max_retries says, and ends with the last exit code', async () => {
    const { end, starter } = await started({ max_retries: 2 });
    expect((await end(1)).state).toBe('RUNNING');
    expect((await end(2)).state).toBe('RUNNING');
    const row = await end(3);
    expect(row).toMatchObject({ state: 'FAILED', exitCode: 3, attempts: 3 });
    expect(starter.starts).toBe(3);
  });

  test('and then succeeds is a success', async () => {
    const { end } = await started({ max_retries: 5 });
    await end(1);
    expect(await end(0)).toMatchObject({ state: 'SUCCEEDED', exitCode: 0, attempts: 2 });
  });

  test('is done at its own code of success, or when retry_until holds', async () => {
    const other = await started({ max_retries: 5, success_exit_code: 7 });
    expect((await other.end(0)).state).toBe('RUNNING');
    expect(await other.end(7)).toMatchObject({ exitCode: 7, attempts: 2 });
    const until = await started({ max_retries: 5, retry_until: 4 });
    expect((await until.end(3)).state).toBe('RUNNING');
    expect(await until.end(4)).toMatchObject({ state: 'FAILED', exitCode: 4 });
  });
});

describe('a job is held', () => {
  test('at its exit, where on_exit_hold says so, with its own reason', async () => {
    const { end } = await started({
      on_exit_hold: 'ExitCode == 3',
      on_exit_hold_reason: '"no licence"',
      on_exit_hold_subcode: 12,
    });
    const row = await end(3);
    expect(row).toMatchObject({ state: 'HELD', holdCode: 3, holdReason: 'no licence' });
    expect(row.failure?.holdSubcode).toBe(12);
  });

  test('by periodic_hold while it runs, and let go by periodic_release', async () => {
    const { clock, key, find, starter } = await started({
      periodic_hold: 'JobStatus == 2 && NumHolds =?= undefined',
      periodic_release: 'NumHolds == 1',
    });
    await clock.advance(1000);
    expect(await find(key)).toMatchObject({ state: 'HELD', holdCode: 3 });
    expect(starter.running[0]?.killed).toBe(true);
    starter.running[0]?.end({ code: null, signal: 15 });
    await clock.advance(1001);
    expect(await find(key)).toMatchObject({ state: 'RUNNING', attempts: 2 });
  });

  test('from the start, until it is released', async () => {
    const { key, find, act, clock } = await started({ hold: true });
    expect(await find(key)).toMatchObject({ state: 'HELD', holdCode: 15 });
    await act({ kind: 'RELEASE', reason: undefined }, key);
    await clock.advance(1);
    expect((await find(key)).state).toBe('RUNNING');
  });
});

test('a job is removed by periodic_remove', async () => {
  const { clock, key, find, starter } = await started({ periodic_remove: 'JobStatus == 2' });
  await clock.advance(1000);
  starter.running[0]?.end({ code: null, signal: 15 });
  await clock.advance(1);
  const row = await find(key);
  expect(row).toMatchObject({ state: 'CANCELLED', origin: 'HISTORY' });
  expect(row.failure?.message).toContain('PeriodicRemove');
});

test('a completed job stays in the queue as long as leave_in_queue says', async () => {
  const { clock, key, end, find, act } = await started({ leave_in_queue: 'Stay =!= false' });
  expect(await end(0)).toMatchObject({ state: 'SUCCEEDED', origin: 'QUEUE' });
  await clock.advance(5000);
  expect((await find(key)).origin).toBe('QUEUE');
  await act({ kind: 'EDIT', set: [{ name: 'Stay', set: { value: false } }] }, key);
  await clock.advance(1000);
  expect(await find(key)).toMatchObject({ state: 'SUCCEEDED', origin: 'HISTORY' });
});
