/** What the server and a worker process tell each other over the channel between them. */

export type ToWorker =
  | {
      readonly kind: 'run';
      readonly taskId: string;
      readonly sessionId: string;
      /** JSON text. */
      readonly input: string;
    }
  | { readonly kind: 'abort'; readonly taskId: string };

export type FromWorker =
  | { readonly kind: 'ready' }
  /** The module can't be used; the process ends. */
  | { readonly kind: 'unusable'; readonly message: string }
  /** `output` is JSON text. */
  | { readonly kind: 'done'; readonly taskId: string; readonly output: string };

/** A task's own module may send messages too: what is not of ours is not heard. */
export function isFromWorker(message: unknown): message is FromWorker {
  if (typeof message !== 'object' || message === null || !('kind' in message)) return false;
  switch (message.kind) {
    case 'ready':
      return true;
    case 'unusable':
      return 'message' in message && typeof message.message === 'string';
    case 'done':
      return (
        'taskId' in message &&
        typeof message.taskId === 'string' &&
        'output' in message &&
        typeof message.output === 'string'
      );
    default:
      return false;
  }
}

/** The settings of a worker process, as its first argument. */
export interface WorkerArguments {
  /** Undefined for the demonstration task. */
  readonly module: string | undefined;
  readonly maxOutputBytes: number;
}
