/** A log whose entries are seen as something else; its positions are those of the log itself. */
import type { CompletionLog } from './log.js';

export function mapLog<From, To>(
  log: CompletionLog<From>,
  map: (entry: From) => To,
): CompletionLog<To> {
  return {
    name: log.name,
    epoch: log.epoch,
    get start() {
      return log.start;
    },
    get end() {
      return log.end;
    },
    get complete() {
      return log.complete;
    },
    get lost() {
      return log.lost;
    },
    read: (position, limit) => log.read(position, limit).map(map),
    changed: (position, signal) => log.changed(position, signal),
  };
}
