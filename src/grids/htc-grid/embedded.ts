/**
 * The embedded grid: the state table in a thread, workers in this process, and the same code between
 * them as on a deployed grid. In memory, or in a folder that survives a restart.
 */
import { join } from 'node:path';
import { GridError } from '../../errors.js';
import type { OnCall } from './calls.js';
import { DirectCarrier } from './carrier-direct.js';
import type { TaskChange } from './change.js';
import { completionOf, isLast } from './change.js';
import { ChangeHub } from './completion-source.js';
import { connectLocally } from './connection-local.js';
import type { DataPlane } from './data-plane.js';
import { FolderDataPlane } from './data-plane-folder.js';
import { MemoryDataPlane } from './data-plane-memory.js';
import { startDynamoDb } from './dynamodb-thread.js';
import { HtcGrid, sessionRow } from './htc-grid.js';
import { MemoryRegistry } from './registry.js';
import { FileRegistry } from './registry-file.js';
import { Seen } from './seen.js';
import { SessionLogs } from './session-logs.js';
import type { SubmissionLimits } from './submission.js';
import { Submissions } from './submission.js';
import { TableReader } from './table.js';
import { TableWriter } from './table-writer.js';
import type { TaskFunction } from './task-function.js';
import { demonstrationTask, loadTaskFunction } from './task-function.js';
import { TaskRows } from './task-rows.js';
import type { WorkersSettings } from './workers.js';
import { Workers } from './workers.js';

export interface EmbeddedSettings {
  readonly name: string;
  /** A folder for table, data and registry; without it all is in memory and ends with the process. */
  readonly path?: string;
  /** A module whose default export is the task function; relative to the working directory. */
  readonly handler?: string;
  /** The task function itself, for programs that embed the grid. */
  readonly run?: TaskFunction;
  readonly workers?: Pick<
    WorkersSettings,
    'concurrency' | 'heartbeatEveryMs' | 'heartbeatMs' | 'expiryCheckMs' | 'maxRetries'
  >;
  readonly limits?: SubmissionLimits;
  /** Bytes of inputs and outputs in memory. @default 268_435_456 (256 MiB) */
  readonly maxDataBytes?: number;
  /** A data plane in place of the local one, for instance a Redis; stopped with the grid. */
  readonly data?: DataPlane;
  /** @default 20_000 */
  readonly deadlineMs?: number;
  readonly onCall?: OnCall;
  /** Failures that concern no caller: a worker that could not store its output. */
  readonly onError?: (error: unknown) => void;
}

const table = 'htc_tasks_state_table-embedded';

export async function openEmbedded(settings: EmbeddedSettings): Promise<HtcGrid> {
  const { name, path, onCall, onError = () => undefined } = settings;
  const run = settings.run ?? (await taskFunctionOf(settings.handler));
  const closing: (() => unknown)[] = [];
  const stop = async () => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    const dynamo = await startDynamoDb(path === undefined ? undefined : join(path, 'table'));
    closing.push(() => dynamo.stop());
    const connection = connectLocally({
      table,
      endpoint: dynamo.endpoint,
      ...(onCall === undefined ? {} : { onCall }),
    });
    closing.push(() => {
      connection.close();
    });
    const reader = new TableReader(connection);
    const writer = new TableWriter(connection);
    await reader.create(undefined);
    const data = settings.data ?? (await localData(settings));
    closing.push(() => data.stop());
    const registry =
      path === undefined
        ? new MemoryRegistry()
        : await FileRegistry.open(join(path, 'sessions.jsonl'));
    closing.push(() => registry.stop());

    const hub = new ChangeHub();
    const seen = new Seen();
    const logs = new SessionLogs({
      grid: name,
      reader,
      source: hub,
      everythingFromLogs: false,
      expected: async (session) => {
        const entry = registry.get(session);
        return entry === undefined || entry.state === 'SUBMITTING' ? undefined : entry.accepted;
      },
    });
    closing.push(() => logs.stop());
    hub.watchAll(seen.note);
    hub.watchAll((changes) => {
      const now = Date.now();
      const ended = changes.filter(({ state }) => isLast(state));
      if (ended.length > 0)
        logs.everything.append(ended.map((change) => completionOf(change, now)));
    });
    const emit = (session: string, changes: readonly TaskChange[]) => {
      hub.emit(session, changes);
    };
    const workers = new Workers({
      reader,
      writer,
      data,
      run,
      emit,
      onError,
      isOver: (taskId) => seen.of(taskId)?.endedAt !== undefined,
      ...settings.workers,
    });
    const submissions = new Submissions({
      registry,
      carrier: new DirectCarrier({
        data,
        reader,
        writer,
        emit,
        enqueue: (taskIds, priority) => {
          workers.enqueue(taskIds, priority);
        },
      }),
      logs,
      logged: true,
      queued: () => workers.queued,
      sessionRow: (session) => sessionRow(name, session, registry.get(session)),
      ...settings.limits,
    });
    closing.push(() => workers.stop());
    closing.push(() => submissions.stop());
    await Promise.all(submissions.resume());
    await workers.start(path !== undefined);

    return new HtcGrid({
      name,
      embedded: true,
      reader,
      writer,
      registry,
      logs,
      data,
      submissions,
      rows: new TaskRows({ grid: name, registry, seen, data }),
      cancelled: (session, changes) => {
        emit(session, changes);
        for (const { taskId } of changes) workers.abort(taskId);
      },
      components: [
        {
          name: 'state table',
          check: async (signal) => {
            if (dynamo.failure !== undefined) throw dynamo.failure;
            const { status } = await reader.describe(signal);
            if (status !== 'ACTIVE')
              throw new GridError('UNAVAILABLE', `The state table is ${status}.`);
            return { detail: path === undefined ? 'in memory' : `in ${path}`, count: null };
          },
        },
        {
          name: 'data plane',
          check: async (signal) => ({ detail: await data.probe(signal), count: null }),
        },
        {
          name: 'workers',
          check: async () => ({ detail: 'tasks running now', count: workers.running }),
        },
        {
          name: 'queue',
          check: async () => ({ detail: 'tasks waiting', count: workers.queued }),
        },
      ],
      ...(settings.deadlineMs === undefined ? {} : { deadlineMs: settings.deadlineMs }),
      stop,
    });
  } catch (error) {
    await stop();
    throw error;
  }
}

async function taskFunctionOf(handler: string | undefined): Promise<TaskFunction> {
  return handler === undefined ? demonstrationTask : loadTaskFunction(handler);
}

async function localData({ path, maxDataBytes, onCall }: EmbeddedSettings): Promise<DataPlane> {
  if (path !== undefined) return FolderDataPlane.open(join(path, 'data'), onCall);
  return new MemoryDataPlane({
    ...(maxDataBytes === undefined ? {} : { maxBytes: maxDataBytes }),
    ...(onCall === undefined ? {} : { onCall }),
  });
}
