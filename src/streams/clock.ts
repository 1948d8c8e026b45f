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

/** The clock of the process. A wait longer than 24 days calls back early: look at the time again. */
export const systemClock: Clock = {
  now: () => Date.now(),
  uptime: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, Math.min(Math.max(0, Math.ceil(ms)), longestTimerMs));
    return () => clearTimeout(timer);
  },
};
