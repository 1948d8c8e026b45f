/** Waits last until what they wait for is there: a slow machine, on which a second is little, fails no test. */
import { vi } from 'vitest';

const limitMs = 20_000;

const { waitFor } = vi;
vi.waitFor = (callback, options) =>
  waitFor(callback, typeof options === 'number' ? options : { timeout: limitMs, ...options });
