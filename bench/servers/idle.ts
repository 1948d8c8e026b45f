/** What a server says of itself between the steps of a bench: its memory, and how long its event loop stood still. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface Memory {
  /** Bytes in use, garbage excluded. */
  readonly used: number;
  readonly resident: number;
}

/** Milliseconds, each the most at a time. */
export interface Blocks {
  /** How long the event loop stood still, for whatever reason. */
  readonly stoodMs: number;
  /** How long it worked without giving others a turn. */
  readonly workedMs: number;
  /** How long it waited for a core that other work had. */
  readonly waitedMs: number;
}

export interface Observed {
  readonly memory: () => Promise<Memory>;
  /** Since the last time. */
  readonly blocks: () => Blocks;
}

const everyMs = 5;

export function observed(): Observed {
  let most: Blocks = { stoodMs: 0, workedMs: 0, waitedMs: 0 };
  let last = sinceStart();
  setInterval(() => {
    const now = sinceStart();
    most = {
      stoodMs: Math.max(most.stoodMs, now.stoodMs - last.stoodMs - everyMs),
      workedMs: Math.max(most.workedMs, now.workedMs - last.workedMs),
      waitedMs: Math.max(most.waitedMs, now.waitedMs - last.waitedMs),
    };
    last = now;
  }, everyMs).unref();
  return {
    memory: async () => {
      for (let n = 0; n < 3; n += 1) {
        globalThis.gc?.();
        await pause(100);
      }
      const { heapUsed, external, rss } = process.memoryUsage();
      return { used: heapUsed + external, resident: rss };
    },
    blocks: () => {
      const blocks = most;
      most = { stoodMs: 0, workedMs: 0, waitedMs: 0 };
      return blocks;
    },
  };
}

/** Of the thread of the event loop, as Linux counts it. */
function sinceStart(): Blocks {
  const { pid } = process;
  const text = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8');
  const [worked = 0, waited = 0] = text.split(' ').map(Number);
  return { stoodMs: performance.now(), workedMs: worked / 1e6, waitedMs: waited / 1e6 };
}
