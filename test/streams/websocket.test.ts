import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buildSchema } from 'graphql';
import { createClient } from 'graphql-ws';
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

/** A graphql-ws server whose one subscription follows the log. */
async function serve(log: AppendLog<Task>, delivery: DeliveryInput) {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const taskCompleted = ({ start }: { readonly start?: StreamStartInput }) =>
    mapFrames(
      follow([log], { start: resolveStart(start), delivery: resolveDelivery(delivery) }),
      ({ entries, ...frame }) => {
        return { taskCompleted: { ...frame, tasks: entries } };
      },
    );
  const server = useServer({ schema, roots: { subscription: { taskCompleted } } }, sockets);
  opened.push(() => server.dispose());
  await once(sockets, 'listening');
  return { sockets, url: `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}` };
}

describe('over a real WebSocket', () => {
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
