import { createClient } from 'graphql-ws';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { AppendLog, follow, mapFrames, resolveStart } from '../../src/streams/index.js';
import { serveTasks, type Task, urlOf } from './task-server.js';

const opened: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

describe('over a real WebSocket', () => {
  it('a client that leaves releases its place in the log', async () => {
    const log = new AppendLog<Task>('s');
    const { port, close } = await serveTasks({
      taskCompleted: ({ start }) =>
        mapFrames(follow([log], { start: resolveStart(start) }), ({ entries, ...frame }) => {
          return { taskCompleted: { ...frame, tasks: entries } };
        }),
    });
    opened.push(close);
    const client = createClient({ url: urlOf(port), webSocketImpl: WebSocket, retryAttempts: 0 });
    opened.push(() => client.dispose());
    const frames = client.iterate({ query: 'subscription { taskCompleted { kind } }' });
    expect((await frames.next()).value).toEqual({ data: { taskCompleted: { kind: 'SYNCED' } } });
    await expect.poll(() => log.waiting).toBe(1);
    await frames.return?.();
    await expect.poll(() => log.waiting).toBe(0);
  });
});
