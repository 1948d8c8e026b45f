/** What a worker runs: the default export of the user's module. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GridError } from '../../errors.js';

export interface TaskContext {
  /** Aborted when the task is cancelled or the grid stops. */
  readonly signal: AbortSignal;
  readonly taskId: string;
  readonly sessionId: string;
}

/** Gets the task's input as it was submitted; what it returns is the output, what it throws the error. */
export type TaskFunction = (task: unknown, context: TaskContext) => unknown;

/** The default export of a module; relative paths are from the working directory. */
export async function loadTaskFunction(path: string): Promise<TaskFunction> {
  const file = resolve(path);
  let module: unknown;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    throw new GridError(
      'UNAVAILABLE',
      `The task module ${file} can't be loaded: ${String(error)}`,
      {
        cause: error,
      },
    );
  }
  const main =
    typeof module === 'object' && module !== null && 'default' in module
      ? module.default
      : undefined;
  if (typeof main !== 'function')
    throw new GridError(
      'UNAVAILABLE',
      `The task module ${file} must have a default export: async (task, { signal, taskId, sessionId }) => result.`,
    );
  return main as TaskFunction;
}
