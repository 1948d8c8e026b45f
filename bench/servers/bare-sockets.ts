/** graphql-ws as its documentation sets it up, with a subscription that does nothing but wait. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { Started } from '../child.js';
import { now } from '../raw-subscribers.js';
import { observed } from './idle.js';

const schema = buildSchema(`
  input StreamStart { now: Boolean }
  type Task { id: ID! state: String! }
  type Frame { kind: String! cursor: String! tasks: [Task!]! }
  type Query { ok: Boolean }
  type Subscription { taskCompleted(sessions: [ID!], start: StreamStart): Frame! }
`);

export async function start(): Promise<Started> {
  let count = 0;
  /** One promise for all who wait: listeners of their own would cost the peer more than its sockets. */
  let wake = (): void => undefined;
  let ended = new Promise<void>((resolve) => (wake = resolve));
  const frame = (kind: string) => ({
    taskCompleted: {
      kind,
      cursor: `s1.${count}`,
      tasks: [{ id: `t${count}`, state: 'SUCCEEDED' }],
    },
  });
  async function* taskCompleted() {
    let seen = count;
    yield frame('SYNCED');
    for (;;) {
      if (seen === count) await ended;
      seen = count;
      yield frame('CHANGES');
    }
  }
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, path: '/graphql', perMessageDeflate: false });
  const server = useServer({ schema, roots: { subscription: { taskCompleted } } }, sockets);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/graphql`,
    answers: {
      ...observed(),
      session: () => 'any',
      reads: () => 0,
      end() {
        const at = now();
        count += 1;
        wake();
        ended = new Promise((resolve) => (wake = resolve));
        return at;
      },
    },
    async stop() {
      for (const socket of sockets.clients) socket.terminate();
      await server.dispose();
      http.close();
    },
  };
}
