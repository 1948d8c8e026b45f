/** Two servers of one deployed grid, one of them killed with kill -9 while 1,000 subscribers follow a session. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { inputKey, outputKey, submissionKey } from '../../src/grids/htc-grid/data-plane.js';
import { RedisDataPlane } from '../../src/grids/htc-grid/data-plane-redis.js';
import { encodeInput, encodeOutput, encodeSubmission } from '../../src/grids/htc-grid/encoding.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { submissionPayload } from '../../src/grids/htc-grid/submission-payload.js';
import { encodeId } from '../../src/grids/id.js';
import { describeReal, type RedisServer } from '../real/index.js';
import { type Program, run } from '../server/program.js';
import { type Deployment, deploy } from './deployed.js';
import { live, tasksOf } from './support.js';

vi.setConfig({ testTimeout: 240_000 });
const patience = { timeout: 120_000, interval: 50 };

const tasks = 120;
const subscribersPerSocket = 50;
const socketsPerServer = 10;

interface Frame {
  readonly kind: string;
  readonly cursor: string;
  readonly tasks: readonly { readonly nativeId: string }[];
  readonly end: { readonly reason: string } | null;
}

/** What one client has been told; it keeps its cursor. */
class Subscriber {
  readonly told = new Map<string, number>();
  readonly kinds = new Set<string>();
  cursor: string | undefined;
  end: string | undefined;

  take({ kind, cursor, tasks: ended, end }: Frame): void {
    this.kinds.add(kind);
    this.cursor = cursor;
    for (const { nativeId } of ended) this.told.set(nativeId, (this.told.get(nativeId) ?? 0) + 1);
    this.end = end?.reason ?? this.end;
  }
}

const document = `subscription ($sessions: [ID!]!, $start: StreamStart!) {
  taskCompleted(sessions: $sessions, start: $start, delivery: { maxWaitMs: 1000 }) {
    kind cursor tasks { nativeId } end { reason } } }`;

/** One socket that carries the streams of these subscribers, from where each of them stands. */
async function follow(url: string, session: string, subscribers: readonly Subscriber[]) {
  const socket = new WebSocket(url, 'graphql-transport-ws');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.send('{"type":"connection_init"}');
  await new Promise((resolve) => socket.once('message', resolve));
  const failures: unknown[] = [];
  socket.on('message', (data: Buffer) => {
    const { id, type, payload } = JSON.parse(data.toString()) as {
      readonly id: string;
      readonly type: string;
      readonly payload: { readonly data?: { readonly taskCompleted: Frame } };
    };
    if (type === 'ping') socket.send('{"type":"pong"}');
    if (type !== 'next' && type !== 'error') return;
    if (payload.data) subscribers[Number(id)]?.take(payload.data.taskCompleted);
    else failures.push(payload);
  });
  for (const [id, { cursor }] of subscribers.entries()) {
    const start = cursor === undefined ? { snapshot: true } : { after: cursor };
    const payload = { query: document, variables: { sessions: [session], start } };
    socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload }));
  }
  return { socket, closed, failures };
}
type Following = Awaited<ReturnType<typeof follow>>;

describeReal('redis', 'two servers of one grid', (real) => {
  let redis: RedisServer;
  let at: Deployment;
  let data: RedisDataPlane;
  let folder: string;
  const programs: Program[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'htc-replicas-'));
    [redis, at] = await Promise.all([real.start('--notify-keyspace-events', 'K$'), deploy()]);
    data = await RedisDataPlane.open({ host: '127.0.0.1', port: redis.port });
    const config = {
      server: { port: 0, playground: false },
      limits: { subscriptionsPerCaller: 5000 },
      replicas: { redis: redis.url },
      grids: [
        {
          kind: 'HTC_GRID',
          name: 'prod',
          table: at.table,
          region: 'eu-west-1',
          endpoint: at.endpoint,
          redis: { host: '127.0.0.1', port: redis.port },
        },
      ],
    };
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  });
  afterAll(async () => {
    for (const program of programs) await program[Symbol.asyncDispose]();
    await data.stop();
    await at.stop();
    await redis.stop();
    await rm(folder, { recursive: true });
  });

  async function start() {
    const credentials = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
    const program = run(['--config', 'config.json'], credentials, folder);
    programs.push(program);
    const [, address = ''] = await program.says(/answers at (\S+)/);
    return { program, socketUrl: address.replace(/^http/, 'ws') };
  }

  it('lose no completion when one dies: its clients go on at the other, from their cursors', async () => {
    const [first, second] = await Promise.all([start(), start()]);
    const session = newSessionId();
    const rows = tasksOf(session, tasks);
    const ids = rows.map(({ taskId }) => taskId);
    await data.put([
      ...ids.map((id) => [inputKey(id), encodeInput({})] as const),
      [submissionKey(session), encodeSubmission(submissionPayload(session, ids, 0, 0))],
    ]);
    await at.writer.insert(rows, live());
    const finish = async (from: number, to: number) => {
      for (const id of ids.slice(from, to)) {
        await at.writer.claim(id, 'pod-1', Math.ceil(Date.now() / 1000) + 30, 'handle');
        await data.put([[outputKey(id), encodeOutput('1')]]);
        await at.writer.finish(id, 'pod-1', Date.now());
      }
    };
    await finish(0, 20);

    const id = encodeId('Session', 'prod', session);
    const subscribers = Array.from(
      { length: 2 * socketsPerServer * subscribersPerSocket },
      () => new Subscriber(),
    );
    const half = subscribers.length / 2;
    const open = (url: string, from: number, to: number): Promise<Following[]> => {
      const sockets = [];
      for (let begin = from; begin < to; begin += subscribersPerSocket)
        sockets.push(follow(url, id, subscribers.slice(begin, begin + subscribersPerSocket)));
      return Promise.all(sockets);
    };
    const all = async (is: (subscriber: Subscriber) => boolean) => {
      await vi.waitFor(() => {
        // A number: of a thousand subscribers the assertion would make a text each time.
        expect(subscribers.filter(is).length).toBe(subscribers.length);
      }, patience);
    };
    // The first one there has the lease.
    const dying = await open(first.socketUrl, 0, half);
    await vi.waitFor(() => {
      expect(subscribers[0]?.told.size).toBe(20);
    }, patience);
    const living = await open(second.socketUrl, half, subscribers.length);
    await finish(20, 50);
    await all(({ told }) => told.size === 50);

    first.program.child.kill('SIGKILL');
    await Promise.all(dying.map(({ closed }) => closed));
    await finish(50, 80);
    const moved = await open(second.socketUrl, 0, half);
    await all(({ told }) => told.size === 80);
    await finish(80, tasks);
    await all(({ end }) => end === 'COMPLETE');

    const table = await at.reader.items(ids, live());
    expect(table.size).toBe(tasks);
    for (const { told, kinds } of subscribers) {
      expect([...told.keys()].sort()).toEqual([...ids].sort());
      expect(kinds.has('GAP')).toBe(false);
    }
    for (const { failures, socket } of [...dying, ...living, ...moved]) {
      expect(failures).toEqual([]);
      socket.terminate();
    }
  });
});
