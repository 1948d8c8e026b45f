/** Waits last until what they wait for is there: a slow machine, on which a second is little, fails no test. */
import { vi } from 'vitest';

/** Also where a test says less. */
const leastMs = 60_000;

const { waitFor } = vi;
vi.waitFor = (callback, options = {}) => {
  const { timeout = 0, ...rest } = typeof options === 'number' ? { timeout: options } : options;
  return waitFor(callback, { ...rest, timeout: Math.max(timeout, leastMs) });
};
