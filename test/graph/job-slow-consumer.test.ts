/** A client of a real pool that stops reading its socket: told of the gap, and given all of it again. */
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { buildGraph, GraphService } from '../../resolvers/index.js';
import { openAccess } from '../../src/access/authenticator.js';
import { settings as settingsSchema } from '../../src/config/settings.js';
import { GridRegistry } from '../../src/grids/registry.js';
import { createMetrics } from '../../src/server/metrics.js';
import { guardRoots } from '../../src/server/rules.js';
import { createServer } from '../../src/server/server.js';
import { describeReal } from '../real/index.js';
import { openSocket } from '../server/raw-socket.js';
import { poolGrid } from './open-graph.js';

/** Ends that are kept: fewer than there are to come. */
const kept = 16;
const jobs = 40;
/** With so much in each item the socket is full after a few. */
const padBytes = 50_000;
const copies = 20;

describeReal('pool', 'a slow reader of a pool', (pool) => {
  const grid = poolGrid(pool, { eventLog: { path: pool.eventLog }, maxCompletions: kept });
  let socketUrl: string;
  let stop: () => Promise<void>;
  let cluster: number;
  beforeAll(async () => {
    const schema = await buildGraph();
    guardRoots(schema);
    const grids = new GridRegistry([grid]);
    const graph = new GraphService(grids);
    const { server: settings, limits } = settingsSchema.parse({ server: { port: 0 } });
    const server = await createServer({
      schema,
      settings,
      limits,
      authenticator: openAccess,
      makeContext: (operation) => graph.context(operation),
      readiness: () => Promise.resolve([]),
      metrics: createMetrics(),
      log: pino({ level: 'silent' }),
      playground: '',
    });
    const url = await server.listen();
    socketUrl = new URL('graphql', url.href.replace(/^http/, 'ws')).href;
    stop = async () => {
      const stopped = server.stop();
      graph.close();
      await stopped;
      await grids.stop();
    };
    cluster = await pool.submit(
      'alice',
      `executable = /bin/true\nrequirements = false\n+Pad = "${'x'.repeat(padBytes)}"\nqueue ${jobs}`,
    );
  });
  afterAll(async () => {
    await stop();
    await pool.remove(`ClusterId == ${cluster}`);
  });

  it('gets GAP SLOW_CONSUMER, then a snapshot of every end, then END', async () => {
    using client = await openSocket(socketUrl);
    client.send({ type: 'connection_init' });
    expect((await client.next()).type).toBe('connection_ack');
    const pads = Array.from({ length: copies }, (_, n) => `p${n}: classAd(names: ["Pad"])`);
    const query = `subscription {
      jobCompleted(filter: { cluster: { eq: ${cluster} }, schedd: { eq: "${pool.scheddName}" } }, delivery: { maxBatch: 1, maxWaitMs: 0 }) {
        kind gap { reason } end { reason } items { nativeId ... on Job { ${pads.join(' ')} } }
      }
    }`;
    client.send({ type: 'subscribe', id: '1', payload: { query } });
    const frame = async () => {
      const { payload } = await client.next();
      const { jobCompleted } = (payload as { data: { jobCompleted: Frame } }).data;
      return jobCompleted;
    };
    expect((await frame()).kind).toBe('SYNCED');

    client.socket.pause();
    const inHistory = async () => {
      const { stdout } = await pool.run(['condor_history', String(cluster), '-af', 'ProcId']);
      return stdout.split('\n').filter((line) => line !== '').length;
    };
    // One after the other, so that none of them is in the place of another.
    for (let proc = 0; proc < jobs; proc += 8) {
      const ids = [0, 1, 2, 3, 4, 5, 6, 7].map((more) => `${cluster}.${proc + more}`);
      await pool.asUser('alice', ['condor_rm', ...ids]);
      // Of these jobs alone: other tests end theirs meanwhile.
      await vi.waitFor(async () => expect(await inHistory()).toBe(proc + 8), { interval: 100 });
      await grid.logs?.settled(pool.scheddName, AbortSignal.timeout(60_000));
    }
    client.socket.resume();

    const frames: Frame[] = [];
    do frames.push(await frame());
    while (frames.at(-1)?.kind !== 'END');
    const gaps = frames.filter(({ kind }) => kind === 'GAP');
    expect(new Set(gaps.map(({ gap }) => gap?.reason))).toEqual(new Set(['SLOW_CONSUMER']));
    // A snapshot may fall behind too, where the reader stopped within it.
    const gap = frames.findLastIndex(({ kind }) => kind === 'GAP');
    const idsOf = (some: readonly Frame[]) =>
      some.flatMap(({ items }) => items.map(({ nativeId }) => nativeId));
    const behind = frames.slice(gap + 1);
    const snapshot = behind.filter(({ kind }) => kind === 'SNAPSHOT');
    expect(new Set(idsOf(snapshot))).toEqual(
      new Set(Array.from({ length: jobs }, (_, proc) => `${cluster}.${proc}`)),
    );
    expect(snapshot).toHaveLength(jobs);
    expect(behind.at(-2)).toMatchObject({ kind: 'SYNCED' });
    expect(behind.at(-1)).toMatchObject({ end: { reason: 'COMPLETE' } });
  }, 120_000);
});

interface Frame {
  readonly kind: string;
  readonly gap: { readonly reason: string } | null;
  readonly end: { readonly reason: string } | null;
  readonly items: readonly { readonly nativeId: string }[];
}
