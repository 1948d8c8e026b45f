/**
 * The way into a grid whose only writer is this process: inputs and payload, then rows, then the queue.
 * Rows of a submission that breaks off are cancelled before they run.
 */
import { Refused } from './calls.js';
import type { Cargo, Carrier, Remainder, Report } from './carrier.js';
import type { TaskChange } from './change.js';
import { changeOf } from './change.js';
import { eachOf } from './concurrency.js';
import type { DataPlane } from './data-plane.js';
import { GridError } from '../../errors.js';
import type { SessionEntry } from './registry.js';
import { storedInputs, storedSubmission } from './stored.js';
import { taskIdOf } from './status.js';
import type { TableReader } from './table.js';
import type { NewTask, TableWriter } from './table-writer.js';

export interface DirectSettings {
  readonly data: DataPlane;
  readonly reader: TableReader;
  readonly writer: TableWriter;
  readonly emit: (session: string, changes: readonly TaskChange[]) => void;
  readonly enqueue: (taskIds: readonly string[], priority: number) => void;
}

const parallelCancels = 8;

export class DirectCarrier implements Carrier {
  constructor(private readonly settings: DirectSettings) {}

  /** Once begun it goes on to its end: the rows are this process's own, and soon written. */
  async carry({ entry, payloads }: Cargo, report: Report): Promise<void> {
    const { data, writer, emit, enqueue } = this.settings;
    const { session, priority } = entry;
    const taskIds = payloads.map((_payload, index) => taskIdOf(session, index));
    await data.put(storedInputs(session, payloads));
    await data.put([storedSubmission(session, session, taskIds, priority, entry.submittedAt)]);
    const rows: NewTask[] = taskIds.map((taskId) => ({
      taskId,
      sessionId: session,
      priority,
      submittedAt: Date.now(),
    }));
    await writer.insert(rows, undefined, (chunk) => {
      emit(session, chunk.map(pendingOf));
    });
    await report({ ...entry, state: 'SUBMITTED', accepted: taskIds.length });
    enqueue(taskIds, priority);
  }

  async resume(): Promise<void> {
    throw new GridError('UNAVAILABLE', 'The server ended during the submission.');
  }

  /** None of the rows has been queued: cancelled, they are only a story. */
  async settle({ session, expected }: SessionEntry): Promise<Remainder> {
    const { reader, writer, emit } = this.settings;
    const ids = Array.from({ length: expected }, (_, index) => taskIdOf(session, index));
    const taskIds: string[] = [];
    let left = 0;
    try {
      const rows = await reader.items(ids, undefined, { consistent: true });
      taskIds.push(...ids.filter((id) => rows.has(id)));
    } catch {
      return { taskIds, mayRun: false, remark: 'Which tasks are in the table is not known.' };
    }
    await eachOf(taskIds, parallelCancels, async (taskId) => {
      try {
        const change = changeOf(await writer.cancel(taskId, 'pending'));
        if (change !== undefined) emit(session, [change]);
      } catch (error) {
        if (!(error instanceof Refused)) left++;
      }
    });
    return {
      taskIds,
      mayRun: false,
      remark: left === 0 ? '' : `${String(left)} of its tasks could not be cancelled.`,
    };
  }
}

const pendingOf = ({ taskId, sessionId }: NewTask): TaskChange => ({
  taskId,
  sessionId,
  state: 'pending',
  retries: 0,
  completedAt: 0,
});
