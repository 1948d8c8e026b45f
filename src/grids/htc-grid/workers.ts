/**
 * The embedded grid's workers: they claim, renew, finish and give back tasks with the conditional
 * updates of a deployed grid, so that every race between them and a cancel ends the same way.
 */
import { GridError } from '../../errors.js';
import { Refused } from './calls.js';
import type { TaskChange } from './change.js';
import { changeOf } from './change.js';
import { eachOf } from './concurrency.js';
import type { DataPlane } from './data-plane.js';
import { inputKey, outputKey } from './data-plane.js';
import { decodeText, encodeOutput } from './encoding.js';
import type { TaskItem } from './item.js';
import { partitions, sessionOf } from './status.js';
import type { TableReader } from './table.js';
import type { TableWriter } from './table-writer.js';
import type { TaskFunction } from './task-function.js';
import { TaskQueue } from './task-queue.js';

export interface WorkersSettings {
  readonly reader: TableReader;
  readonly writer: TableWriter;
  readonly data: DataPlane;
  readonly run: TaskFunction;
  readonly emit: (session: string, changes: readonly TaskChange[]) => void;
  /** True for tasks that need no claim any more: cancelled while they waited. */
  readonly isOver: (taskId: string) => boolean;
  /** Failures that concern no caller. */
  readonly onError: (error: unknown) => void;
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
}

interface Running {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

export class Workers {
  readonly #settings: WorkersSettings &
    Required<
      Pick<
        WorkersSettings,
        'concurrency' | 'heartbeatEveryMs' | 'heartbeatMs' | 'expiryCheckMs' | 'maxRetries'
      >
    >;
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
      this.#sweeping ??= this.expire()
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
      for (const { taskId } of items) if (!this.#running.has(taskId)) await this.#giveBack(taskId);
    }
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
  }

  #pump(): void {
    while (!this.#stopped.signal.aborted && this.#running.size < this.#settings.concurrency) {
      const taskId = this.#queue.shift();
      if (taskId === undefined) return;
      if (this.#running.has(taskId) || this.#settings.isOver(taskId)) continue;
      const abort = new AbortController();
      const done = this.#work(taskId, abort.signal)
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

  /** One attempt: claim, read the input, run, write the output, and only then finish. */
  async #work(taskId: string, signal: AbortSignal): Promise<void> {
    const { writer, data } = this.#settings;
    const worker = `local-${String(process.pid)}-${String((this.#names = (this.#names + 1) % 1e9))}`;
    const claimed = await orRefused(writer.claim(taskId, worker, this.#expiry(), worker));
    if (claimed === undefined) return;
    this.#tell(claimed);
    const beat = setInterval(() => {
      void orRefused(writer.heartbeat(taskId, worker, this.#expiry())).then((row) => {
        // Another owner, or cancelled: what the function returns will be refused anyway.
        if (row === undefined) this.abort(taskId);
      }, this.#settings.onError);
    }, this.#settings.heartbeatEveryMs);
    try {
      const stored = await data.get(inputKey(taskId), Infinity);
      const input = stored === undefined ? undefined : decodeInput(stored.text);
      if (input === undefined) {
        await this.#giveBack(taskId);
        return;
      }
      const output = await this.#invoke(taskId, input.value, signal);
      if (signal.aborted) return;
      await data.put([[outputKey(taskId), encodeOutput(output)]]);
      const finished = await orRefused(writer.finish(taskId, worker, Date.now()));
      if (finished !== undefined) this.#tell(finished);
    } catch (error) {
      // A worker that can't store its output has to give the task back.
      await this.#giveBack(taskId);
      throw error;
    } finally {
      clearInterval(beat);
    }
  }

  /** The function's answer as JSON; an error it throws is an answer too, as on a deployed grid. */
  async #invoke(taskId: string, input: unknown, signal: AbortSignal): Promise<string> {
    try {
      const context = { signal, taskId, sessionId: sessionOf(taskId) };
      // A function that ignores the signal is left behind when its task is cancelled.
      const result = await Promise.race([this.#settings.run(input, context), rejected(signal)]);
      return JSON.stringify(result) ?? 'null';
    } catch (error) {
      const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
      return JSON.stringify({
        errorMessage: message,
        errorType: name,
        requestId: taskId,
        stackTrace: (stack ?? '').split('\n').slice(1, 20),
      });
    }
  }

  /** What the expiry check of a deployed grid does with a task whose worker is gone. */
  async #giveBack(taskId: string): Promise<void> {
    const { writer, reader, maxRetries } = this.#settings;
    const row = (await reader.items([taskId], undefined, { consistent: true })).get(taskId);
    if (row === undefined) return;
    const retries = row.retries ?? 0;
    const changed = await orRefused(
      retries >= maxRetries ? writer.fail(taskId) : writer.retry(taskId, retries + 1),
    );
    if (changed === undefined) return;
    this.#tell(changed);
    if (retries >= maxRetries) return;
    const priority = row.priority ?? 0;
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
      for (const { taskId } of claimed.items) await this.#giveBack(taskId);
    });
    this.#pump();
  }

  #expiry(): number {
    return Math.floor((Date.now() + this.#settings.heartbeatMs) / 1000);
  }

  #tell(row: TaskItem): void {
    const change = changeOf(row);
    if (change !== undefined) this.#settings.emit(row.sessionId, [change]);
  }
}

/** The row after an update; undefined where its condition did not hold. */
async function orRefused(update: Promise<TaskItem>): Promise<TaskItem | undefined> {
  try {
    return await update;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

function decodeInput(stored: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(decodeText(stored)) as unknown };
  } catch {
    return undefined;
  }
}

function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
