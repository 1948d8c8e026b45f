/**
 * The embedded grid's workers: they claim, renew, finish and give back tasks with the conditional
 * updates of a deployed grid, so that every race between them and a cancel ends the same way.
 */
import { GridError } from '../../errors.js';
import type { AttemptSettings } from './attempt.js';
import { attempt } from './attempt.js';
import { eachOf } from './concurrency.js';
import { WorkerGone } from './executor.js';
import type { GiveBackSettings } from './give-back.js';
import { giveBack } from './give-back.js';
import type { TaskItem } from './item.js';
import { partitions } from './status.js';
import { TaskQueue } from './task-queue.js';

export interface WorkerLimits {
  /** Tasks at once. @default 4 */
  readonly concurrency?: number;
  /** @default 5000 */
  readonly heartbeatEveryMs?: number;
  /** How long a claim lasts without renewal; whole seconds count. @default 30_000 */
  readonly heartbeatMs?: number;
  /** How often claims of vanished workers are looked for. @default 10_000 */
  readonly expiryCheckMs?: number;
  /** @default 5, as upstream */
  readonly maxRetries?: number;
  /** How long a task may take; it is told to stop then, and its output is the error of a time-out. @default none */
  readonly taskTimeoutMs?: number | undefined;
}

type Parts = Pick<GiveBackSettings, 'reader' | 'writer' | 'data' | 'emit'> &
  Pick<AttemptSettings, 'executor' | 'onError'>;

export interface WorkersSettings extends Parts, WorkerLimits {
  /** True where others submit to the table too: rows that wait are looked for when there is nothing to do. */
  readonly shared?: boolean;
  /** True for tasks that need no claim any more: cancelled while they waited. */
  readonly isOver: (taskId: string) => boolean;
}

interface Running {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

export class Workers {
  readonly #settings: WorkersSettings &
    Required<Omit<WorkerLimits, 'taskTimeoutMs'>> & { readonly taskTimeoutMs: number | undefined };
  readonly #queue = new TaskQueue();
  readonly #running = new Map<string, Running>();
  /** Priorities of tasks given back by an attempt that has not ended yet: queued when it has. */
  readonly #again = new Map<string, number>();
  readonly #stopped = new AbortController();
  #sweep: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #names = 0;

  constructor(settings: WorkersSettings) {
    this.#settings = {
      concurrency: 4,
      heartbeatEveryMs: 5000,
      heartbeatMs: 30_000,
      expiryCheckMs: 10_000,
      maxRetries: 5,
      taskTimeoutMs: undefined,
      ...settings,
    };
  }

  get running(): number {
    return this.#running.size;
  }
  get queued(): number {
    return this.#queue.size;
  }

  /** Takes up what an earlier process `left` in the table, then looks for expired claims now and then. */
  async start(left: boolean): Promise<void> {
    if (left) await this.#takeUp();
    this.#sweep = setInterval(() => {
      this.#sweeping ??= this.#look()
        .catch(this.#settings.onError)
        .finally(() => {
          this.#sweeping = undefined;
        });
    }, this.#settings.expiryCheckMs).unref();
  }

  enqueue(taskIds: readonly string[], priority: number): void {
    this.#queue.push(taskIds, priority);
    this.#pump();
  }

  /** How the tasks are run, in a few words. */
  describe(): string {
    return this.#settings.executor.describe();
  }

  /** Tells the function of a task that was cancelled to stop. */
  abort(taskId: string): void {
    this.#running.get(taskId)?.abort.abort(new GridError('UNAVAILABLE', 'The task was cancelled.'));
  }

  /** Gives back tasks whose claim has expired, or fails them after the last retry. */
  async expire(): Promise<void> {
    const beforeSec = Math.floor(Date.now() / 1000);
    for (let partition = 0; partition < partitions; partition++) {
      const { items } = await this.#settings.reader.byHeartbeat(
        'processing',
        partition,
        { beforeSec, limit: 200 },
        this.#stopped.signal,
      );
      for (const { taskId } of items)
        if (!this.#running.has(taskId)) await this.#giveBack(taskId, expired);
    }
  }

