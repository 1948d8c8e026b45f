/** The error of a task as its output: the object that HTC-Grid's runtime makes of a function that raised. */

/** What the runtime of AWS Lambda calls a function that took too long. */
export const timedOutType = 'Sandbox.Timedout';

const stackLines = 20;

export function taskError(
  taskId: string,
  {
    type,
    message,
    stack,
  }: { readonly type: string; readonly message: string; readonly stack?: readonly string[] },
): string {
  return JSON.stringify({
    errorMessage: message,
    errorType: type,
    requestId: taskId,
    stackTrace: (stack ?? []).slice(0, stackLines),
  });
}

/** The same for whatever a function threw. */
export function thrown(taskId: string, error: unknown): string {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return taskError(taskId, { type: name, message, stack: (stack ?? '').split('\n').slice(1) });
}

export const timedOut = (taskId: string, limitMs: number): string =>
  taskError(taskId, {
    type: timedOutType,
    message: `Task timed out after ${(limitMs / 1000).toFixed(2)} seconds`,
  });

export const tooLarge = (taskId: string, maxBytes: number): string =>
  taskError(taskId, {
    type: 'OutputTooLarge',
    message: `The output has more than the ${String(maxBytes)} bytes that are kept.`,
  });

/** The output, or an error in its place where it is too large. */
export const bounded = (taskId: string, output: string, maxBytes: number): string =>
  Buffer.byteLength(output) <= maxBytes ? output : tooLarge(taskId, maxBytes);
