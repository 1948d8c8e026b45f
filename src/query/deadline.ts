/** Work bounded in time: where it ignores its signal it is abandoned, never waited for. */

export interface Bounds {
  /** Aborts when the caller leaves. */
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  /** What the work fails with when the deadline passes. */
  readonly overdue: () => Error;
}

/** Settles with the work, or as soon as the caller leaves or the deadline passes; failed work is told to end. */
export async function within<T>(
  { signal, deadlineMs, overdue }: Bounds,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(overdue()), deadlineMs);
  try {
    const bounded = AbortSignal.any([signal, ending.signal]);
    return await unlessAborted(work(bounded), bounded);
  } catch (error) {
    ending.abort(error);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Visits every item until the signal aborts. The iterator is returned unless it ended by itself; that
 * is not awaited, as a generator returns only after its pending step, which may never settle.
 */
export async function each<T>(
  items: AsyncIterable<T>,
  signal: AbortSignal,
  visit: (item: T) => void,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  let ended = false;
  const visitAll = async (): Promise<void> => {
    for (;;) {
      const step = await iterator.next();
      if (step.done) ended = true;
      // Also where the iterator ended: on an abort it may just stop, and the rest would pass for nothing.
      signal.throwIfAborted();
      if (step.done) return;
      visit(step.value);
    }
  };
  try {
    // One race for all items: a race for each would keep its reactions until the signal is gone.
    await unlessAborted(visitAll(), signal);
  } finally {
    if (!ended) void close(iterator);
  }
}

async function close(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The work has failed already, with the reason that counts.
  }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the reason is whatever the caller gave
    const leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
