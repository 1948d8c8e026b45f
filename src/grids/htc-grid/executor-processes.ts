/**
 * Tasks in worker processes, one task at a time in each: a function that computes without a pause, or
 * takes its process down, holds up nothing but itself. Processes start as they are needed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Executor, ExecutorLimits, TaskOrder } from './executor.js';
import { executorDefaults, WorkerGone } from './executor.js';
import { WorkerChild } from './worker-child.js';

export interface ProcessSettings extends ExecutorLimits {
  /** The module of the task function, absolute; undefined for the demonstration task. */
  readonly module: string | undefined;
}

/** After a process that ended before it finished a task, the next one starts this much later, doubled each time. */
const firstPauseMs = 50;
const longestPauseMs = 5000;

export class ProcessExecutor implements Executor {
  readonly #module: string | undefined;
  readonly #limits: Required<ExecutorLimits>;
  readonly #all = new Set<WorkerChild>();
  readonly #idle: WorkerChild[] = [];
  readonly #stopped = new AbortController();
  /** Processes in a row that ended without having finished a task. */
  #failures = 0;
  #died = 0;

  constructor({ module, ...limits }: ProcessSettings) {
    this.#module = module;
    this.#limits = { ...executorDefaults, ...limits };
  }

  /** Starts the first process, so that a module that can't be loaded is known at the start. */
  async prepare(): Promise<void> {
    const child = this.#start();
    await child.ready;
    this.#idle.push(child);
  }

  async run(order: TaskOrder, signal: AbortSignal): Promise<string> {
    const child = this.#idle.pop() ?? (await this.#another(signal));
    try {
      const output = await child.run(order, signal);
      this.#failures = 0;
      return output;
    } catch (error) {
      // A process that was killed because its task had to stop says nothing about the next one.
      if (!signal.aborted) this.#failures++;
      throw error;
    } finally {
      if (!child.ended && !this.#stopped.signal.aborted) this.#idle.push(child);
    }
  }

  describe(): string {
    const died =
      this.#died === 0 ? '' : `, ${String(this.#died)} ended by themselves or were killed`;
    return `in ${String(this.#all.size)} worker processes${died}`;
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new WorkerGone('The grid has been stopped.'));
    await Promise.all([...this.#all].map((child) => child.end()));
  }

  async #another(left: AbortSignal): Promise<WorkerChild> {
    const signal = AbortSignal.any([left, this.#stopped.signal]);
    signal.throwIfAborted();
    if (this.#failures > 0) {
      const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (this.#failures - 1));
      await sleep(pauseMs, undefined, { signal, ref: false });
    }
    return this.#start();
  }

  #start(): WorkerChild {
    const child = new WorkerChild(this.#module, this.#limits);
    this.#all.add(child);
    void child.gone.then(() => {
      this.#all.delete(child);
      if (this.#stopped.signal.aborted) return;
      this.#died++;
      const index = this.#idle.indexOf(child);
      if (index >= 0) this.#idle.splice(index, 1);
    });
    return child;
  }
}
