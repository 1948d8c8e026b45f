/**
 * Tasks by a command, one process each: the input as JSON on its stdin, the output on its stdout. Text
 * that is no JSON becomes a JSON string; another exit code than 0 is an error of the task.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { Executor, ExecutorLimits, TaskOrder } from './executor.js';
import { executorDefaults, WorkerGone } from './executor.js';
import { readLines } from './lines.js';
import { taskError, tooLarge } from './task-error.js';

export interface CommandSettings extends ExecutorLimits {
  /** Program and arguments. */
  readonly command: readonly string[];
}

/** Lines of stderr that an error keeps. */
const errorLines = 20;
/** How long the pipes of a command that has ended may stay open: children of it may hold them. */
const drainMs = 500;

export class CommandExecutor implements Executor {
  readonly #command: readonly string[];
  readonly #limits: Required<ExecutorLimits>;
  readonly #running = new Set<ChildProcess>();

  constructor({ command, ...limits }: CommandSettings) {
    this.#command = command;
    this.#limits = { ...executorDefaults, ...limits };
  }

  async run({ taskId, sessionId, input }: TaskOrder, signal: AbortSignal): Promise<string> {
    const [program = '', ...words] = this.#command;
    const { graceMs, maxOutputBytes, onLine } = this.#limits;
    const child = spawn(program, words, {
      // A group of its own: what the command starts ends with it.
      detached: true,
      env: { ...process.env, HTC_TASK_ID: taskId, HTC_SESSION_ID: sessionId },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    let late: NodeJS.Timeout | undefined;
    const abort = () => {
      signalGroup(child, 'SIGTERM');
      late = setTimeout(() => {
        signalGroup(child, 'SIGKILL');
      }, graceMs);
    };
    try {
      const printed: string[] = [];
      readLines(child.stderr, (text) => {
        printed.push(text);
        if (printed.length > errorLines) printed.shift();
        onLine({ pid: child.pid, stream: 'stderr', text });
      });
      const output = outputOf(child, maxOutputBytes);
      // A command that does not read its input breaks the pipe; that is no failure.
      child.stdin.on('error', () => undefined);
      child.stdin.end(`${input}\n`);
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
      const { code, killedBy } = await ended(child, program);
      const text = output();
      if (text === undefined) return tooLarge(taskId, maxOutputBytes);
      if (killedBy !== null)
        throw new WorkerGone(`The command ended by ${killedBy} during the task.`);
      if (code === 0) return jsonOf(text);
      return taskError(taskId, {
        type: 'CommandFailed',
        message: `The command ended with exit code ${String(code)}${printed.length === 0 ? '.' : `: ${printed.at(-1) ?? ''}`}`,
        stack: printed,
      });
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', abort);
      this.#running.delete(child);
      signalGroup(child, 'SIGKILL');
    }
  }

  describe(): string {
    return `by the command ${this.#command[0] ?? ''}`;
  }

  async stop(): Promise<void> {
    for (const child of this.#running) signalGroup(child, 'SIGKILL');
  }
}

/** Collects stdout; a command that prints more than is kept is killed, and has no output. */
function outputOf(child: ChildProcess, maxBytes: number): () => string | undefined {
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
    else signalGroup(child, 'SIGKILL');
  });
  child.stdout?.on('error', () => undefined);
  return () => (bytes > maxBytes ? undefined : Buffer.concat(chunks).toString('utf8'));
}

function ended(
  child: ChildProcess,
  program: string,
): Promise<{ readonly code: number | null; readonly killedBy: string | null }> {
  return new Promise((resolve, reject) => {
    let drain: NodeJS.Timeout | undefined;
    child.once('error', (error) => {
      if (child.pid === undefined)
        reject(new WorkerGone(`The command ${program} can't be started: ${error.message}`));
    });
    child.once('exit', () => {
      drain = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, drainMs);
    });
    child.once('close', (code, killedBy) => {
      clearTimeout(drain);
      resolve({ code, killedBy });
    });
  });
}

function jsonOf(text: string): string {
  try {
    JSON.parse(text);
    return text.trim();
  } catch {
    return JSON.stringify(text.replace(/\r?\n$/, ''));
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody of the group is left.
  }
}
