/** Starts jobs as processes of this machine: no shell, a process group and a scratch folder each, nothing left behind. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ad } from '../../../classad/ad.js';
import { GroupUsage, type Usage } from './group-usage.js';
import { OutputTail } from './output.js';
import { splitArgs, splitArguments, splitEnvironment } from './words.js';

/** How a process ended, and what it printed last. */
export interface Exit {
  readonly code: number | null;
  readonly signal: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined where nobody saw it run: it was too short, or the system does not tell. */
  readonly usage?: Usage | undefined;
}

/** The operating system refused to run the executable. */
export interface Refusal {
  readonly message: string;
  readonly errno: number;
}

export interface Run {
  /** False where it was refused: `ended` then says why. */
  readonly started: boolean;
  /** Settles once the process and its group are gone; never rejects. */
  readonly ended: Promise<Exit | Refusal>;
  /** SIGTERM to the group, SIGKILL after `graceMs`; 0 kills at once. */
  kill(graceMs: number): void;
}

export interface Starter {
  start(job: Ad, slotName: string): Run;
  /** Kills every group and resolves when all processes are gone. */
  stop(): Promise<void>;
}

export interface ProcessStarterOptions {
  /** Bytes of each of stdout and stderr that are kept, the last ones. @default 4096 */
  readonly outputBytes?: number | undefined;
}

/** How long a pipe that outlives its process (somebody left the group) is waited for. */
const pipeGraceMs = 200;

export class ProcessStarter implements Starter {
  /** Made with the first job. */
  #folder: string | undefined;
  readonly #groups = new Map<number, Promise<unknown>>();
  readonly #outputBytes: number;
  readonly #usage = new GroupUsage();
  #runs = 0;
  /** A process that ends without `stop` takes its jobs along all the same. */
  readonly #onProcessExit = (): void => {
    for (const pid of this.#groups.keys()) killGroup(pid, 'SIGKILL');
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  };

  constructor({ outputBytes = 4096 }: ProcessStarterOptions = {}) {
    this.#outputBytes = outputBytes;
    process.on('exit', this.#onProcessExit);
  }

  start(job: Ad, slotName: string): Run {
    try {
      return this.#spawn(job, slotName);
    } catch (error) {
      return { started: false, ended: Promise.resolve(refusalOf(error)), kill: () => undefined };
    }
  }

  async stop(): Promise<void> {
    for (const pid of this.#groups.keys()) killGroup(pid, 'SIGKILL');
    await Promise.all(this.#groups.values());
    await this.#usage.stop();
    process.removeListener('exit', this.#onProcessExit);
    if (this.#folder === undefined) return;
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #spawn(job: Ad, slotName: string): Run {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'htc-graph-pool-'));
    const scratch = join(this.#folder, String((this.#runs += 1)));
    mkdirSync(scratch);
    const child = spawn(job.string('Cmd') ?? '', argumentsOf(job), {
      cwd: scratch,
      // Nothing of the server's own environment: it may hold credentials.
      env: environmentOf(job, scratch, slotName),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { pid } = child;
    const outputs = [child.stdout, child.stderr].map(
      (stream) => new OutputTail(stream, this.#outputBytes),
    );
    const ended = this.#end(child, outputs, scratch);
    if (pid === undefined) return { started: false, ended, kill: () => undefined };
    this.#groups.set(pid, ended);
    let hard: NodeJS.Timeout | undefined;
    void ended.then(() => {
      clearTimeout(hard);
      this.#groups.delete(pid);
    });
    return {
      started: true,
      ended,
      kill: (graceMs) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        killGroup(pid, graceMs === 0 ? 'SIGKILL' : 'SIGTERM');
        hard ??= setTimeout(() => killGroup(pid, 'SIGKILL'), graceMs);
      },
    };
  }

  async #end(
    child: ChildProcess,
    outputs: readonly OutputTail[],
    scratch: string,
  ): Promise<Exit | Refusal> {
    const usage = child.pid === undefined ? () => undefined : this.#usage.watch(child.pid);
    const last = await lastOf(child);
    const used = usage();
    // What the job left running in its group ends with it.
    if (child.pid !== undefined) killGroup(child.pid, 'SIGKILL');
    for (const output of outputs) output.drain();
    const held = setTimeout(() => outputs.forEach((output) => output.close()), pipeGraceMs);
    await Promise.all(outputs.map(({ ended }) => ended));
    clearTimeout(held);
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
    if (last instanceof Error) return refusalOf(last);
    const [stdout = '', stderr = ''] = outputs.map((output) => output.text());
    return { ...last, stdout, stderr, usage: used };
  }
}

const lastOf = (child: ChildProcess): Promise<Pick<Exit, 'code' | 'signal'> | Error> =>
  new Promise((resolve) => {
    child.once('error', resolve);
    child.once('exit', (code, name) =>
      resolve({ code, signal: name === null ? null : constants.signals[name] }),
    );
  });

/** The group may be gone already. */
function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // No process is left in it.
  }
}

/** EINVAL where Node itself refuses the words. */
function refusalOf(error: unknown): Refusal {
  const { errno, message } = error as NodeJS.ErrnoException;
  return { message, errno: Math.abs(errno ?? constants.errno.EINVAL) };
}

function argumentsOf(job: Ad): readonly string[] {
  const quoted = job.string('Arguments');
  return quoted === null ? splitArgs(job.string('Args') ?? '') : splitArguments(quoted);
}

const environmentOf = (job: Ad, scratch: string, slotName: string): NodeJS.ProcessEnv => ({
  PATH: '/usr/local/bin:/usr/bin:/bin',
  LANG: 'C.UTF-8',
  HOME: scratch,
  TMPDIR: scratch,
  ...splitEnvironment(job.string('Environment') ?? ''),
  _CONDOR_SCRATCH_DIR: scratch,
  _CONDOR_SLOT: slotName.slice(0, slotName.indexOf('@')),
});
