/** The stream of a whole grid at its replicas: one reads the source, a client moves between them and misses nothing. */
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { everythingOf } from '../../src/grids/htc-grid/everything.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { SharedEverything } from '../../src/grids/htc-grid/shared-everything.js';
import { SharedRedis } from '../../src/replicas/shared-redis.js';
import { SharedLogs } from '../../src/streams/shared/shared-logs.js';
import { type Frames, type Graph, openGraph } from '../graph/open-graph.js';
import { describeReal, type RedisServer } from '../real/index.js';
import { HandClock } from '../streams/hand-clock.js';
import { type Deployment, deploy } from './deployed.js';
import { FakeStream } from './fake-stream.js';
import { startStreamedTable, type StreamedTable } from './streamed-table.js';
import { live, tasksOf } from './support.js';

const patience = { interval: 20 };

interface Frame {
  readonly kind: string;
  readonly cursor: string;
  readonly coverage?: string;
  readonly items: readonly { readonly nativeId: string }[];
}
type Told = { readonly frame: Frame };

const tasks = `subscription ($start: StreamStart) {
  frame: taskCompleted(start: $start, delivery: { maxWaitMs: 0 }) {
    kind cursor coverage items: tasks { nativeId } } }`;
const work = `subscription ($start: StreamStart) {
  frame: workCompleted(start: $start, delivery: { maxWaitMs: 0 }) {
    kind cursor items { nativeId } } }`;

/** What a client has been told, wherever. */
class Client {
  readonly told: string[] = [];
  readonly kinds: string[] = [];
  cursor: string | undefined;
  coverage: string | undefined;
  #frames: Frames<{ readonly data: Told | null | undefined }> | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(private readonly document: string) {}

  /** At this server from now on. */
  async move({ graph }: Replica): Promise<void> {
    await this.leave();
    const start = this.cursor === undefined ? { now: true } : { after: this.cursor };
    const frames = await graph.follow<Told, object>(this.document, { start });
    if (!('leave' in frames)) throw new Error(JSON.stringify(frames.errors));
    this.#frames = frames;
    const from = this.kinds.length;
    this.#reading = this.#read(frames);
    await vi.waitFor(() => {
      expect(this.kinds.slice(from)).toContain('SYNCED');
    }, patience);
  }

  async leave(): Promise<void> {
    await this.#frames?.leave();
    await this.#reading;
  }

  async has(...taskIds: readonly string[]): Promise<void> {
    await vi.waitFor(() => {
      expect(new Set(this.told)).toEqual(new Set(taskIds));
    }, patience);
  }

  async #read(frames: AsyncIterable<{ readonly data: Told | null | undefined }>): Promise<void> {
    for await (const { data } of frames) {
      if (!data) throw new Error('A frame without data.');
      const { kind, cursor, items, coverage } = data.frame;
      this.told.push(...items.map(({ nativeId }) => nativeId));
      this.kinds.push(kind);
      this.cursor = cursor;
      this.coverage = coverage;
    }
  }
}

interface Replica {
  readonly graph: Graph;
  readonly table: StreamedTable;
  /** Gone, as far as Redis and the others can tell. */
  die(): void;
  follow(session: string): Promise<unknown>;
}

