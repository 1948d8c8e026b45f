/** The clients of docs/streams.md, as they are printed there, against a server that is cut, restarted and strict about tokens. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { createClient } from 'graphql-ws';
import type { Client } from 'graphql-ws';
import ts from 'typescript';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, type WebSocketServer } from 'ws';
import {
  AppendLog,
  follow,
  mapFrames,
  resolveDelivery,
  resolveStart,
} from '../../src/streams/index.js';
import { describeReal } from '../real/index.js';
import { numbers } from './subscriber.js';
import { serveTasks, type Task, urlOf } from './task-server.js';

const page = await readFile(new URL('../../docs/streams.md', import.meta.url), 'utf8');
const block = (language: string) => page.split(`\`\`\`${language}\n`)[1]?.split('```')[0] ?? '';
const query = block('graphql');

const opened: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const tasks = numbers(0, 60).map((n) => ({
  id: `s_${String(n)}`,
  revision: '1',
  state: 'SUCCEEDED',
}));
/** A task that went on after its end. */
const again = { id: 's_3', revision: '2', state: 'CANCELLED' };

/** Does everything to its clients that may happen: connections are cut, tokens expire, the server starts anew. */
class Trouble {
  /** How often each thing happened. */
  readonly seen = { cuts: 0, restarts: 0, expiries: 0, refusals: 0, resumed: 0 };
  #log = new AppendLog<Task>('s');
  #frames = 0;
  #tokens = 0;
  #sockets: WebSocketServer | undefined;
  #close: () => Promise<unknown> = async () => undefined;
  #port = 0;

  get url(): string {
    return urlOf(this.#port);
  }

  /** One that serves for a single connection. */
  token = (): string => `token-${String(++this.#tokens)}`;

  async open(): Promise<void> {
    this.#log.append(tasks.slice(0, 30));
    await this.#listen();
    opened.push(() => this.#close());
  }

  async #listen(): Promise<void> {
    const { sockets, port, close } = await serveTasks({
      port: this.#port,
      taskCompleted: ({ start }) => {
        if (start?.after != null) this.seen.resumed++;
        const ends = new AbortController();
        const frames = follow([this.#log], {
          start: resolveStart(start),
          delivery: resolveDelivery({ maxBatch: 4, maxWaitMs: 0 }),
          ends: ends.signal,
        });
        return mapFrames(frames, ({ entries, ...frame }) => {
          void this.#happen(ends);
          return { taskCompleted: { ...frame, tasks: entries } };
        });
      },
      onConnect: ({ connectionParams }) => {
        const fresh = `Bearer token-${String(this.#tokens)}`;
        if (connectionParams?.['authorization'] === fresh) return true;
        this.seen.refusals++;
        return false;
      },
    });
    this.#port = port;
    this.#sockets = sockets;
    this.#close = close;
  }

  async #happen(ends: AbortController): Promise<void> {
    switch (++this.#frames) {
      case 3:
      case 9:
        this.seen.cuts++;
        for (const socket of this.#sockets?.clients ?? []) socket.terminate();
        break;
      case 6:
        this.seen.expiries++;
        ends.abort('AUTH_EXPIRED');
        break;
      case 7:
        this.#log.append([...tasks.slice(30), again]);
        break;
      case 12: {
        this.seen.restarts++;
        const before = this.#sockets;
        for (const socket of before?.clients ?? []) socket.terminate();
        await this.#close();
        // What the table has by now is what another server begins with.
        this.#log = new AppendLog<Task>('s');
        this.#log.append([...tasks.filter(({ id }) => id !== again.id), again]);
        this.#log.finish();
        await this.#listen();
        break;
      }
    }
  }
}

async function expectAll(run: (trouble: Trouble, use: (task: Task) => void) => Promise<void>) {
  const trouble = new Trouble();
  await trouble.open();
  const used: string[] = [];
  await run(trouble, ({ id, revision }) => used.push(`${id} ${revision}`));
  expect(used.toSorted()).toEqual(
    [...tasks, again].map(({ id, revision }) => `${id} ${revision}`).sort(),
  );
  expect(used.indexOf('s_3 2')).toBeGreaterThan(used.indexOf('s_3 1'));
  expect(trouble.seen).toMatchObject({ cuts: 2, expiries: 1, restarts: 1, refusals: 0 });
  // What is cut may have been before its first frame.
  expect(trouble.seen.resumed).toBeGreaterThanOrEqual(2);
}

/** As the page declares it. */
type Printed = (
  url: string,
  query: string,
  session: string,
  token: () => Promise<string>,
  use: (task: Task) => Promise<void>,
) => Promise<void>;

describe('the client of docs/streams.md in TypeScript', () => {
  it('uses every end once, through cuts, an expired token and a restart', async () => {
    await expectAll(async ({ url, token }, use) => {
      const { outputText } = ts.transpileModule(block('ts'), {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 },
      });
      const names = {
        createClient: (options: Parameters<typeof createClient>[0]): Client => {
          const client = createClient(options);
          opened.push(() => client.dispose());
          return client;
        },
        WebSocket,
        // The pause between two attempts is no part of the promise.
        setTimeout: setImmediate,
      };
      const code = outputText
        .replaceAll(/^import .*$/gm, '')
        .replace('export async', 'return async');
      // The constructor of async functions has no name of its own.
      const AsyncFunction = (async () => {}).constructor as new (
        ...parts: string[]
      ) => (...values: readonly unknown[]) => Promise<Printed>;
      const made = await new AsyncFunction(...Object.keys(names), code)(...Object.values(names));
      await made(
        url,
        query,
        's',
        async () => token(),
        async (task) => {
          use(task);
        },
      );
    });
  });
});

/** Calls the printed function; what it uses, and each token it wants, is a line. */
const driver = `
import asyncio, json, sys
pause = asyncio.sleep
asyncio.sleep = lambda seconds: pause(0.01)
exec(compile(sys.argv[1], "docs/streams.md", "exec"))

async def token():
    print(json.dumps("token"), flush=True)
    return json.loads(await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline))

async def use(task):
    print(json.dumps(task), flush=True)

asyncio.run(follow(sys.argv[2], sys.argv[3], "s", token, use))
`;

describeReal('python', 'the client of docs/streams.md in Python', ({ program }) => {
  it('uses every end once, through cuts, an expired token and a restart', async () => {
    await expectAll(async ({ url, token }, use) => {
      const child = spawn(program, ['-c', driver, block('python'), url, query], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      opened.push(() => void child.kill());
      const exited = once(child, 'exit');
      for await (const line of createInterface({ input: child.stdout })) {
        const said = JSON.parse(line) as Task | 'token';
        if (said === 'token') child.stdin.write(`${JSON.stringify(token())}\n`);
        else use(said);
      }
      expect((await exited)[0]).toBe(0);
    });
  });
});
