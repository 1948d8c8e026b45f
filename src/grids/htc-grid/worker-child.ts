/** One worker process: started, told what to run, heard, and ended. */
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { GridError } from '../../errors.js';
import type { ExecutorLimits, TaskOrder } from './executor.js';
import { WorkerGone } from './executor.js';
import { readLines } from './lines.js';
import { isFromWorker } from './worker-protocol.js';
import type { ToWorker, WorkerArguments } from './worker-protocol.js';

interface Waiting {
  readonly taskId: string;
  readonly resolve: (output: string) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerChild {
  /** Resolves once the module is loaded. */
  readonly ready: Promise<void>;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
  readonly #child: ChildProcess;
  readonly #graceMs: number;
  #waiting: Waiting | undefined;
  #unusable: GridError | undefined;
  #ended = false;

  constructor(module: string | undefined, limits: Required<ExecutorLimits>) {
    const { graceMs, maxOutputBytes, onLine } = limits;
    this.#graceMs = graceMs;
    const settings: WorkerArguments = { module, maxOutputBytes };
    this.#child = fork(entry, [JSON.stringify(settings)], {
      execArgv: loadersFor(module),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const child = this.#child;
    for (const stream of ['stdout', 'stderr'] as const)
      readLines(child[stream], (text) => {
        onLine({ pid: child.pid, stream, text });
      });
    // A message to a process that is gone fails; that it is gone is said by its end.
    child.on('error', () => undefined);
    this.gone = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#ended = true;
        const how = signal === null ? `with exit code ${String(code)}` : `by ${signal}`;
        this.#waiting?.reject(
          this.#unusable ?? new WorkerGone(`The worker process ended ${how} during the task.`),
        );
        this.#waiting = undefined;
        resolve();
      });
    });
    this.ready = new Promise((resolve, reject) => {
      child.on('message', (message) => {
        if (!isFromWorker(message)) return;
        if (message.kind === 'ready') resolve();
        else if (message.kind === 'unusable') {
          this.#unusable = new GridError('UNAVAILABLE', message.message);
          reject(this.#unusable);
        } else if (message.taskId === this.#waiting?.taskId) {
          this.#waiting.resolve(message.output);
          this.#waiting = undefined;
        }
      });
      void this.gone.then(() => {
        reject(this.#unusable ?? new WorkerGone('The worker process ended before it was ready.'));
      });
    });
    // Who waits for it hears of a failure; nobody may.
    this.ready.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * One task at a time; the process may be used again when the promise has settled, unless it ended. One
   * that does not get ready is killed like one whose task does not stop.
   */
  async run({ taskId, sessionId, input }: TaskOrder, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    let late: NodeJS.Timeout | undefined;
    const abort = () => {
      if (this.#waiting !== undefined) this.#send({ kind: 'abort', taskId });
      late = setTimeout(() => this.#child.kill('SIGKILL'), this.#graceMs);
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      await this.ready;
      signal.throwIfAborted();
      return await new Promise<string>((resolve, reject) => {
        if (this.#ended) {
          reject(this.#unusable ?? new WorkerGone('The worker process has ended.'));
          return;
        }
        this.#waiting = { taskId, resolve, reject };
        this.#send({ kind: 'run', taskId, sessionId, input });
      });
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', abort);
    }
  }

  /** The process ends when its channel closes; one that does not is killed. */
  async end(): Promise<void> {
    if (this.#ended) return;
    if (this.#child.connected) this.#child.disconnect();
    const late = setTimeout(() => this.#child.kill('SIGKILL'), this.#graceMs);
    await this.gone;
    clearTimeout(late);
  }

  #send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
}

/** The entry stands beside this module, as TypeScript or as built. */
const ownEnding = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const entry = fileURLToPath(new URL(`./worker-process${ownEnding}`, import.meta.url));

/** What Node has to load first: the loaders of this process, and one for TypeScript where it is needed. */
function loadersFor(module: string | undefined): string[] {
  const found = ownLoaders();
  if (found.some((argument) => argument.includes('tsx'))) return found;
  if (ownEnding === '.ts') return [...found, '--import', import.meta.resolve('tsx')];
  if (module === undefined || !/\.[cm]?tsx?$/.test(module) || stripsTypes()) return found;
  try {
    return [...found, '--import', pathToFileURL(createRequire(module).resolve('tsx')).href];
  } catch {
    throw new GridError(
      'UNAVAILABLE',
      `The task module ${module} is TypeScript, which this Node can't load: use Node 22.18 or newer, install tsx beside the module, or give the JavaScript.`,
    );
  }
}

function ownLoaders(): string[] {
  const { execArgv } = process;
  return execArgv.flatMap((argument, index) => {
    if (/^(--import|--require|-r|--loader|--experimental-loader)$/.test(argument))
      return [argument, execArgv[index + 1] ?? ''];
    return /^--(import|require|loader|experimental-loader)=/.test(argument) ? [argument] : [];
  });
}

const stripsTypes = (): boolean =>
  'typescript' in process.features && Boolean(process.features.typescript);
