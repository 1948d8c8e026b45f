/** What the suites of the grid share: requests, signals that nobody aborts, and logs read to their end. */
import type { Predicate } from '../../src/query/predicate.js';
import { always } from '../../src/query/predicate.js';
import type { Source, SourceNotes } from '../../src/query/source.js';
import type { CompletionLog } from '../../src/streams/log.js';
import { taskIdOf } from '../../src/grids/htc-grid/status.js';
import type { NewTask } from '../../src/grids/htc-grid/table-writer.js';
import type { SubmitTasks, TaskRow } from '../../src/grids/tasks.js';

export const live = (): AbortSignal => new AbortController().signal;

export const plain = (
  payloads: readonly unknown[],
  more: Partial<Omit<SubmitTasks, 'payloads'>> = {},
): SubmitTasks => ({
  payloads,
  priority: undefined,
  owner: 'ada',
  idempotencyKey: undefined,
  dryRun: false,
  ...more,
});

/** Waits until the log is complete and gives all of it. */
export async function collect<Entry>(log: CompletionLog<Entry>): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (;;) {
    entries.push(...log.read(entries.length, 1000));
    if (entries.length >= log.end && log.complete) return entries;
    if (log.lost !== undefined) throw log.lost;
    await log.changed(entries.length, AbortSignal.timeout(120_000));
  }
}

export async function scanAll(
  source: Source<TaskRow> | undefined,
  fields: readonly string[],
  filter: Predicate = always,
  notes: SourceNotes = {},
): Promise<TaskRow[]> {
  const rows: TaskRow[] = [];
  if (source === undefined) throw new Error('There is no source.');
  const projection = { fields: new Set(fields), attributes: new Set<string>() };
  for await (const row of source.scan({ filter, notes, signal: live(), projection }))
    rows.push(row);
  return rows;
}

/** Rows of a session as a submission writes them. */
export const tasksOf = (session: string, tasks: number): NewTask[] =>
  Array.from({ length: tasks }, (_, index) => ({
    taskId: taskIdOf(session, index),
    sessionId: session,
    priority: 0,
    submittedAt: 1795302621626,
  }));

export function deferred<T>() {
  let settle: { resolve: (value: T) => void; reject: (error: unknown) => void } | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // The executor has run.
  return { promise, ...(settle as unknown as NonNullable<typeof settle>) };
}
