/** When a cluster is over: what the pool says, also where it does not answer at once. */
import { expect, it, vi } from 'vitest';
import { clusterOver, type FollowedPool } from '../../resolvers/job-ends.js';
import { GridError } from '../../src/errors.js';
import type { JobCompletion } from '../../src/grids/job-logs.js';
import { and } from '../../src/query/predicate.js';
import { AppendLog } from '../../src/streams/append-log.js';

it.each([1, 2])('a passing error of count %d is no end of the stream', async (failing) => {
  const log = new AppendLog<JobCompletion>('condor:pool', { limit: 10 });
  let counts = 0;
  const jobs = vi.fn(async () => {
    counts += 1;
    if (counts === failing) throw new GridError('UNAVAILABLE', 'Not now.');
    return [];
  });
  const logs = { settled: async () => undefined };
  const stop = new AbortController();
  const over = clusterOver(
    { name: 'pool', jobs, logs } as unknown as FollowedPool,
    { schedd: 's', clusterId: 1 },
    log,
    and(),
    stop.signal,
  );
  const failed = vi.fn();
  over.catch(failed);
  await vi.waitFor(() => expect(jobs).toHaveBeenCalledTimes(failing));
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect(failed).not.toHaveBeenCalled();
  const reason = new Error('The client left.');
  stop.abort(reason);
  await expect(over).rejects.toBe(reason);
});

it('is not known where the log is lost, as it can be with the Redis of replicas', async () => {
  const log = new AppendLog<JobCompletion>('condor:pool', { limit: 10 });
  const jobs = vi.fn(async () => {
    throw new GridError('UNAVAILABLE', 'Not now.');
  });
  const over = clusterOver(
    { name: 'pool', jobs, logs: {} } as unknown as FollowedPool,
    { schedd: 's', clusterId: 1 },
    log,
    and(),
    new AbortController().signal,
  );
  await vi.waitFor(() => expect(log.waiting).toBe(1));
  const lost = new Error('The Redis lost it.');
  log.fail(lost);
  await expect(over).rejects.toBe(lost);
});
