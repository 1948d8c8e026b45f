/** One attempt at a task: claim, read the input, run, write the output, and only then finish. */
import type { TaskChange } from './change.js';
import { changeOf } from './change.js';
import type { DataPlane } from './data-plane.js';
import { inputKey, outputKey } from './data-plane.js';
import { decodeText, encodeOutput } from './encoding.js';
import type { Executor } from './executor.js';
import { WorkerGone } from './executor.js';
import { orRefused } from './give-back.js';
import { sessionOf } from './status.js';
import type { TableWriter } from './table-writer.js';
import { timedOut } from './task-error.js';

export interface AttemptSettings {
  readonly writer: TableWriter;
  readonly data: DataPlane;
  readonly executor: Executor;
  readonly emit: (session: string, changes: readonly TaskChange[]) => void;
  /** Failures that concern no caller. */
  readonly onError: (error: unknown) => void;
  readonly heartbeatEveryMs: number;
  readonly heartbeatMs: number;
  /** Undefined where a task may take as long as it likes. */
  readonly taskTimeoutMs: number | undefined;
}

/** @returns why the task has to be given to another worker; undefined where it is done, or not ours. */
export async function attempt(
  taskId: string,
  worker: string,
  abort: AbortController,
  settings: AttemptSettings,
): Promise<Error | undefined> {
  const { writer, data, executor, heartbeatEveryMs, heartbeatMs, onError } = settings;
  const expiry = () => Math.floor((Date.now() + heartbeatMs) / 1000);
  const session = sessionOf(taskId);
  const tell = (change: TaskChange | undefined) => {
    if (change !== undefined) settings.emit(session, [change]);
  };
  const claimed = await orRefused(writer.claim(taskId, worker, expiry(), worker));
  if (claimed === undefined) return undefined;
  tell(changeOf(claimed));
  const beat = setInterval(() => {
    orRefused(writer.heartbeat(taskId, worker, expiry())).then((row) => {
      // Another owner, or cancelled: what the function returns will be refused anyway.
      if (row === undefined) abort.abort(new WorkerGone('The claim was lost.'));
    }, onError);
  }, heartbeatEveryMs);
  try {
    const stored = await data.get(inputKey(taskId), Infinity);
    const input = stored === undefined ? undefined : inputOf(stored.text);
    if (input === undefined) return new Error('Its input is missing, or no JSON.');
    const output = await limited(taskId, settings.taskTimeoutMs, abort.signal, (signal) =>
      executor.run({ taskId, sessionId: session, input }, signal),
    );
    if (abort.signal.aborted) return undefined;
    await data.put([[outputKey(taskId), encodeOutput(output)]]);
    const finished = await orRefused(writer.finish(taskId, worker, Date.now()));
    if (finished !== undefined) tell(changeOf(finished));
    return undefined;
  } catch (error) {
    if (abort.signal.aborted) return undefined;
    // A worker that can't store its output, or is gone, has to give the task back.
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    clearInterval(beat);
  }
}

/** The output, or that of a task which took too long: it is told to stop like one that is cancelled. */
async function limited(
  taskId: string,
  limitMs: number | undefined,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<string>,
): Promise<string> {
  if (limitMs === undefined) return run(signal);
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort(new WorkerGone('The task took too long.'));
  }, limitMs);
  try {
    const output = await run(AbortSignal.any([signal, late.signal]));
    return late.signal.aborted ? timedOut(taskId, limitMs) : output;
  } catch (error) {
    if (late.signal.aborted && !signal.aborted) return timedOut(taskId, limitMs);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** The input as JSON text; undefined for what is none. */
function inputOf(stored: string): string | undefined {
  const text = decodeText(stored);
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
