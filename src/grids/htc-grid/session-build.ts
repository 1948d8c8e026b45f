/**
 * A session from the beginning: first the source is attached, then the table is read, and what both tell is merged by
 * how far each task is, so nothing is lost or doubled between the two. What the indexes did not show yet is found by
 * the source's second look (poll-source.ts).
 */
import { GridError } from '../../errors.js';
import type { Clock } from '../../streams/clock.js';
import { isTerminal } from '../state.js';
import type { Completion } from '../tasks.js';
import type { TaskChange } from './change.js';
import { changeOf, isBare, isSameRevision } from './change.js';
import type { CompletionSource } from './completion-source.js';
import type { TaskItem } from './item.js';
import type { SessionLog } from './session-log.js';
import { parseStatus } from './status.js';
import { stampOf } from './fields.js';
import type { TableReader } from './table.js';

export interface SessionParts {
  readonly reader: TableReader;
  readonly source: CompletionSource;
  /** How many tasks the session has once no submission is under way; undefined where that is not known. */
  expected(session: string, signal: AbortSignal): Promise<number | undefined>;
}

export interface Building {
  /** Hears once that no source can go on. */
  readonly lost: (error: Error) => void;
  /** False for a session that is just being made: there is nothing to read. */
  readonly rebuild: boolean;
  readonly clock: Clock;
  /** The last end of each task that is in the log already. */
  readonly told?: ReadonlyMap<string, Completion>;
}

/** Resolves when the state is that of the table; it is fed until `signal` is aborted. */
export async function buildSession(
  session: string,
  state: SessionLog,
  parts: SessionParts,
  { lost, rebuild, clock, told = new Map() }: Building,
  signal: AbortSignal,
): Promise<void> {
  let early: TaskChange[] | undefined = rebuild ? [] : undefined;
  const follower = {
    known: state.known,
    changes: (news: readonly TaskChange[]) => {
      if (early === undefined) state.apply(news);
      else for (const change of news) early.push(change);
    },
    lost,
  };
  await parts.source.watch(session, follower, signal);
  if (early === undefined) return;
  const expected = await parts.expected(session, signal);
  const snapshot = await snapshotOf(session, parts.reader, told, signal);
  if (snapshot.length === 0 && early.length === 0 && expected === undefined)
    throw new GridError('NOT_FOUND', `The grid has no session "${session}".`);
  const seenAt = clock.now();
  const isTold = (completion: Completion) => isSameEnd(told.get(completion.taskId), completion);
  state.apply(snapshot.sort(byCompletion), seenAt, isTold);
  state.apply(early, seenAt, isTold);
  early = undefined;
  // What was heard meanwhile is newer.
  if (expected !== undefined) state.expect(state.expected ?? expected);
}

/**
 * How far every task of the session is. Rows are read of those that ended, since their order is by their stamps, and
 * of those that the index shows as open and the log as ended: one of the two is late.
 */
async function snapshotOf(
  session: string,
  reader: TableReader,
  told: ReadonlyMap<string, Completion>,
  signal: AbortSignal,
): Promise<TaskChange[]> {
  const changes: TaskChange[] = [];
  const add = (items: Iterable<TaskItem>) => {
    for (const item of items) {
      const change = changeOf(item);
      if (change !== undefined) changes.push(change);
    }
  };
  const unseen = new Set(told.keys());
  for await (const page of reader.sessionPages(session, undefined, signal)) {
    const ended = page.filter(({ status }) => isTerminal(parseStatus(status).state));
    const rows = await reader.items(
      ended.map((item) => item.taskId),
      signal,
    );
    add(rows.values());
    add(page.filter(({ taskId }) => !rows.has(taskId)));
    for (const taskId of rows.keys()) unseen.delete(taskId);
  }
  if (unseen.size > 0)
    add((await reader.items([...unseen], signal, { consistent: true })).values());
  return changes;
}

/** How far clocks may be apart: of this server, and of what stamps rows. */
const clockSlackMs = 60_000;

/** Where only an index told of an end, one that was stamped later than that is another. */
function isSameEnd(told: Completion | undefined, end: Completion): boolean {
  if (told?.state !== end.state || !isSameRevision(told.revision, end.revision)) return false;
  return !isBare(told.revision) || stampOf(end.revision) <= told.seenAt + clockSlackMs;
}

const byCompletion = (a: TaskChange, b: TaskChange): number => a.completedAt - b.completedAt;
