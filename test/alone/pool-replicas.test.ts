/**
 * Two servers over one real pool and one Redis, one of which is killed while many follow it: they come back to the other
 * with their cursors, and miss no end. It watches jobs that others must not hold up, so it runs alone (scripts/test-all).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { describeReal, type RedisServer } from '../real/index.js';
import { run, type Program } from '../server/program.js';
import { connect, subscribe, type RawSocket } from '../server/raw-socket.js';

const patience = { timeout: 100_000, interval: 50 };
const followers = 50;

const query = `subscription ($filter: JobFilter, $start: StreamStart) {
  jobCompleted(filter: $filter, start: $start) { kind cursor items { id state } }
}`;
interface Frame {
  readonly kind: string;
  readonly cursor: string;
  readonly items: readonly { readonly id: string; readonly state: string }[] | null;
}

/** A client as the documentation wants it: it keeps its cursor, and comes back with it. */
class Follower {
  readonly told: string[] = [];
  readonly kinds = new Set<string>();
  cursor: string | undefined;
  isSynced = false;
  #socket: RawSocket | undefined;

  constructor(private readonly filter: object) {}

  async follow(url: string): Promise<void> {
    this.isSynced = false;
    const socket = (this.#socket = await connect(url));
    const start = this.cursor === undefined ? { now: true } : { after: this.cursor };
    subscribe(socket, '1', query, { variables: { filter: this.filter, start } });
    void this.#read(socket).catch(() => undefined);
  }

  leave(): void {
    this.#socket?.[Symbol.dispose]();
  }

  async #read(socket: RawSocket): Promise<void> {
    for (;;) {
      const { type, payload } = await socket.next();
      if (type === 'ping') socket.send({ type: 'pong' });
      if (type === 'error' || type === 'complete') throw new Error(JSON.stringify(payload));
      if (type !== 'next') continue;
      const { data } = payload as { readonly data: { readonly jobCompleted: Frame } };
      const { kind, cursor, items } = data.jobCompleted;
      this.kinds.add(kind);
      this.cursor = cursor;
      this.told.push(...(items ?? []).map(({ id, state }) => `${id} ${state}`));
      if (kind === 'SYNCED') this.isSynced = true;
    }
  }
}

describeReal('redis', 'two servers over one pool', (redis) => {
  describeReal('pool', 'one of which is killed', (pool) => {
    let server: RedisServer;
    let folder: string;
    const programs: Program[] = [];
    const batch = `replicas-${process.pid}-${Date.now()}`;
    beforeAll(async () => {
      server = await redis.start();
      folder = await mkdtemp(join(tmpdir(), 'htc-graph-pool-replicas-'));
      const config = {
        server: { port: 0 },
        replicas: { redis: server.url },
        grids: [
          {
            ...{ kind: 'HTCONDOR', name: 'pool', eventLog: { path: pool.eventLog } },
            prefix: { kind: 'exec', argv: pool.prefix },
          },
        ],
      };
      await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    });
    afterAll(async () => {
      for (const program of programs) await program[Symbol.asyncDispose]();
      await pool.remove(`JobBatchName == "${batch}"`);
      await server.stop();
      await rm(folder, { recursive: true });
    });

    const start = async () => {
      const program = run(['--config', 'config.json'], {}, folder);
      programs.push(program);
      const [, url = ''] = await program.says(/answers at (\S+)/);
      return { program, url: url.replace(/^http/, 'ws') };
    };
    const jobs = (count: number) =>
      pool.submit(
        'alice',
        [
          ...['executable = /bin/true', 'transfer_executable = false'],
          ...[`batch_name = ${batch}`, `queue ${String(count)}`],
        ].join('\n'),
      );

    it('loses its followers no end: they come back to the other with their cursors', async () => {
      const [first, second] = await Promise.all([start(), start()]);
      const all = Array.from(
        { length: followers },
        () => new Follower({ batchName: { eq: batch } }),
      );
      const told = () => new Set(all.flatMap((one) => one.told));
      const tellsAll = (count: number) =>
        vi.waitFor(() => {
          expect(told().size).toBe(count);
          for (const one of all) expect(new Set(one.told).size).toBe(count);
        }, patience);
      // Half of them each: both servers follow, and one of them writes.
      await Promise.all(all.map((one, n) => one.follow(n % 2 === 0 ? first.url : second.url)));
      await vi.waitFor(() => expect(all.every(({ isSynced }) => isSynced)).toBe(true), patience);
      await jobs(4);
      await tellsAll(4);
      // Ends come while the server dies, and while nobody has come back yet.
      await jobs(4);
      first.program.child.kill('SIGKILL');
      await first.program.exited;
      await jobs(4);
      await Promise.all(all.filter((_one, n) => n % 2 === 0).map((one) => one.follow(second.url)));
      await tellsAll(12);
      for (const one of all) {
        one.leave();
        expect(one.told).toHaveLength(12);
        expect(one.kinds).not.toContain('GAP');
      }
      const third = await start();
      second.program.child.kill('SIGKILL');
      await second.program.exited;
      await jobs(4);
      await Promise.all(all.map((one) => one.follow(third.url)));
      await tellsAll(16);
      for (const one of all) {
        one.leave();
        expect(one.kinds).not.toContain('GAP');
      }
    }, 300_000);
  });
});
