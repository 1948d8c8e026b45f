/** A server that is killed with kill -9 in the middle of the work, and one that is started in its place. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../server/program.js';

const tasks = 30;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'htc-restart-'));
  // Under the first server the last ones never end: they run when it is killed.
  await writeFile(
    join(folder, 'task.mjs'),
    `console.log('pid');
    export default async ({ n }) => {
      if (n >= 10 && process.env.TASKS_HANG) await new Promise(() => {});
      return n * n;
    };`,
  );
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify({
      server: { port: 0 },
      grids: [
        {
          kind: 'HTC_GRID',
          name: 'kept',
          embedded: true,
          workers: 2,
          handler: './task.mjs',
          dataDir: './state',
        },
      ],
    }),
  );
});
afterAll(() => rm(folder, { recursive: true }));

const start = async (environment: Readonly<Record<string, string>>) => {
  const program = run(['--config', 'config.json'], environment, folder);
  const [, address] = await program.says(/answers at (\S+)/);
  const ask = async <Data>(query: string, variables: object = {}): Promise<Data> => {
    const answer = await fetch(address ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await answer.json()) as { data: Data; errors?: unknown };
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
    return data;
  };
  return { program, ask };
};
type Ask = Awaited<ReturnType<typeof start>>['ask'];

const submit = (ask: Ask) =>
  ask<{ submitTasks: { session: { id: string }; replayed: boolean } }>(
    `mutation ($payloads: [JSON!]!) {
      submitTasks(input: { payloads: $payloads, idempotencyKey: "once" }) { session { id } replayed }
    }`,
    { payloads: Array.from({ length: tasks }, (_, n) => ({ n })) },
  );

interface Node {
  readonly index: number;
  readonly state: string;
  readonly endedAt: string | null;
  readonly attempts: number;
  readonly output: { readonly json: unknown } | null;
}
const read = async (ask: Ask, session: string): Promise<readonly Node[]> => {
  const { tasks: list } = await ask<{ tasks: { nodes: readonly Node[] } }>(
    `query ($session: ID!) { tasks(filter: { sessions: [$session] }, first: 100) {
      nodes { index state endedAt attempts output { json } } } }`,
    { session },
  );
  return list.nodes;
};
const finished = (nodes: readonly Node[]) => nodes.filter(({ state }) => state === 'SUCCEEDED');

const isAlive = async (pid: number): Promise<boolean> => {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => ') Z');
  return !/\) Z/.test(stat);
};

describe('after kill -9 of the server', () => {
  it('what was finished is intact, the rest is done, and a repeated submission is the same session', async () => {
    const first = await start({ TASKS_HANG: 'yes' });
    const workers: number[] = [];
    let session: string;
    let before: readonly Node[] = [];
    try {
      ({
        submitTasks: {
          session: { id: session },
        },
      } = await submit(first.ask));
      await vi.waitFor(
        async () => {
          before = await read(first.ask, session);
          expect(finished(before)).toHaveLength(10);
          expect(before.filter(({ state }) => state === 'RUNNING')).toHaveLength(2);
        },
        { interval: 100 },
      );
      for (const line of first.program.stderr().split('\n'))
        if (line.includes('"text":"pid"'))
          workers.push((JSON.parse(line) as { worker: number }).worker);
    } finally {
      first.program.child.kill('SIGKILL');
      await first.program.exited;
    }
    expect(workers).toHaveLength(2);
    await vi.waitFor(async () => {
      expect(await Promise.all(workers.map(isAlive))).toEqual([false, false]);
    });

    const { program, ask } = await start({});
    await using running = program;
    const again = await submit(ask);
    expect(again.submitTasks).toEqual({ session: { id: session }, replayed: true });
    await vi.waitFor(
      async () => {
        expect(finished(await read(ask, session))).toHaveLength(tasks);
      },
      { interval: 100 },
    );
    const after = await read(ask, session);
    expect(after.map(({ output }) => output?.json)).toEqual(
      Array.from({ length: tasks }, (_, n) => n * n),
    );
    // No row is written again, and those that ran have had another attempt.
    expect(after.filter(({ index }) => index < 10)).toEqual(finished(before));
    expect(after.filter(({ attempts }) => attempts === 2)).toHaveLength(2);
    expect(running.child.exitCode).toBeNull();
  });
});
