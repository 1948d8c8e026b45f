/** The history of one schedd: jobs that have left its queue, newest first. */
import { GridError } from '../../errors.js';
import type { Command } from './command.js';
import { addressed, selecting, type AdQuery, type Pool, type Schedd } from './pool.js';

export interface HistoryScan {
  /** Records to read, at most. */
  readonly scanLimit: number;
  /** The job ("50.0", "50") at which to stop; it is left out. */
  readonly since: string | undefined;
}

export function historyCommand(
  pool: Pool,
  schedd: Schedd,
  query: AdQuery,
  { scanLimit, since }: HistoryScan,
  ...options: readonly string[]
): Command {
  checkScan({ scanLimit, since });
  return {
    program: 'condor_history',
    args: [
      ...addressed(pool, schedd),
      '-jsonl',
      '-scanlimit',
      String(scanLimit),
      ...(since === undefined ? [] : ['-since', since]),
      ...options,
      ...selecting(query),
    ],
  };
}

/** BAD_USER_INPUT where the words would mean something else to the command. */
export function checkScan({ scanLimit, since }: HistoryScan): void {
  // A limit of 0, or one that is no number, silently means no limit.
  if (!Number.isSafeInteger(scanLimit) || scanLimit < 1) {
    throw new GridError('BAD_USER_INPUT', `Expected a scanLimit of at least 1, came ${scanLimit}.`);
  }
  if (since !== undefined && !/^\d{1,9}(\.\d{1,9})?$/.test(since)) {
    throw new GridError(
      'BAD_USER_INPUT',
      `Expected since to be a job id such as "50.0" or "50", came ${JSON.stringify(since.slice(0, 80))}.`,
    );
  }
}
