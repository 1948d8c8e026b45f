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
  /** The grid's own cancel, where that is the way; then its counts are what is answered. */
  readonly native?: NativeCancel | undefined;
  /** Resolves when no submission of the session is under way any more. */
  readonly halted: (session: string) => Promise<void>;
}

const parallelUpdates = 16;
/** Rounds over what is still open; workers give tasks back between two of them at most. */
const maxRounds = 20;
/** Calls of the grid's own cancel, and looks at the table after each. */
const maxNativeRounds = 4;
const maxLooks = 8;

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
  let tally: Tally = { pending: 0, retrying: 0, processing: 0, open: 0 };
  try {
    if (!dryRun) await settings.halted(session);
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
    if (settings.native === undefined) await cancelOpen(session, tally, settings, signal);
    else tally = await cancelNatively(session, settings.native, settings, signal);
    const total = tally.pending + tally.retrying + tally.processing;
    return {
      ...none,
      ...countsOfTally(tally),
      status: tally.open > 0 ? 'FAILED' : total > 0 ? 'DONE' : 'ALREADY_DONE',
      alreadyTerminal: Math.max(0, before.total - total - tally.open),
    };
  } catch (error) {
    signal.throwIfAborted();
    // One session that can't be reached must not hide what happened to the others.
    if (asGridError(error).code === 'INTERNAL_SERVER_ERROR') throw error;
    return { ...none, ...countsOfTally(tally), status: 'FAILED' };
  }
}

const countsOfTally = ({ pending, retrying, processing }: Tally) => ({
  cancelledPending: pending,
  cancelledRetrying: retrying,
  cancelledProcessing: processing,
  totalCancelledTasks: pending + retrying + processing,
});

/** Sends a session to the grid's own cancel; undefined where what it did is not known. */
export type NativeCancel = (
  session: string,
  signal: AbortSignal,
) => Promise<Pick<Tally, 'pending' | 'retrying' | 'processing'> | undefined>;

interface Tally {
  pending: number;
  retrying: number;
  processing: number;
  /** Tasks that are still open. */
  open: number;
}

async function openAndTotal(session: string, settings: CancelSettings, signal: AbortSignal) {
  const { byNative } = await countsOf(session, everyState, settings, signal);
  const pending = byNative.get('pending') ?? 0;
  const processing = byNative.get('processing') ?? 0;
  const ended = everyState.filter(isLast).reduce((sum, s) => sum + (byNative.get(s) ?? 0), 0);
  const cancelled = byNative.get('cancelled') ?? 0;
  return { pending, processing, cancelled, ended, total: pending + processing + ended };
}

/**
 * A task that is claimed between the two steps of the grid's cancel is missed by it, and after a
 * gateway's time-out it goes on: the table says when nothing is open any more.
 */
async function cancelNatively(
  session: string,
  cancel: NativeCancel,
  settings: CancelSettings,
  signal: AbortSignal,
): Promise<Tally> {
  const before = await openAndTotal(session, settings, signal);
  const tally: Tally = { pending: 0, retrying: 0, processing: 0, open: 0 };
  let isCounted = true;
  for (let round = 0; round < maxNativeRounds; round++) {
    const counts = await cancel(session, signal);
    if (counts === undefined) isCounted = false;
    tally.pending += counts?.pending ?? 0;
    tally.retrying += counts?.retrying ?? 0;
    tally.processing += counts?.processing ?? 0;
    // The index shows a cancelled task as open for a moment, and an unanswered cancel is still at work.
    for (let look = 0; look < maxLooks; look++) {
      const now = await openAndTotal(session, settings, signal);
      tally.open = now.pending + now.processing;
      if (tally.open === 0) return isCounted ? tally : countedByTable(before, now);
      await sleep(Math.min(2000, 50 * 2 ** look), undefined, { signal });
    }
  }
  return tally;
}

/** Where an answer was lost: as many as are cancelled now and were not, those that waited first. */
function countedByTable(before: Seen, now: Seen): Tally {
  const cancelled = Math.max(0, now.cancelled - before.cancelled);
  const pending = Math.min(cancelled, before.pending);
  return { pending, retrying: 0, processing: cancelled - pending, open: 0 };
}

type Seen = Awaited<ReturnType<typeof openAndTotal>>;

/** @param tally counts while it goes on: where it breaks off, what was cancelled is told all the same */
async function cancelOpen(
  session: string,
  tally: Tally,
  settings: CancelSettings,
  signal: AbortSignal,
): Promise<void> {
  const { reader, writer, cancelled } = settings;
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
}
