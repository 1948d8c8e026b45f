/**
 * Runs commands that change something: each for itself, never shared, and on to its end when the caller
 * has gone. They have places of their own, so that neither they nor the queries wait for the other.
 */
import { GridError } from '../../../errors.js';
import { Child } from '../child.js';
import { argvOf, kindOf, type Command } from '../command.js';
import type { Ended } from '../errors.js';
import { Places } from '../places.js';
import { timedOut, type CommandOutcome, type RunnerOptions } from '../runner.js';
import type { Acting } from './identity.js';

export interface ActionOptions {
  /** Whose account, and how to get there. */
  readonly acting: Acting;
  readonly stdin?: string | undefined;
  /** Milliseconds until the command is killed. */
  readonly deadlineMs: number;
  /** Ends the wait for a place; what has begun goes on. */
  readonly signal: AbortSignal;
}

export type ActionRunnerOptions = Pick<RunnerOptions, 'path' | 'onCommand' | 'queueLimit'> & {
  /** Commands at once. @default 2 */
  readonly concurrency?: number | undefined;
  /** Milliseconds to wait for a place. */
  readonly waitMs: number;
};

/** A line for each of 1,000 jobs, and more. */
const outputLimitBytes = 64 * 1024 * 1024;
const stderrLimitBytes = 1024 * 1024;
/** Milliseconds that commands under way get to end when the server stops. */
const graceMs = 5_000;

export class ActionRunner {
  private readonly places: Places;
  private readonly running = new Set<Child>();
  private stopped = false;

  constructor(private readonly options: ActionRunnerOptions) {
    const { concurrency = 2, queueLimit = 256, waitMs } = options;
    this.places = new Places({ concurrency, queueLimit, waitMs });
  }

  /** How it ended, whatever the code; throws where it could not start or was killed at its deadline. */
  async run(command: Command, options: ActionOptions): Promise<Ended> {
    const release = await this.places.take(options.signal);
    const startedAt = performance.now();
    let outcome: CommandOutcome = 'failed';
    try {
      if (this.stopped) throw new GridError('UNAVAILABLE', 'The server is stopping.');
      const ended = await this.runNow(command, options);
      outcome = ended.code === 0 ? 'ok' : 'failed';
      return ended;
    } catch (error) {
      if (error instanceof GridError && error.code === 'TIMED_OUT') outcome = 'timed-out';
      throw error;
    } finally {
      release();
      const ms = performance.now() - startedAt;
      this.options.onCommand?.({ kind: kindOf[command.program], outcome, ms });
    }
  }

  /** Waits a while for what is under way, then kills it. */
  async stop(): Promise<void> {
    this.stopped = true;
    const ends = Promise.all([...this.running].map((child) => child.exited.catch(() => null)));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([ends, late]);
    clearTimeout(timer);
    for (const child of this.running) child.kill('abort');
    this.places.stop();
    await ends;
  }

  private async runNow(
    command: Command,
    { acting, stdin, deadlineMs }: ActionOptions,
  ): Promise<Ended> {
    const place = { prefix: acting.prefix, path: this.options.path };
    const argv = argvOf(command, place, deadlineMs, acting.environment);
    const child = new Child(command, argv, {
      deadlineMs,
      stdin,
      extra: acting.environment,
      stderrLimitBytes,
    });
    this.running.add(child);
    try {
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of child.output()) {
        bytes += chunk.length;
        // What does not fit is not kept; the command is not disturbed.
        if (bytes <= outputLimitBytes) chunks.push(chunk);
      }
      const code = await child.exited;
      if (child.killed === 'deadline') throw timedOut(command, deadlineMs);
      if (child.killed === 'abort') throw new GridError('UNAVAILABLE', 'The server is stopping.');
      return { code, stdout: Buffer.concat(chunks).toString('utf8'), stderr: child.stderr() };
    } finally {
      this.running.delete(child);
    }
  }
}
