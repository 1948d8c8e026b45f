/** Starts nothing: a test says when and how each run ends. */
import type { Ad } from '../../../src/classad/ad.js';
import type { Exit, Refusal, Run, Starter } from '../../../src/grids/condor/embedded/starter.js';

export interface HandRun {
  readonly id: string;
  readonly slot: string;
  readonly cpus: number;
  readonly memoryMb: number;
  readonly killed: boolean;
  end(how?: Partial<Exit>): void;
}

export class HandStarter implements Starter {
  /** Those that have not ended, oldest first. */
  readonly running: HandRun[] = [];
  starts = 0;

  start(job: Ad, slot: string): Run {
    this.starts += 1;
    let settle: (end: Exit | Refusal) => void = () => undefined;
    const ended = new Promise<Exit | Refusal>((resolve) => (settle = resolve));
    let killed = false;
    const run: HandRun = {
      id: `${job.number('ClusterId')}.${job.number('ProcId')}`,
      slot,
      cpus: job.number('RequestCpus') ?? 0,
      memoryMb: job.number('RequestMemory') ?? 0,
      get killed() {
        return killed;
      },
      end: (how = {}) => {
        this.running.splice(this.running.indexOf(run), 1);
        settle({ code: 0, signal: null, stdout: '', stderr: '', ...how });
      },
    };
    this.running.push(run);
    return { started: true, ended, kill: () => (killed = true) };
  }

  async stop(): Promise<void> {
    for (const run of [...this.running]) run.end({ code: null, signal: 9 });
  }
}