describeReal('redis', 'the ends of a whole grid, at its replicas', (real) => {
  let server: RedisServer;
  let at: Deployment;
  let stream: FakeStream;
  const closing: (() => unknown)[] = [];
  beforeAll(async () => {
    [server, at] = await Promise.all([real.start(), deploy()]);
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(async () => {
    await at.stop();
    await server.stop();
  });

  let prefixes = 0;
  function world() {
    stream = new FakeStream(2);
    prefixes++;
  }
  async function open(leaseMs = 900): Promise<Replica> {
    const redis = await SharedRedis.open({
      ...{ url: server.url, prefix: `everything-${String(prefixes)}`, leaseMs },
    });
    const table = await startStreamedTable(at.endpoint, stream);
    const grid = await at.open({
      replicas: redis,
      table: {
        ...{ table: at.table, region: 'eu-west-1', endpoint: table.endpoint },
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      },
      lingerMs: 50,
    });
    const graph = await openGraph([grid]);
    closing.push(async () => {
      await graph.stop();
      redis.stop();
      await table.stop();
    });
    return {
      graph,
      table,
      die: () => {
        redis.stop();
      },
      follow: (session) => grid.follow(session, live()),
    };
  }
  function client(document: string): Client {
    const made = new Client(document);
    closing.push(() => made.leave());
    return made;
  }
  const session = async (count: number) => {
    const id = newSessionId();
    const rows = tasksOf(id, count);
    await at.writer.insert(rows, live());
    return { id, taskIds: rows.map(({ taskId }) => taskId) };
  };
  const finish = async (...taskIds: readonly string[]) => {
    for (const taskId of taskIds) {
      const before = await at.row(taskId);
      await at.writer.claim(taskId, 'pod-1', Math.ceil(Date.now() / 1000) + 30, 'handle');
      await at.writer.finish(taskId, 'pod-1', Date.now());
      stream.write(taskId, await at.row(taskId), before);
    }
  };

  const flush = async () => {
    const redis = await SharedRedis.open({ url: server.url });
    await redis.run((commands) => commands.flushall());
    redis.stop();
  };

  const streams = [
    ['taskCompleted', tasks],
    ['workCompleted', work],
  ] as const;

  it.each(streams)('are read by one of them and told by all: %s', async (name, document) => {
    world();
    // Longer than any pause of the machine: nobody takes over.
    const [a, b] = [await open(60_000), await open(60_000)];
    const { taskIds } = await session(4);
    const [one, other] = [client(document), client(document)];
    await one.move(a);
    await other.move(b);
    await finish(...taskIds);
    await Promise.all([one.has(...taskIds), other.has(...taskIds)]);
    expect(one.cursor).toBe(other.cursor);
    if (name === 'taskCompleted') expect([one.coverage, other.coverage]).toEqual(['GRID', 'GRID']);
    expect(a.table.streamReads).toBeGreaterThan(0);
    expect(b.table.streamReads).toBe(0);
  });

  it.each(streams)('are gone on with where the one dies that reads: %s', async (_, document) => {
    world();
    const [a, b] = [await open(), await open()];
    const { taskIds } = await session(12);
    const [moving, staying] = [client(document), client(document)];
    await moving.move(a);
    await staying.move(b);
    await finish(...taskIds.slice(0, 4));
    await Promise.all([moving.has(...taskIds.slice(0, 4)), staying.has(...taskIds.slice(0, 4))]);
    await moving.leave();
    await finish(...taskIds.slice(4, 6));
    await staying.has(...taskIds.slice(0, 6));
    a.die();
    // Nobody has the lease; shards close meanwhile.
    await finish(...taskIds.slice(6, 8));
    stream.split();
    await finish(...taskIds.slice(8, 10));
    await moving.move(b);
    await finish(...taskIds.slice(10));
    for (const one of [moving, staying]) {
      await one.has(...taskIds);
      expect(one.kinds).not.toContain('GAP');
      expect(one.told).toHaveLength(12);
    }
  });

  it('have what ended while nobody followed, at a server that was not there then', async () => {
    world();
    const a = await open();
    const { taskIds } = await session(5);
    const moving = client(tasks);
    await moving.move(a);
    await finish(...taskIds.slice(0, 2));
    await moving.has(...taskIds.slice(0, 2));
    await moving.leave();
    a.die();
    await finish(...taskIds.slice(2, 4));
    await moving.move(await open());
    await finish(...taskIds.slice(4));
    await moving.has(...taskIds);
    expect(moving.kinds).not.toContain('GAP');
    expect(moving.told).toHaveLength(5);
  });

  it('are those of sessions that any of them follows, where the grid tells of no others', async () => {
    world();
    stream.disable();
    const [a, b] = [await open(), await open()];
    const [one, other] = [await session(6), await session(3)];
    const [moving, staying] = [client(tasks), client(tasks)];
    await moving.move(a);
    await staying.move(b);
    // At the one that does not write, and at the one that does.
    await b.follow(one.id);
    await a.follow(other.id);
    await finish(...one.taskIds.slice(0, 2), ...other.taskIds.slice(0, 1));
    const first = [...one.taskIds.slice(0, 2), ...other.taskIds.slice(0, 1)];
    await Promise.all([moving.has(...first), staying.has(...first)]);
    expect([moving.coverage, staying.coverage]).toEqual(['FOLLOWED', 'FOLLOWED']);
    await moving.leave();
    a.die();
    await b.follow(other.id);
    await finish(...one.taskIds.slice(2), ...other.taskIds.slice(1));
    await moving.move(b);
    for (const each of [moving, staying]) {
      await each.has(...one.taskIds, ...other.taskIds);
      expect(each.kinds).not.toContain('GAP');
    }
  });

  it('begin anew behind a gap at all of them where the stream was trimmed', async () => {
    world();
    const [a, b] = [await open(60_000), await open(60_000)];
    const { taskIds } = await session(3);
    const clients = [client(tasks), client(tasks)];
    await clients[0]?.move(a);
    await clients[1]?.move(b);
    const [told = '', trimmed = '', later = ''] = taskIds;
    await finish(told);
    for (const one of clients) await one.has(told);
    stream.hold();
    await finish(trimmed);
    stream.trim();
    stream.release();
    for (const one of clients)
      await vi.waitFor(() => {
        expect(one.kinds.slice(-2)).toEqual(['GAP', 'SYNCED']);
      }, patience);
    await finish(later);
    for (const one of clients) await one.has(told, later);
  });

  it('give a gap to who was told of none, once there is another log', async () => {
    world();
    const a = await open();
    const moving = client(tasks);
    await moving.move(a);
    await moving.leave();
    a.die();
    await flush();
    await moving.move(await open());
    expect(moving.kinds).toEqual(['SYNCED', 'GAP', 'SYNCED']);
  });

  it('are not waited for without end where the one that leads says nothing', async () => {
    const redis = await SharedRedis.open({ url: server.url, leaseMs: 900 });
    const [stuck, waiting] = [new SharedLogs(redis), new SharedLogs(redis)];
    const leading = stuck.open(everythingOf('stuck'));
    leading.lead({ run: ({ signal }) => once(signal, 'abort').then(() => undefined) });
    const clock = new HandClock();
    const everything = new SharedEverything({
      ...{ grid: 'stuck', shared: waiting, replicas: redis, clock },
      source: { gridWide: true, place: undefined, holdAll: () => Promise.resolve() },
    });
    try {
      await leading.until(() => leading.leads, AbortSignal.timeout(30_000));
      const outcome = expect(everything.follow(live())).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining('in 10 s') as string,
      });
      await vi.waitFor(() => {
        expect(clock.timers).toBe(1);
      }, patience);
      await clock.advance(10_000);
      await outcome;
    } finally {
      await everything.stop();
      await Promise.all([stuck.stop(), waiting.stop()]);
      redis.stop();
    }
  });

  it('begin anew behind a gap where Redis lost them', async () => {
    world();
    const [a, b] = [await open(), await open()];
    const { taskIds } = await session(3);
    const clients = [client(tasks), client(tasks)];
    await clients[0]?.move(a);
    await clients[1]?.move(b);
    await finish(...taskIds.slice(0, 1));
    for (const one of clients) await one.has(...taskIds.slice(0, 1));
    await flush();
    for (const one of clients)
      await vi.waitFor(() => {
        expect(one.kinds).toContain('GAP');
      }, patience);
    // Who comes now is let in when the new log is fed.
    await client(tasks).move(a);
    await finish(...taskIds.slice(1));
    for (const one of clients) await one.has(...taskIds);
  });
});
