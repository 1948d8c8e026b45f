/** Worker processes and commands: what a task does to its process is nobody else's trouble. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ProcessExecutor } from '../../src/grids/htc-grid/executor-processes.js';
import type { PrintedLine } from '../../src/grids/htc-grid/executor.js';
import type { EmbeddedSettings, HtcGrid } from '../../src/grids/htc-grid/index.js';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import { collect, live, plain, scanAll } from './support.js';

let folder: string;
let grid: HtcGrid | undefined;
const lines: PrintedLine[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'htc-worker-'));
  await writeFile(join(folder, 'task.mjs'), taskModule);
  await writeFile(
    join(folder, 'typed.ts'),
    'export default async (task: { n: number }): Promise<number> => task.n + 1;\n',
  );
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});
afterEach(async () => {
  await grid?.stop();
  grid = undefined;
  lines.length = 0;
});

/** Does to its process what the task says. */
const taskModule = `
import { existsSync, writeFileSync } from 'node:fs';
export default async (task, { signal, taskId }) => {
  if (task.say) console.log(task.say);
  if (task.crashOnce && !existsSync(task.crashOnce)) {
    writeFileSync(task.crashOnce, '');
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => {});
  }
  if (task.exit !== undefined) process.exit(task.exit);
  if (task.spin) for (;;);
  if (task.wait) {
    console.log('waiting');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    writeFileSync(task.wait, signal.reason.message);
  }
  if (task.long) return 'x'.repeat(task.long);
  return { pid: process.pid, taskId };
};
`;

const open = async (
  more: Partial<EmbeddedSettings>,
  workers: EmbeddedSettings['workers'] = {},
): Promise<HtcGrid> => {
  grid = await openEmbedded({
    name: 'local',
    ...more,
    workers: {
      concurrency: 2,
      graceMs: 200,
      onLine: (line) => {
        lines.push(line);
      },
      ...workers,
    },
  });
  return grid;
};
const withModule = (workers: EmbeddedSettings['workers'] = {}) =>
  open({ handler: join(folder, 'task.mjs') }, workers);
const patience = { timeout: 20_000 };
const submit = async (on: HtcGrid, payloads: readonly unknown[]) => {
  const { session, taskIds } = await on.submit(plain(payloads), live());
  const id = session?.nativeId ?? '';
  return { id, taskIds, log: await on.follow(id, live()) };
};
const outputOf = async (on: HtcGrid, taskId: string | undefined): Promise<unknown> =>
  (await on.payload(taskId ?? '', 'output', 10_000, live()))?.json;
const fields = ['state', 'failure', 'attempts', 'index'];
const rowsOf = async (on: HtcGrid, session: string) => {
  const [source] = await on.tasks([session], live());
  const rows = await scanAll(source, fields);
  return rows.sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
};
const said = (text: string) =>
  vi.waitFor(() => {
    const line = lines.find((one) => one.text === text);
    expect(line).toBeDefined();
    return line as PrintedLine;
  }, patience);

/** False for a process that has ended, also where nobody has asked for its exit code yet. */
const isAlive = async (pid: number): Promise<boolean> => {
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => ') Z');
  return !/\) Z/.test(stat);
};