  async #look(): Promise<void> {
    await this.expire();
    if (this.#settings.shared === true && this.#queue.size === 0) await this.takeUpWaiting();
  }

  /** Queues rows that wait and were not queued here: submitted by others, or given back by their expiry check. */
  async takeUpWaiting(): Promise<void> {
    const found: TaskItem[] = [];
    await eachOf(Array.from({ length: partitions }).keys(), 8, async (partition) => {
      const range = { limit: 200 };
      const { signal } = this.#stopped;
      found.push(
        ...(await this.#settings.reader.byHeartbeat('pending', partition, range, signal)).items,
      );
    });
    // What was submitted here meanwhile is queued already.
    if (this.#queue.size > 0) return;
    for (const { taskId, priority } of found)
      if (!this.#running.has(taskId)) this.#queue.push([taskId], priority ?? 0);
    this.#pump();
  }

  /** Functions are told to stop and waited for; rows they had stay claimed, as with any worker that goes. */
  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    const reason = new GridError('UNAVAILABLE', 'The grid has been stopped.');
    this.#stopped.abort(reason);
    const all = [...this.#running.values()];
    for (const { abort } of all) abort.abort(reason);
    const grace = new Promise((resolve) => setTimeout(resolve, 2000).unref());
    await Promise.race([Promise.all([this.#sweeping, ...all.map(({ done }) => done)]), grace]);
    await this.#settings.executor.stop();
  }

  #pump(): void {
    while (!this.#stopped.signal.aborted && this.#running.size < this.#settings.concurrency) {
      const taskId = this.#queue.shift();
      if (taskId === undefined) return;
      if (this.#running.has(taskId) || this.#settings.isOver(taskId)) continue;
      const abort = new AbortController();
      const done = this.#attempt(taskId, abort)
        .catch((error: unknown) => {
          if (!this.#stopped.signal.aborted) this.#settings.onError(error);
        })
        .finally(() => {
          this.#running.delete(taskId);
          const again = this.#again.get(taskId);
          this.#again.delete(taskId);
          if (again !== undefined) this.#queue.push([taskId], again);
          this.#pump();
        });
      this.#running.set(taskId, { abort, done });
    }
  }

  async #attempt(taskId: string, abort: AbortController): Promise<void> {
    const { onError } = this.#settings;
    const worker = `local-${String(process.pid)}-${String((this.#names = (this.#names + 1) % 1e9))}`;
    const reason = await attempt(taskId, worker, abort, this.#settings);
    if (reason === undefined || this.#stopped.signal.aborted) return;
    onError(reason);
    await this.#giveBack(taskId, reason);
  }

  async #giveBack(taskId: string, reason: Error): Promise<void> {
    const priority = await giveBack(taskId, reason, this.#settings);
    if (priority === undefined) return;
    if (this.#running.has(taskId)) this.#again.set(taskId, priority);
    else this.enqueue([taskId], priority);
  }

  /** Rows of an earlier process with the same folder: its workers are gone, so no claim stands. */
  async #takeUp(): Promise<void> {
    const { reader } = this.#settings;
    await eachOf(Array.from({ length: partitions }).keys(), 8, async (partition) => {
      const claimed = await reader.byHeartbeat('processing', partition, {}, undefined);
      const waiting = await reader.byHeartbeat('pending', partition, {}, undefined);
      for (const { taskId, priority } of waiting.items) this.#queue.push([taskId], priority ?? 0);
      for (const { taskId } of claimed.items) await this.#giveBack(taskId, vanished);
    });
    this.#pump();
  }
}

const expired = new WorkerGone('Its worker did not renew its claim.');
const vanished = new WorkerGone('Its worker ended with an earlier process of the server.');
