/** What groups of processes use is looked at, however many others begin meanwhile. */
import { readdir } from 'node:fs/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { GroupUsage } from '../../../src/grids/condor/embedded/group-usage.js';

vi.mock('node:fs/promises', () => ({ readdir: vi.fn(async () => []), readFile: vi.fn() }));

it('groups that begin one behind another do not put the look off', async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const usage = new GroupUsage();
  onTestFinished(() => usage.stop());
  for (let group = 1; group <= 10; group += 1) {
    usage.watch(group);
    await vi.advanceTimersByTimeAsync(20);
  }
  expect(readdir).toHaveBeenCalled();
});
