/** Who writes the ends of a pool where not every replica reaches it. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { type JobCompletion, nameOf } from '../../src/grids/job-logs.js';
import { SharedEnds } from '../../src/grids/shared-ends.js';
import { SharedRedis } from '../../src/replicas/shared-redis.js';
import { SharedLogs } from '../../src/streams/index.js';
import { describeReal, type RedisServer } from '../real/index.js';

const patience = { timeout: 30_000, interval: 10 };
const { signal } = new AbortController();
const end = (clusterId: number): JobCompletion => ({
  ...{ gridName: 'condor', key: { schedd: 's', clusterId, procId: 0 }, revision: '4-1000' },
  ...{ state: 'SUCCEEDED', owner: 'alice', seenAt: 0 },
});

describeReal('redis', 'replicas of which one does not reach the pool', (redis) => {
  let server: RedisServer;
  const closing: (() => unknown)[] = [];
  beforeAll(async () => {
    server = await redis.start();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(() => server.stop());

  async function replica(prefix: string) {
    const store = await SharedRedis.open({ url: server.url, prefix, leaseMs: 600 });
    const logs = new SharedLogs(store);
    closing.push(
      () => store.stop(),
      () => logs.stop(),
    );
    const ends = new SharedEnds({ logs, name: 'ends', limit: 100, heard: () => undefined });
    await ends.ready(signal);
    return ends;
  }
  const told = ({ log }: SharedEnds) => log.read(log.start, 100).map(nameOf);
  const leads = (ends: SharedEnds) => vi.waitFor(() => expect(ends.log.leads).toBe(true), patience);

  it('another writes what it found, and the first goes on reading without a gap', async () => {
    const first = await replica('one');
    await leads(first);
    const second = await replica('one');
    first.add([end(1)]);
    second.add([end(1), end(2)]);
    first.isBlind = true;
    await leads(second);
    const expected = [end(1), end(2)].map(nameOf);
    await vi.waitFor(() => expect(told(first)).toEqual(expected), patience);
    expect(told(second)).toEqual(expected);
    expect(first.log.lost).toBeUndefined();
    // Both do not reach it: neither keeps the lease, and who does again writes.
    second.isBlind = true;
    await vi.waitFor(() => expect(second.log.leads).toBe(false), patience);
    first.isBlind = false;
    first.add([end(3)]);
    await vi.waitFor(() => expect(told(second)).toContain(nameOf(end(3))), patience);
  });

  it('one that could not even begin leaves it too', async () => {
    const first = await replica('two');
    await leads(first);
    const second = await replica('two');
    await first.giveUp();
    await leads(second);
    await first.ready(signal);
    second.add([end(1)]);
    await vi.waitFor(() => expect(told(first)).toEqual([nameOf(end(1))]), patience);
  });
});
