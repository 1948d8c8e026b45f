/** What a server says of itself between the steps of a bench: its memory, and how long its event loop stood still. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

export interface Memory {
  /** Bytes in use, garbage excluded. */
  readonly used: number;
  readonly resident: number;
}

export interface Observed {
  readonly memory: () => Promise<Memory>;
  /** Milliseconds, since the last time. */
  readonly longestBlock: () => number;
}

export function observed(): Observed {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  return {
    memory: async () => {
      for (let n = 0; n < 3; n += 1) {
        globalThis.gc?.();
        await pause(100);
      }
      const { heapUsed, external, rss } = process.memoryUsage();
      return { used: heapUsed + external, resident: rss };
    },
    longestBlock: () => {
      const longest = delay.max / 1e6;
      delay.reset();
      return longest;
    },
  };
}
