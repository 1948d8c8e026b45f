/** The clock of the process. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/streams/clock.js';

const dayMs = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it.each([1, 24.8, 25, 60, 1000])('calls back after %d days, not before', (days) => {
  const due = vi.fn();
  systemClock.after(days * dayMs, due);
  vi.advanceTimersByTime(days * dayMs - 1);
  expect(due).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(due).toHaveBeenCalledOnce();
  expect(vi.getTimerCount()).toBe(0);
});

it('is cancelled also after the first 24.8 days', () => {
  const due = vi.fn();
  const cancel = systemClock.after(60 * dayMs, due);
  vi.advanceTimersByTime(40 * dayMs);
  cancel();
  expect(vi.getTimerCount()).toBe(0);
});
