/** One child process with its deadline, the end of its stderr and the head of its stdout. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { environment, type Command } from './command.js';
import { startFailure } from './errors.js';

export interface ChildOptions {
  /** Milliseconds until it is killed. */
  readonly deadlineMs: number;
  /** Kills it when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** What it reads; nothing unless given. */
  readonly stdin?: string | undefined;
  /** Variables besides the fixed environment: never a request's own text. */
  readonly extra?: Readonly<Record<string, string>> | undefined;
  /** As much of stderr as is kept. @default 16384 */
  readonly stderrLimitBytes?: number;
}

/** As much of stdout as the rules for failures read. */
const headLimitBytes = 4 * 1024;

export class Child {
  readonly process: ChildProcessByStdio<Writable | null, Readable, Readable>;
  readonly exited: Promise<number | null>;
  killed: 'deadline' | 'abort' | undefined;
  private readonly errors: Buffer[] = [];
  private errorBytes = 0;
  private readonly heads: Buffer[] = [];
  private headBytes = 0;
  private closed = false;

  constructor(
    command: Command,
    [file, ...args]: readonly [string, ...string[]],
    { deadlineMs, signal, stdin, extra, stderrLimitBytes = 16 * 1024 }: ChildOptions,
  ) {
    // Its own process group: a prefix may fork, and a kill has to reach what it started.
    const options = { env: { ...environment(command), ...extra }, detached: true };
    if (stdin === undefined) {
      this.process = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    } else {
      const fed = spawn(file, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
      // A command may end before it has read all: its answer tells why, not the broken pipe.
      fed.stdin.on('error', () => undefined);
      fed.stdin.end(stdin);
      this.process = fed;
    }
    this.process.stderr.on('data', (chunk: Buffer) => {
      if (this.errorBytes < stderrLimitBytes) this.errors.push(chunk);
      this.errorBytes += chunk.length;
    });
    const timer = setTimeout(() => this.kill('deadline'), deadlineMs);
    const onAbort = (): void => this.kill('abort');
    signal?.addEventListener('abort', onAbort, { once: true });
    this.exited = new Promise<number | null>((resolve, reject) => {
      this.process.once('close', (code) => {
        this.closed = true;
        resolve(code);
      });
      this.process.once('error', (error) => reject(startFailure(command, error)));
    }).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    });
    this.exited.catch(() => undefined); // reported where it is awaited
  }

  /** Also of what the command left behind when it ended: that may hold its pipes open for ever. */
  kill(why: 'deadline' | 'abort'): void {
    const { pid } = this.process;
    if (pid === undefined || this.closed) return;
    this.killed ??= why;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It ended in between.
    }
    this.process.stdout.destroy();
    this.process.stderr.destroy();
  }

  /** What it writes, until it ends or is killed. */
  async *output(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for await (const chunk of this.process.stdout as AsyncIterable<Buffer>) {
        if (this.headBytes < headLimitBytes) this.heads.push(chunk.subarray(0, headLimitBytes));
        this.headBytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      // A kill closes the pipe early; the caller learns why it was killed.
      if (this.killed === undefined) throw error;
    }
  }

  stderr(): string {
    return Buffer.concat(this.errors).toString('utf8');
  }

  head(): string {
    return Buffer.concat(this.heads).toString('utf8');
  }
}
