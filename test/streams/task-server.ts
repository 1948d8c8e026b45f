/** A plain graphql-ws server, whose one subscription is what a test makes of the streams. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buildSchema } from 'graphql';
import type { ServerOptions } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { StreamStartInput } from '../../src/streams/index.js';

export interface Task {
  readonly id: string;
  readonly revision: string;
  readonly state: string;
}

const schema = buildSchema(`
  scalar StreamCursor
  input StreamStart { now: Boolean, snapshot: Boolean, after: StreamCursor }
  type Gap { reason: String! detail: String }
  type End { reason: String! }
  type Task { id: ID! revision: String! state: String }
  type Frame { kind: String! cursor: StreamCursor! gap: Gap end: End tasks: [Task!]! }
  type Query { ok: Boolean }
  type Subscription { taskCompleted(sessions: [ID!], start: StreamStart): Frame! }
`);

export interface TaskServerOptions extends Pick<ServerOptions, 'onConnect'> {
  readonly taskCompleted: (args: { readonly start?: StreamStartInput }) => AsyncIterable<unknown>;
  /** Default: a free one. */
  readonly port?: number;
}

export async function serveTasks({ taskCompleted, port = 0, ...hooks }: TaskServerOptions) {
  const sockets = new WebSocketServer({ port, host: '127.0.0.1' });
  const server = useServer(
    { schema, roots: { subscription: { taskCompleted } }, ...hooks },
    sockets,
  );
  await once(sockets, 'listening');
  return {
    sockets,
    port: (sockets.address() as AddressInfo).port,
    close: async () => server.dispose(),
  };
}

export const urlOf = (port: number): string => `ws://127.0.0.1:${String(port)}`;
