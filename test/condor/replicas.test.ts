/** Ends of a real pool's jobs in the log that replicas share: one order, one epoch, none missing, whoever dies. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { openPool } from '../../src/grids/condor/index.js';
import { SharedRedis } from '../../src/replicas/shared-redis.js';
import type { CompletionLog, SharedLog } from '../../src/streams/index.js';
import type { JobCompletion } from '../../src/grids/job-logs.js';
import type { RedisServer } from '../real/index.js';
import { describeReal } from '../real/index.js';
import { prefixOf } from './pool.js';

const patience = { timeout: 100_000, interval: 20 };
const minute = 180_000;

describeReal('redis', 'replicas over one pool', (redis) => {
  describeReal('pool', 'that is followed', (pool) => {
    let server: RedisServer;
    const clusters: number[] = [];
    const closing: (() => unknown)[] = [];
    beforeAll(async () => {
      server = await redis.start();
    });
    afterEach(async () => {
      for (const end of closing.splice(0).reverse()) await end();
    });
    afterAll(async () => {
      await pool.remove(`member(ClusterId, {${clusters.join(',')}})`);
      await server.stop();
    });

    async function job(): Promise<number> {
      // Of the scheduler universe: it waits for no slot, of which other tests may have all for a minute.
      const lines = ['universe = scheduler', 'executable = /bin/true', 'queue 1'];
      const cluster = await pool.submit('alice', lines.join('\n'));
      clusters.push(cluster);
      return cluster;
    }

    async function open(prefix: string, { url } = server) {
      const replicas = await SharedRedis.open({ url, prefix, leaseMs: 600 });
      const port = openPool({
        ...{ name: 'condor', prefix: prefixOf(pool), schedds: [pool.scheddName] },
        ...{ replicas, lingerMs: 0, reconcileMs: 500 },
        eventLog: { path: pool.eventLog },
      });
      closing.push(
        () => {
          replicas.stop();
        },
        () => port.stop(),
      );
      if (port.logs === undefined) throw new Error('A pool has logs.');
      return { replicas, logs: port.logs, stop: () => port.stop() };
    }

    /** A replica that follows; `die` cuts it off from Redis as its death would. */
    async function replica(prefix: string, at = server) {
      const { replicas, logs, stop } = await open(prefix, at);
      // With replicas it is one that they share.
      const log = (await logs.completions(
        new AbortController().signal,
      )) as SharedLog<JobCompletion>;
      return {
        logs,
        log,
        die: () => {
          replicas.stop();
        },
        stop,
      };
    }
    const endsOf = ({ log }: { readonly log: CompletionLog<JobCompletion> }) =>
      log.read(log.start, 100_000).map(({ key, state }) => `${key.clusterId} ${state}`);
    const seen = (one: Parameters<typeof endsOf>[0], ...expected: readonly number[]) =>
      vi.waitFor(() => {
        const ends = endsOf(one);
        for (const cluster of expected)
          expect(ends.filter((end) => end === `${cluster} SUCCEEDED`)).toHaveLength(1);
      }, patience);

    it(
      'have one log with one order, and go on when the one that writes it dies',
      async () => {
        const a = await replica('one');
        const b = await replica('one');
        const first = await Promise.all([job(), job()]);
        await Promise.all([seen(a, ...first), seen(b, ...first)]);
        expect(a.log.epoch).toBe(b.log.epoch);
        const ends = endsOf(a);
        // Other tests end jobs too, which one of the two may know a moment before the other.
        await vi.waitFor(() => expect(endsOf(b).slice(0, ends.length)).toEqual(ends), patience);
        // After a pause of the machine it may be the second.
        const [writing, other] = a.log.leads ? [a, b] : [b, a];
        const position = other.log.end;
        writing.die();
        const second = await job();
        await seen(other, ...first, second);
        await vi.waitFor(() => expect(other.log.leads).toBe(true), patience);
        expect(other.log.read(position, 1000).map(({ key }) => key.clusterId)).toContain(second);
      },
      minute,
    );

    it(
      'tell in a new server what ended while none was there, behind what was told before',
      async () => {
        const a = await replica('two');
        const first = await job();
        await seen(a, first);
        const position = await a.logs.position(new AbortController().signal);
        await a.stop();
        const between = await job();
        await vi.waitFor(async () => {
          const history = await pool.run(['condor_history', String(between), '-af', 'ClusterId']);
          expect(history.stdout).toContain(String(between));
        }, patience);
        const b = await replica('two');
        expect(b.log.epoch).toBe(position.epoch);
        await seen(b, first, between);
        const since = b.log.read(position.position, 1000).map(({ key }) => key.clusterId);
        expect(since).toContain(between);
        expect(since).not.toContain(first);
      },
      minute,
    );

    it(
      'know the positions of each other in the events, and tell them while Redis is away',
      async () => {
        const own = await redis.start();
        closing.push(() => own.stop());
        const { signal } = new AbortController();
        const a = await replica('three', own);
        const there = await a.logs.events(signal);
        const typesOf = (log: typeof there, cluster: number, from = log.start) =>
          log
            .read(from, 100_000)
            .filter(({ key, type }) => key.clusterId === cluster && type !== 'OTHER')
            .map(({ type }) => type);
        const first = await job();
        await vi.waitFor(() => expect(typesOf(there, first)).toContain('TERMINATED'), patience);
        const position = there
          .read(there.start, 100_000)
          .findIndex(({ key }) => key.clusterId === first);
        const mark = there.mark?.(there.start + position + 1);
        const { name: log, epoch } = there;

        const b = await replica('three', own);
        await own.stop();
        const here = await b.logs.events(signal, [{ log, epoch, position, mark }]);
        const found = here.find?.(mark ?? '');
        expect(typesOf(here, first, found)).toEqual(['STARTED', 'TERMINATED']);
        const second = await job();
        await vi.waitFor(
          () =>
            expect(typesOf(here, second, found)).toEqual(['SUBMITTED', 'STARTED', 'TERMINATED']),
          patience,
        );
      },
      minute,
    );

    it(
      'tell events where Redis is away from the beginning, and the ends of that time once it is back',
      async () => {
        const dir = await mkdtemp(join(tmpdir(), 'htc-ends-'));
        closing.push(() => rm(dir, { recursive: true }));
        const kept = ['--dir', dir, '--appendonly', 'yes', '--appendfsync', 'always'];
        const own = await redis.start(...kept);
        closing.push(() => own.stop());
        const a = await replica('four', own);
        const first = await job();
        await seen(a, first);
        await a.stop();
        process.kill(own.pid, 'SIGKILL');
        const between = await job();
        await vi.waitFor(async () => {
          const history = await pool.run(['condor_history', String(between), '-af', 'ClusterId']);
          expect(history.stdout).toContain(String(between));
        }, patience);

        const { signal } = new AbortController();
        const b = await open('four', own);
        const [events, refused] = await Promise.allSettled([
          b.logs.events(signal),
          b.logs.completions(signal),
        ]);
        expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
        if (events.status === 'rejected') throw events.reason;
        const told = events.value;
        const second = await job();
        await vi.waitFor(() => {
          const ended = told.read(told.start, 100_000).filter(({ type }) => type === 'TERMINATED');
          expect(ended.map(({ key }) => key.clusterId)).toContain(second);
        }, patience);

        const again = await redis.start(...kept, '--port', String(own.port));
        closing.push(() => again.stop());
        const log = await b.logs.completions(signal);
        expect(log.epoch).toBe(a.log.epoch);
        await seen({ log }, first, between, second);
        expect(await b.logs.events(signal)).toBe(told);
      },
      minute,
    );
  });
});
