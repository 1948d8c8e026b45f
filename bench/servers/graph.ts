/** The real server with the real graph, over a pool or over rows in memory. */
import type { AnyGrid } from '../../src/grids/grid.js';
import { type CommandReport, openPool } from '../../src/grids/condor/index.js';
import type { Started } from '../child.js';
import { memoryPool } from '../memory-pool.js';
import { serve } from '../serve.js';

export interface GraphSettings {
  /** A folder with a real pool; rows in memory without it. */
  readonly dir?: string;
  /** Where its event log is. */
  readonly eventLog?: string;
  /** Operations at once; the bench is a single caller. */
  readonly operations?: number;
}

export async function start({ dir, eventLog, operations = 32 }: GraphSettings): Promise<Started> {
  const commands = new Commands();
  const grid: AnyGrid =
    dir === undefined
      ? memoryPool()
      : openPool({
          name: 'pool',
          prefix: { kind: 'exec', argv: ['chroot', dir] },
          deadlineMs: 60_000, // a slow machine is not what is measured
          ...(eventLog !== undefined && { eventLog: { path: eventLog } }),
          onCommand: (report) => commands.add(report),
        });
  const { url, stop } = await serve(grid, { operationsPerCaller: operations });
  return { url, answers: { commands: () => commands.take() }, stop };
}

export interface CommandCount {
  readonly commands: number;
  readonly atOnce: number;
}

/** How many commands ran, and how many of them at the same time. */
class Commands {
  private runs: { readonly from: number; readonly to: number }[] = [];

  add({ ms }: CommandReport): void {
    const to = performance.now();
    this.runs.push({ from: to - ms, to });
  }

  /** Since the last time. */
  take(): CommandCount {
    const { runs } = this;
    this.runs = [];
    const atOnce = runs.map(
      ({ from }) => runs.filter((run) => run.from <= from && from < run.to).length,
    );
    return { commands: runs.length, atOnce: Math.max(0, ...atOnce) };
  }
}
