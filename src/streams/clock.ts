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
