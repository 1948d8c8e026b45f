/**
 * Runs HTCondor's commands: no shell, a fixed environment, a deadline, a few at a time, killed when the
 * last one who waits goes away; identical commands in flight are one command.
 */
import { GridError } from '../../errors.js';
import { argvOf, kindOf, type Command, type CommandKind, type CommandPlace } from './command.js';
import { Child } from './child.js';
import { failureOf } from './errors.js';
import { LineWriting } from './line-writing.js';
import { Places } from './places.js';

export type CommandOutcome = 'ok' | 'failed' | 'timed-out' | 'cancelled';

export interface CommandReport {
  readonly kind: CommandKind;
  readonly outcome: CommandOutcome;
  readonly ms: number;
}

export interface RunnerOptions extends CommandPlace {
  /** Commands at once. @default 4 */
  readonly concurrency?: number | undefined;
  /** Commands that may wait for a place; more are THROTTLED. @default 256 */
  readonly queueLimit?: number | undefined;
  /** Milliseconds a command may take, and may wait for a place. @default 15000 */
  readonly deadlineMs?: number | undefined;
  /**
   * Milliseconds a timed-out command keeps its place: killing the client does not stop the schedd's
   * worker behind it. @default 5000
   */
  readonly coolDownMs?: number | undefined;
  /** Called as each command ends: for metrics. */
  readonly onCommand?: ((report: CommandReport) => void) | undefined;
}

export interface RunOptions {
  readonly signal: AbortSignal;
}

/** Bytes of a collected output; what is larger has to be streamed. */
const collectLimitBytes = 64 * 1024 * 1024;

export class CommandRunner {
  readonly deadlineMs: number;
  private readonly places: Places;
  private readonly coolDownMs: number;
  private readonly running = new Set<Child>();
  private readonly shared = new Map<string, Shared>();
  private readonly lines = new LineWriting((command) => this.start(command));
  private stopped = false;

  constructor(private readonly options: RunnerOptions) {
    this.deadlineMs = options.deadlineMs ?? 15_000;
    this.coolDownMs = options.coolDownMs ?? 5_000;
    this.places = new Places({
      concurrency: options.concurrency ?? 4,
      queueLimit: options.queueLimit ?? 256,
      waitMs: this.deadlineMs,
    });
  }

  /** The output as it arrives. Returning early kills the command; a failed command throws at the end. */
  async *stream(
    command: Command,
    signal: AbortSignal,
    turn: object = signal,
  ): AsyncGenerator<Buffer, void, undefined> {
    const release = await this.places.take(signal, turn);
    const startedAt = performance.now();
    let outcome: CommandOutcome = 'cancelled';
    try {
      if (this.stopped) throw new GridError('UNAVAILABLE', 'The server is stopping.');
      const child = this.start(this.lines.asItCan(command), signal);
      try {
        yield* child.output();
        const code = await child.exited;
        if (signal.aborted && child.killed === 'abort') {
          if (isTimeOut(signal.reason)) outcome = 'timed-out';
          throw signal.reason;
        }
        outcome = child.killed === 'deadline' ? 'timed-out' : 'failed';
        if (child.killed === 'deadline') throw timedOut(command, this.deadlineMs);
        const failure = failureOf(command, { code, stderr: child.stderr(), stdout: child.head() });
        if (failure !== undefined) throw failure;
        outcome = 'ok';
      } finally {
        child.kill('abort');
      }
    } finally {
      release(outcome === 'timed-out' ? this.coolDownMs : 0);
      this.options.onCommand?.({
        kind: kindOf[command.program],
        outcome,
        ms: performance.now() - startedAt,
      });
    }
  }

  /** The whole output; identical commands that are under way share one run. */
  collect(command: Command, signal: AbortSignal): Promise<Buffer> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const key = JSON.stringify([command.program, command.args]);
    let run = this.shared.get(key);
    if (run === undefined) {
      const started = new Shared((inner) => this.gather(command, inner, signal));
      run = started;
      this.shared.set(key, run);
      const forget = (): void => {
        if (this.shared.get(key) === started) this.shared.delete(key);
      };
      // A run without waiters is being killed: who comes now starts anew.
      started.controller.signal.addEventListener('abort', forget, { once: true });
      started.output.then(forget, forget);
    }
    return run.join(signal);
  }

  /** Kills every command and waits until they are gone. */
  async stop(): Promise<void> {
    this.stopped = true;
    const ends = [...this.running].map((child) => {
      child.kill('abort');
      return child.exited.catch(() => null);
    });
    this.places.stop();
    await Promise.all(ends);
  }

  private async gather(command: Command, signal: AbortSignal, turn: object): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of this.stream(command, signal, turn)) {
      bytes += chunk.length;
      if (bytes > collectLimitBytes) {
        throw new GridError(
          'LIMIT_EXCEEDED',
          `The pool's answer is over ${collectLimitBytes} bytes.`,
        );
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  private start(command: Command, signal?: AbortSignal): Child {
    const child = new Child(command, argvOf(command, this.options, this.deadlineMs), {
      deadlineMs: this.deadlineMs,
      signal,
    });
    this.running.add(child);
    const forget = (): unknown => this.running.delete(child);
    child.exited.then(forget, forget);
    return child;
  }
}

/** One run that several wait for; it is aborted when the last of them has gone. */
class Shared {
  readonly controller = new AbortController();
  readonly output: Promise<Buffer>;
  private waiters = 0;

  constructor(run: (signal: AbortSignal) => Promise<Buffer>) {
    this.output = run(this.controller.signal);
  }

  async join(signal: AbortSignal): Promise<Buffer> {
    this.waiters += 1;
    let onAbort: () => void = () => undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await Promise.race([this.output, aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.waiters -= 1;
      if (this.waiters === 0) this.controller.abort();
    }
  }
}

/** Whoever set the deadline, the schedd's worker behind the command runs on. */
const isTimeOut = (reason: unknown): boolean =>
  reason instanceof GridError && reason.code === 'TIMED_OUT';

export const timedOut = (command: Command, deadlineMs: number): GridError =>
  new GridError(
    'TIMED_OUT',
    `${command.program} did not answer within ${deadlineMs} ms. Ask for less, or try again later.`,
  );
