import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buildSchema } from 'graphql';
import { createClient, type Client } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import {
  AppendLog,
  follow,
  mapFrames,
  resolveDelivery,
  resolveStart,
  type DeliveryInput,
  type StreamStartInput,
} from '../../src/streams/index.js';
import { numbers } from './subscriber.js';

interface Task {
  readonly id: string;
  readonly revision: string;
}

const schema = buildSchema(`
  scalar StreamCursor
  input StreamStart { now: Boolean, snapshot: Boolean, after: StreamCursor }
  type Gap { reason: String! detail: String }
  type End { reason: String! }
  type Task { id: ID! revision: String! state: String }
  type Frame { kind: String! cursor: StreamCursor! emittedAt: Float! lagMs: Int gap: Gap end: End tasks: [Task!]! }
  type Query { ok: Boolean }
  type Subscription { taskCompleted(sessions: [ID!], start: StreamStart): Frame! }
`);

const opened: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** A graphql-ws server whose one subscription follows the log; `onFrame` sees each frame go out. */
async function serve(
  log: AppendLog<Task>,
  delivery: DeliveryInput,
  onFrame: (sockets: WebSocketServer) => void = () => {},
) {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const taskCompleted = ({ start }: { readonly start?: StreamStartInput }) =>
    mapFrames(
      follow([log], { start: resolveStart(start), delivery: resolveDelivery(delivery) }),
      ({ entries, ...frame }) => {
        onFrame(sockets);
        return { taskCompleted: { ...frame, tasks: entries } };
      },
    );
  const server = useServer({ schema, roots: { subscription: { taskCompleted } } }, sockets);
  opened.push(() => server.dispose());
  await once(sockets, 'listening');
  return { sockets, url: `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}` };
}

describe('over a real WebSocket', () => {
  it('the client of docs/streams.md gets every item once though its connection is cut again and again', async () => {
    const log = new AppendLog<Task>('s');
    const tasks = numbers(0, 120).map((n) => ({ id: `s_${n}`, revision: '1' }));
    log.append(tasks.slice(0, 60));
    let frames = 0;
    let cuts = 0;
    const { url } = await serve(log, { maxBatch: 7, maxWaitMs: 0 }, (sockets) => {
      frames += 1;
      if (frames % 5 === 0) {
        cuts += 1;
        for (const socket of sockets.clients) socket.terminate();
      }
      if (frames === 8) log.append(tasks.slice(60));
      if (frames === 12) log.finish();
    });
    const page = await readFile(new URL('../../docs/streams.md', import.meta.url), 'utf8');
    const block = (language: string) => page.split('```' + language)[1]?.split('```')[0] ?? '';
    const used: Task[] = [];
    const names = {
      createClient: (options: Parameters<typeof createClient>[0]): Client => {
        const client = createClient({ ...options, webSocketImpl: WebSocket });
        opened.push(() => client.dispose());
        return client;
      },
      url,
      authorization: 'Bearer none',
      session: 's',
      query: block('graphql'),
      use: async (task: Task) => void used.push({ id: task.id, revision: task.revision }),
      // The pause between two attempts is no part of the promise.
      setTimeout: setImmediate,
    };
    const code = block('js').replace(/^import .*$/m, '');
    // The constructor of async functions has no name of its own.
    const AsyncFunction = (async () => {}).constructor as new (
      ...parts: string[]
    ) => (...values: unknown[]) => Promise<void>;
    await new AsyncFunction(...Object.keys(names), code)(...Object.values(names));
    expect(used).toEqual(tasks);
    expect(cuts).toBeGreaterThanOrEqual(3);
  });

  it('a client that leaves releases its place in the log', async () => {
    const log = new AppendLog<Task>('s');
    const { url } = await serve(log, {});
    const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 });
    opened.push(() => client.dispose());
    const frames = client.iterate({ query: 'subscription { taskCompleted { kind } }' });
    expect((await frames.next()).value).toEqual({ data: { taskCompleted: { kind: 'SYNCED' } } });
    await expect.poll(() => log.waiting).toBe(1);
    await frames.return?.();
    await expect.poll(() => log.waiting).toBe(0);
  });
});
