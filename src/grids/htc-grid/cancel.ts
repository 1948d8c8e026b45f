/**
 * Cancelling sessions. Each task is cancelled under the condition of the state it is seen in, waiting
 * ones first, again and again until none is open: a task that finishes meanwhile stays finished.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { asGridError } from '../../errors.js';
import type { CancelledSession, SessionRow } from '../tasks.js';
import { Refused } from './calls.js';
import type { TaskChange } from './change.js';
import { changeOf, isLast } from './change.js';
import { eachOf } from './concurrency.js';
import { countsOf, everyState } from './counts.js';
import type { SessionLogs } from './session-logs.js';
import type { TableReader } from './table.js';
import type { TableWriter } from './table-writer.js';

export interface CancelSettings {
  readonly reader: TableReader;
  readonly writer: TableWriter;
  readonly logs: SessionLogs;
  /** Hears of each task that was cancelled here. */
  readonly cancelled: (session: string, changes: readonly TaskChange[]) => void;
  /** Undefined for a session that nobody knows. */
  readonly sessionRow: (session: string) => SessionRow | undefined;
  /** Resolves when no submission of the session is under way any more. */
  readonly halted: (session: string) => Promise<void>;
}

const parallelUpdates = 16;
/** Rounds over what is still open; workers give tasks back between two of them at most. */
const maxRounds = 20;

export async function cancelSession(
  session: string,
  dryRun: boolean,
  settings: CancelSettings,
  signal: AbortSignal,
): Promise<CancelledSession> {
  const none = {
    session: settings.sessionRow(session) ?? null,
    nativeId: session,
    cancelledPending: 0,
    cancelledRetrying: 0,
    cancelledProcessing: 0,
    totalCancelledTasks: 0,
    alreadyTerminal: 0,
  };
  try {
    await settings.halted(session);
    const before = await openAndTotal(session, settings, signal);
    if (before.total === 0)
      return { ...none, status: none.session === null ? 'NOT_FOUND' : 'ALREADY_DONE' };
    if (dryRun)
      return {
        ...none,
        status: before.pending + before.processing > 0 ? 'DONE' : 'ALREADY_DONE',
        cancelledPending: before.pending,
        cancelledProcessing: before.processing,
        totalCancelledTasks: before.pending + before.processing,
        alreadyTerminal: before.ended,
      };
    const tally = await cancelOpen(session, settings, signal);
    const total = tally.pending + tally.retrying + tally.processing;
    return {
      ...none,
      status: tally.open > 0 ? 'FAILED' : total > 0 ? 'DONE' : 'ALREADY_DONE',
      cancelledPending: tally.pending,
      cancelledRetrying: tally.retrying,
      cancelledProcessing: tally.processing,
      totalCancelledTasks: total,
      alreadyTerminal: Math.max(0, before.total - total - tally.open),
    };
  } catch (error) {
    signal.throwIfAborted();
    // One session that can't be reached must not hide what happened to the others.
    if (asGridError(error).code === 'INTERNAL_SERVER_ERROR') throw error;
    return { ...none, status: 'FAILED' };
  }
}

async function openAndTotal(session: string, settings: CancelSettings, signal: AbortSignal) {
  const { byNative } = await countsOf(session, everyState, settings, signal);
  const pending = byNative.get('pending') ?? 0;
  const processing = byNative.get('processing') ?? 0;
  const ended = everyState.filter(isLast).reduce((sum, s) => sum + (byNative.get(s) ?? 0), 0);
  return { pending, processing, ended, total: pending + processing + ended };
}

async function cancelOpen(session: string, settings: CancelSettings, signal: AbortSignal) {
  const { reader, writer, cancelled } = settings;
  const tally = { pending: 0, retrying: 0, processing: 0, open: 0 };
  for (let round = 0; round < maxRounds; round++) {
    tally.open = 0;
    for (const state of ['pending', 'processing'] as const) {
      for await (const page of reader.sessionPages(session, state, signal)) {
        tally.open += page.length;
        await eachOf(page, parallelUpdates, async ({ taskId }) => {
          try {
            const row = await writer.cancel(taskId, state, signal);
            tally.open--;
            if (state === 'processing') tally.processing++;
            else if ((row.retries ?? 0) > 0) tally.retrying++;
            else tally.pending++;
            const change = changeOf(row);
            if (change !== undefined) cancelled(session, [change]);
          } catch (error) {
            // It has moved on since the index was read; the next round sees where to.
            if (!(error instanceof Refused)) throw error;
          }
        });
      }
    }
    if (tally.open === 0) break;
    // A deployed table's index shows a cancelled task as open for a moment.
    await sleep(Math.min(500, 20 * (round + 1)), undefined, { signal });
  }
  return tally;
}
