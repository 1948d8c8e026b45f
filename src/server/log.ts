/** The log: JSON lines on stderr, one per operation, without variables, tokens or documents. */
import { randomUUID } from 'node:crypto';
import { destination, pino, type Logger } from 'pino';

export type { Logger } from 'pino';

export const createLog = (level: string): Logger =>
  // Written at once: the last lines before an exit are the ones that matter.
  pino({ level, base: { name: 'htc-graph' } }, destination({ fd: 2, sync: true }));

/** The client's own id where it is short and plain (it ends up in the log), else a new one. */
export const requestIdOf = (header: string | string[] | undefined): string =>
  typeof header === 'string' && /^[\w.:-]{1,64}$/.test(header) ? header : randomUUID();
