/** Whether commands can be made to write line by line where they run: found out once, beside the first that wants it. */
import type { Child } from './child.js';
import type { Command } from './command.js';

/** Asks no daemon. */
const trial: Command = { program: 'condor_q', args: ['-version'], lineByLine: true };

export class LineWriting {
  private tried = false;
  private works = false;

  constructor(private readonly start: (command: Command) => Child) {}

  /** Until it is known, and where it does not work, a command writes as it does by itself. */
  asItCan(command: Command): Command {
    if (!command.lineByLine || this.works) return command;
    if (!this.tried) {
      this.tried = true;
      // A process that can't start, as where file descriptors are used up, is no reason to fail a look-up.
      this.try().catch(() => undefined);
    }
    return { ...command, lineByLine: false };
  }

  private async try(): Promise<void> {
    const child = this.start(trial);
    child.process.stdout.resume();
    const code = await child.exited;
    // A loader that can't load the library says so, and starts the program without.
    this.works = code === 0 && !child.stderr().includes('LD_PRELOAD');
  }
}
