/** A process of its own for what is measured: started by the bench, asked over the channel, ended with it. */
import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What the module of a child exports as `start`: it is called once, with the settings of the bench. */
export type Start<Settings> = (settings: Settings) => Promise<Started>;

export interface Started {
  readonly url: string;
  /** Questions that the bench may ask. */
  readonly answers?: Readonly<Record<string, () => unknown>>;
  stop(): Promise<unknown>;
}

/** Milliseconds a child may take to start or to answer. */
const patienceMs = 300_000;

export class Child {
  private constructor(
    private readonly process: ChildProcess,
    readonly url: string,
  ) {}

  /** One of ours, its libraries loaded as the program loads them. What it logs goes nowhere. */
  static start(module: string, settings: object): Promise<Child> {
    return Child.fork([module, 'production'], process.env, settings);
  }

  /** A peer as it comes: NODE_ENV unset, or set to production. */
  static startPeer(module: string, nodeEnv: 'production' | undefined): Promise<Child> {
    // An undefined variable is not passed on.
    return Child.fork([module], { ...process.env, NODE_ENV: nodeEnv }, {});
  }

  private static async fork(
    words: readonly string[],
    env: NodeJS.ProcessEnv,
    settings: object,
  ): Promise<Child> {
    const child = fork(fileURLToPath(new URL('./child-main.ts', import.meta.url)), words, {
      env,
      execArgv: [...process.execArgv, '--expose-gc'],
      stdio: ['ignore', 'inherit', process.env['BENCH_LOG'] ? 'inherit' : 'ignore', 'ipc'],
    });
    const { url } = (await exchange(child, { settings })) as { readonly url: string };
    return new Child(child, url);
  }

  ask<Answer>(question: string): Promise<Answer> {
    return exchange(this.process, { question }) as Promise<Answer>;
  }

  /**
   * How far the process grew beyond what it had, at its peak, in MB: of its resident memory, or of what it
   * uses of it if that is more. The start leaves room in the heap, in which growth would hide.
   */
  async growthOf(work: () => Promise<unknown>): Promise<number> {
    await this.ask('watch');
    const status = `/proc/${this.process.pid}/status`;
    writeFileSync(`/proc/${this.process.pid}/clear_refs`, '5'); // the peak starts from here
    const before = kilobytes(status, 'VmRSS');
    await work();
    const resident = (kilobytes(status, 'VmHWM') - before) / 1024;
    return Math.max(resident, await this.ask<number>('grown'));
  }

  /** Peak memory of the largest of its children while the work runs, in MB: looked at every few milliseconds. */
  async childrenDuring(work: () => Promise<unknown>): Promise<number> {
    const children = `/proc/${this.process.pid}/task/${this.process.pid}/children`;
    let peak = 0;
    const timer = setInterval(() => {
      for (const pid of readFileSync(children, 'utf8').split(' ').filter(Boolean)) {
        try {
          peak = Math.max(peak, kilobytes(`/proc/${pid}/status`, 'VmHWM') || 0);
        } catch {
          // It has ended.
        }
      }
    }, 5);
    try {
      await work();
    } finally {
      clearInterval(timer);
    }
    return peak / 1024;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.send({ question: 'stop' });
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(timer);
  }
}

/** One question, one answer: a bench asks one thing at a time. */
function exchange(child: ChildProcess, message: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      child.off('exit', onExit).off('message', onMessage);
      act();
    };
    const onExit = (code: number | null): void =>
      settle(() =>
        reject(new Error(`A child of the bench ended (${code}); BENCH_LOG=1 shows why.`)),
      );
    const onMessage = (answer: { readonly error?: string; readonly value?: unknown }): void =>
      settle(() =>
        answer.error === undefined ? resolve(answer.value) : reject(new Error(answer.error)),
      );
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      settle(() => reject(new Error(`A child of the bench did not answer in ${patienceMs} ms.`)));
    }, patienceMs);
    child.on('exit', onExit).on('message', onMessage);
    child.send(message);
  });
}

function kilobytes(status: string, name: string): number {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(status, 'utf8'));
  return Number(line?.[1]);
}
