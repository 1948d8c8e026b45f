/** The wait for a log that replicas share: bounded, as long as nothing of it is known. */
import { GridError } from '../errors.js';
import type { SharedLog } from '../streams/shared/shared-log.js';

/** How long the Redis may take to show a log. */
const openMs = 10_000;

/** Resolves once all that Redis has of the log was read; UNAVAILABLE where it does not answer. */
export async function readable<Entry>(log: SharedLog<Entry>, signal: AbortSignal): Promise<void> {
  const late = AbortSignal.timeout(openMs);
  try {
    await log.until(() => log.isRead, AbortSignal.any([signal, late]));
  } catch (error) {
    if (!late.aborted || signal.aborted) throw error;
    throw new GridError('UNAVAILABLE', 'The Redis of the replicas does not answer; try again.');
  }
}
