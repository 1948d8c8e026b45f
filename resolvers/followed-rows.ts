/** Rows of what a stream tells: a schedd that does not answer for a while is waited for, rather than that the stream breaks. */
import { setTimeout as pause } from 'node:timers/promises';
import { asGridError } from '../src/errors.js';
import type { JobLogs } from '../src/grids/job-logs.js';
import type { JobRow } from '../src/grids/jobs.js';

/** Milliseconds between two questions, and how long a schedd is waited for: a restart takes some 15 s. */
const againMs = 1_000;
const patienceMs = 60_000;

/** Throws the error of a row where it does not pass. */
export async function followedRows(
  logs: JobLogs,
  [of, projection]: Parameters<JobLogs['rows']>,
  signal: AbortSignal,
): Promise<readonly (JobRow | undefined)[]> {
  const until = Date.now() + patienceMs;
  for (;;) {
    const found = await logs.rows(of, projection);
    const trouble = found.find((row) => row instanceof Error);
    if (trouble === undefined) return found as readonly (JobRow | undefined)[];
    const { code, retryable } = asGridError(trouble);
    // A schedd that starts anew is unknown to the collector at first.
    const passes = retryable || code === 'UNKNOWN_SCHEDD';
    if (!passes || Date.now() >= until) throw trouble;
    await pause(againMs, undefined, { signal });
  }
}