describe('worker processes', () => {
  let on: HtcGrid;
  beforeAll(async () => {
    on = await withModule({ maxRetries: 1, maxOutputBytes: 1000 });
    grid = undefined;
  });
  afterAll(() => on.stop());

  it('run the module outside of the server, and hear what it prints', async () => {
    const { taskIds, log } = await submit(on, [{ say: 'hello' }]);
    await collect(log);
    const output = (await outputOf(on, taskIds[0])) as { pid: number; taskId: string };
    expect(output.taskId).toBe(taskIds[0]);
    expect(output.pid).not.toBe(process.pid);
    expect(await said('hello')).toEqual({ pid: output.pid, stream: 'stdout', text: 'hello' });
  });

  it('run a module in TypeScript where tsx or Node can load it', async () => {
    const typed = await open({ handler: join(folder, 'typed.ts') });
    const { taskIds, log } = await submit(typed, [{ n: 41 }]);
    await collect(log);
    expect(await outputOf(typed, taskIds[0])).toBe(42);
  });

  it('that are killed lose their task to another one', async () => {
    const { id, log } = await submit(on, [{ crashOnce: join(folder, 'crashed') }, {}, {}]);
    expect((await collect(log)).map(({ state }) => state)).toEqual(Array(3).fill('SUCCEEDED'));
    expect((await rowsOf(on, id)).map(({ attempts }) => attempts)).toEqual([2, 1, 1]);
    const { components } = await on.health(live());
    expect(components.find(({ name }) => name === 'workers')?.detail).toContain(
      '1 ended by themselves',
    );
  });

  it('that are killed from outside, while the function never gives the loop back, do too', async () => {
    const { id, log } = await submit(on, [{ say: 'spinning', spin: true }]);
    const { pid } = await said('spinning');
    lines.length = 0;
    process.kill(pid ?? 0, 'SIGKILL');
    expect((await said('spinning')).pid).not.toBe(pid);
    // The loop of this process was never blocked: it still answers, and ends the task.
    expect(await on.cancel([id], false, live())).toMatchObject([{ cancelledProcessing: 1 }]);
    expect(await collect(log)).toMatchObject([{ state: 'CANCELLED' }]);
    const next = await submit(on, [{}, {}, {}]);
    expect(await collect(next.log)).toHaveLength(3);
  });

  it('fail a task that takes every one of them down, and keep the reason', async () => {
    const { id, taskIds, log } = await submit(on, [{ exit: 7 }]);
    expect(await collect(log)).toMatchObject([{ state: 'FAILED' }]);
    expect(await rowsOf(on, id)).toMatchObject([
      { attempts: 2, failure: { kind: 'RETRIES_EXHAUSTED' } },
    ]);
    const error = await on.payload(taskIds[0] ?? '', 'error', 10_000, live());
    expect(error?.json).toMatchObject({
      errorMessage: 'The worker process ended with exit code 7 during the task.',
    });
  });

  it('tell a function that is cancelled to stop', async () => {
    const mark = join(folder, 'aborted');
    const { id } = await submit(on, [{ wait: mark }]);
    await said('waiting');
    await on.cancel([id], false, live());
    await vi.waitFor(async () => {
      expect(await readFile(mark, 'utf8')).toMatch(/cancelled/);
    }, patience);
  });

  it('end a task at its time limit, whether it listens or not', async () => {
    const limited = await withModule({ taskTimeoutMs: 300 });
    const { id, log } = await submit(limited, [{ wait: join(folder, 'late') }, { spin: true }]);
    await collect(log);
    for (const row of await rowsOf(limited, id))
      expect(row).toMatchObject({
        state: 'SUCCEEDED',
        failure: { kind: 'TIMEOUT', message: expect.stringContaining('after 0.30 s') as string },
      });
  });

  it('keep outputs up to the bound', async () => {
    const { id, taskIds, log } = await submit(on, [{ long: 998 }, { long: 999 }]);
    await collect(log);
    expect(await outputOf(on, taskIds[0])).toHaveLength(998);
    expect((await rowsOf(on, id))[1]?.failure?.message).toContain('OutputTooLarge');
  });

  it.each([
    ['is not there', 'none.mjs', /can't be loaded/],
    ['exports no function', 'empty.mjs', /default export/],
    ['ends its process', 'exits.mjs', /ended before it was ready/],
  ])('say at the start that the module %s', async (_what, file, message) => {
    await writeFile(join(folder, 'empty.mjs'), 'export const a = 1;\n');
    await writeFile(join(folder, 'exits.mjs'), 'process.exit(3);\n');
    await expect(open({ handler: join(folder, file) })).rejects.toThrow(message);
  });
});

describe('a command', () => {
  const shell = (line: string): Partial<EmbeddedSettings> => ({ exec: ['/bin/sh', '-c', line] });

  it('gets the task as JSON, and its JSON is the output', async () => {
    const on = await open(shell('cat'));
    const { taskIds, log } = await submit(on, [{ n: [1, 'é'] }]);
    await collect(log);
    expect(await outputOf(on, taskIds[0])).toEqual({ n: [1, 'é'] });
  });

  it('may ignore its input, print plain text, and know its task', async () => {
    const on = await open(shell('echo "$HTC_TASK_ID"'));
    const { taskIds, log } = await submit(on, ['x'.repeat(200_000)]);
    await collect(log);
    expect(await outputOf(on, taskIds[0])).toBe(taskIds[0]);
  });

  it('fails its task with another exit code than 0, with the end of its stderr', async () => {
    const on = await open(shell('echo first >&2; echo "no such file" >&2; exit 3'));
    const { id, log } = await submit(on, [1]);
    await collect(log);
    expect(await rowsOf(on, id)).toMatchObject([
      {
        state: 'SUCCEEDED',
        failure: {
          kind: 'FUNCTION_ERROR',
          message: 'CommandFailed: The command ended with exit code 3: no such file',
        },
      },
    ]);
  });

  it('that is killed is tried again', async () => {
    const mark = join(folder, 'killed');
    const on = await open(shell(`test -e ${mark} && echo 5 || { touch ${mark}; kill -9 $$; }`));
    const { id, taskIds, log } = await submit(on, [1]);
    await collect(log);
    expect(await outputOf(on, taskIds[0])).toBe(5);
    expect(await rowsOf(on, id)).toMatchObject([{ attempts: 2 }]);
  });

  it('is killed with all that it started when its task is cancelled', async () => {
    const on = await open(shell('trap "" TERM; sleep 1000 & echo $! >&2; wait; wait'));
    const { id } = await submit(on, [1]);
    const { text } = await vi.waitFor(() => {
      expect(lines).toHaveLength(1);
      return lines[0] as PrintedLine;
    }, patience);
    await on.cancel([id], false, live());
    await vi.waitFor(async () => {
      expect(await isAlive(Number(text))).toBe(false);
    }, patience);
  });

  it('that prints without end is stopped at the bound', async () => {
    const on = await open(shell('yes'), { maxOutputBytes: 100_000 });
    const { id, log } = await submit(on, [1]);
    await collect(log);
    expect((await rowsOf(on, id))[0]?.failure?.message).toContain('OutputTooLarge');
  });

  it('that does not exist fails the task after its retries', async () => {
    const on = await open({ exec: ['/none/such'] }, { maxRetries: 0 });
    const { taskIds, log } = await submit(on, [1]);
    expect(await collect(log)).toMatchObject([{ state: 'FAILED' }]);
    const error = await on.payload(taskIds[0] ?? '', 'error', 10_000, live());
    expect(error?.text).toContain("can't be started");
  });
});

describe('a process that does not get ready', () => {
  it('holds up neither a cancelled task nor one over its time limit, and is ended', async () => {
    const module = join(folder, 'slow.mjs');
    await writeFile(module, 'await new Promise((done) => setTimeout(done, 3_600_000));\n');
    const executor = new ProcessExecutor({ module, graceMs: 50 });
    onTestFinished(() => executor.stop());
    const abort = new AbortController();
    const order = { taskId: 't_0', sessionId: 't', input: '{}' };
    const run = executor.run(order, abort.signal);
    // It waits for the process now.
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(executor.describe()).toContain('in 1 worker');
    abort.abort(new Error('Cancelled.'));
    await expect(run).rejects.toThrow();
    await vi.waitFor(() => expect(executor.describe()).toContain('in 0 worker'), patience);
    await expect(executor.run(order, abort.signal)).rejects.toThrow('Cancelled.');
  });
});
