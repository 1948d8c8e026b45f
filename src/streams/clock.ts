/** Time as streams use it, so that a test can hold it in its hand. */

export interface Clock {
  /** Epoch milliseconds: for what a client reads. */
  now(): number;
  /** Milliseconds that never go back: for intervals. */
  uptime(): number;
  /** Calls back after `ms`; the function given back cancels. */
  after(ms: number, callback: () => void): () => void;
}

/** `setTimeout` takes longer delays for 1 ms. */
const longestTimerMs = 2 ** 31 - 1;

/** The clock of the process. */
export const systemClock: Clock = {
  now: () => Date.now(),
  uptime: () => performance.now(),
  after: (ms, callback) => {
    let leftMs = Math.max(0, Math.ceil(ms));
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const nextMs = Math.min(leftMs, longestTimerMs);
      leftMs -= nextMs;
      timer = setTimeout(() => (leftMs > 0 ? arm() : callback()), nextMs);
    };
    arm();
    return () => clearTimeout(timer);
  },
};

/** A wait by a clock; rejects with the reason of the signal where nobody waits any more. */
export function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const end = clock.after(ms, () => {
      signal?.removeEventListener('abort', leave);
      resolve();
    });
    const leave = () => {
      end();
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', leave, { once: true });
  });
}
