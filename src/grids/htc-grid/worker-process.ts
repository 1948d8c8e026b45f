/**
 * The program of a worker process: runs the task function, one task at a time, as the server says. It
 * ends with the server, also when that was killed and the function never gives the event loop back.
 */
import { Worker } from 'node:worker_threads';
import { bounded, thrown } from './task-error.js';
import type { TaskFunction } from './task-function.js';
import type { FromWorker, ToWorker, WorkerArguments } from './worker-protocol.js';

/** Text, so that it starts alike from TypeScript and from dist. */
const watchdog = `
const { workerData } = require('node:worker_threads');
setInterval(() => {
  if (process.ppid !== workerData.parent) process.kill(process.pid, 'SIGKILL');
}, 1000);
`;

const { module, maxOutputBytes } = JSON.parse(process.argv[2] ?? '{}') as WorkerArguments;
new Worker(watchdog, { eval: true, workerData: { parent: process.ppid } }).unref();
// The terminal's interrupt is for the server, which ends its workers in order.
process.on('SIGINT', () => undefined);
process.once('disconnect', () => process.exit(0));

let running: { readonly taskId: string; readonly abort: AbortController } | undefined;

async function start(): Promise<void> {
  const main = await load();
  process.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'run':
        void run(main, message);
        return;
      case 'abort':
        if (running?.taskId === message.taskId)
          running.abort.abort(new Error('The task is to stop: cancelled, or over its time limit.'));
        return;
      default:
        message satisfies never;
    }
  });
  tell({ kind: 'ready' });
}

async function load(): Promise<TaskFunction> {
  if (module === undefined) return (await import('./demonstration.js')).demonstrationTask;
  return (await import('./task-function.js')).loadTaskFunction(module);
}

async function run(
  main: TaskFunction,
  { taskId, sessionId, input }: Extract<ToWorker, { kind: 'run' }>,
): Promise<void> {
  const abort = new AbortController();
  running = { taskId, abort };
  let output: string;
  try {
    const context = { signal: abort.signal, taskId, sessionId };
    const result = await main(JSON.parse(input) as unknown, context);
    output = bounded(taskId, JSON.stringify(result) ?? 'null', maxOutputBytes);
  } catch (error) {
    output = thrown(taskId, error);
  }
  running = undefined;
  tell({ kind: 'done', taskId, output });
}

function tell(message: FromWorker): void {
  // A server that is gone hears nothing; the disconnect ends this process.
  process.send?.(message, undefined, undefined, () => undefined);
}

start().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.send?.({ kind: 'unusable', message } satisfies FromWorker, undefined, undefined, () =>
    process.exit(1),
  );
});
