/** A wait by a clock; rejects with the signal's reason where its caller has gone. */
import type { Clock } from '../../streams/clock.js';

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
