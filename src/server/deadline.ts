/** Timers that keep no process alive and hold for any length of time. */

/**
 * How long streams may take to say END when the server stops: none needs as long, but for thousands of them
 * on a busy machine. Who reads nothing or says nothing is cut behind it.
 */
export const endFrameMs = 2_000;

/** A Node timer longer than this fires at once. */
const longestMs = 2 ** 31 - 1;

/** Calls `act` after `ms`; gives back how to cancel that. */
export function after(ms: number, act: () => void): () => void {
  const dueAt = Date.now() + ms;
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = Math.max(0, dueAt - Date.now());
    timer = setTimeout(() => (left > longestMs ? arm() : act()), Math.min(left, longestMs));
    timer.unref();
  };
  arm();
  return () => clearTimeout(timer);
}
