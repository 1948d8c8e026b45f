/** The function of a grid without a module: it shows that the grid computes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { TaskContext } from './task-function.js';

const maxSleepMs = 3_600_000;
const maxFibonacci = 90;

const order = z.looseObject({
  /** Works for that long. */
  sleepMs: z.number().min(0).max(maxSleepMs).optional(),
  /** Raises an error with this message. */
  fail: z.string().optional(),
  /** Computes this Fibonacci number; from the 79th on, beyond 2^53, as text. */
  fibonacci: z.int().min(0).max(maxFibonacci).optional(),
  /** HTC-Grid's own example sleeps for the first of them, in milliseconds, and returns it. */
  worker_arguments: z.array(z.union([z.string(), z.number()])).optional(),
});

/** Sleeps, fails or computes as the input says, and gives it back. */
export async function demonstrationTask(task: unknown, { signal }: TaskContext): Promise<unknown> {
  if (typeof task !== 'object' || task === null || Array.isArray(task)) return { result: task };
  const { sleepMs, fail, fibonacci, worker_arguments: workerArguments } = order.parse(task);
  const argument = Number(workerArguments?.[0]);
  const pauseMs = sleepMs ?? (Number.isFinite(argument) ? argument : 0);
  if (pauseMs > 0) await sleep(Math.min(pauseMs, maxSleepMs), undefined, { signal, ref: false });
  if (fail !== undefined) throw new Error(fail);
  if (workerArguments !== undefined) return Number.isFinite(argument) ? argument : workerArguments;
  const result = fibonacci === undefined ? null : fibonacciOf(fibonacci);
  return { result, sleptMs: pauseMs, echo: task };
}

function fibonacciOf(n: number): number | string {
  let [a, b] = [0n, 1n];
  for (let i = 0; i < n; i++) [a, b] = [b, a + b];
  return a > BigInt(Number.MAX_SAFE_INTEGER) ? String(a) : Number(a);
}
