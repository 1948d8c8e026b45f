/** Who runs a task once it is claimed: this process, a worker process, or a command. */

export interface TaskOrder {
  readonly taskId: string;
  readonly sessionId: string;
  /** The input as JSON text. */
  readonly input: string;
}

export interface Executor {
  /**
   * Resolves with the output as JSON text; an error that the function raises is an output too. Rejects
   * with `WorkerGone` where whoever ran it ended before it answered. Once `signal` is aborted the task is
   * told to stop; the promise settles when its worker is free again.
   */
  run(order: TaskOrder, signal: AbortSignal): Promise<string>;
  /** What runs the tasks, in a few words. */
  describe(): string;
  /** Ends all that runs. */
  stop(): Promise<void>;
}

/** A worker that ended in the middle of a task: the task is for another one to do. */
export class WorkerGone extends Error {
  override readonly name = 'WorkerGone';
}

export interface ExecutorLimits {
  /** How long a task that was told to stop may take before its process is killed. @default 2000 */
  readonly graceMs?: number;
  /** Bytes of one output; a larger one becomes an error. @default 16_777_216 (16 MiB) */
  readonly maxOutputBytes?: number;
  /** Hears of each line that a task prints, cut to 4,096 characters. */
  readonly onLine?: (line: PrintedLine) => void;
}

export interface PrintedLine {
  readonly pid: number | undefined;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export const executorDefaults = {
  graceMs: 2000,
  maxOutputBytes: 16 * 1024 * 1024,
  onLine: (): void => undefined,
} as const satisfies Required<ExecutorLimits>;
