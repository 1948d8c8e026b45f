/** Tasks in this process: for programs that embed the grid with a function of their own. */
import type { Executor, TaskOrder } from './executor.js';
import { bounded, thrown } from './task-error.js';
import type { TaskFunction } from './task-function.js';

export class InlineExecutor implements Executor {
  constructor(
    private readonly main: TaskFunction,
    private readonly maxOutputBytes: number,
  ) {}

  async run({ taskId, sessionId, input }: TaskOrder, signal: AbortSignal): Promise<string> {
    try {
      const task = JSON.parse(input) as unknown;
      // A function that ignores the signal is left behind: here nothing can end it.
      const result = await Promise.race([
        this.main(task, { signal, taskId, sessionId }),
        aborted(signal),
      ]);
      return bounded(taskId, JSON.stringify(result) ?? 'null', this.maxOutputBytes);
    } catch (error) {
      return thrown(taskId, error);
    }
  }

  describe(): string {
    return 'in this process';
  }

  async stop(): Promise<void> {
    // Functions end by their signals.
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
