/** A log that is over for its reader at a time of its own, while the log itself goes on. */
import type { CompletionLog } from './log.js';

/** Once `over` resolves, what the log holds by then is its last; a rejection leaves it as it is. */
export function until<Entry>(
  log: CompletionLog<Entry>,
  over: Promise<unknown>,
): CompletionLog<Entry> {
  let end: number | undefined;
  const waiting = new Set<() => void>();
  over.then(
    () => {
      end = log.end;
      for (const wake of waiting) wake();
    },
    () => undefined,
  );
  return {
    name: log.name,
    epoch: log.epoch,
    get start() {
      return Math.min(log.start, end ?? Infinity);
    },
    get end() {
      return end ?? log.end;
    },
    get complete() {
      return end !== undefined || log.complete;
    },
    get lost() {
      return end === undefined ? log.lost : undefined;
    },
    read: (position, limit) =>
      log.read(position, Math.min(limit, Math.max(0, (end ?? Infinity) - position))),
    async changed(position, signal) {
      if (end !== undefined) return;
      let wake: () => void = () => undefined;
      const ended = new Promise<void>((resolve) => {
        wake = resolve;
      });
      waiting.add(wake);
      try {
        await Promise.race([log.changed(position, signal), ended]);
      } finally {
        waiting.delete(wake);
      }
    },
  };
}
