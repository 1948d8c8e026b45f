/**
 * The embedded grid: the state table in a thread, workers in processes of their own, and the same code between
 * them as on a deployed grid. In memory, or in a folder that survives a restart.
 */
import { join, resolve } from 'node:path';
import { GridError } from '../../errors.js';
import type { OnCall } from './calls.js';
import { DirectCarrier } from './carrier-direct.js';
import type { TaskChange } from './change.js';
import { completionOf, isLast } from './change.js';
import { ChangeHub, MergedSource } from './completion-source.js';
import { Closing } from './closing.js';
import { connectLocally } from './connection-local.js';
import type { DataPlane } from './data-plane.js';
import { FolderDataPlane } from './data-plane-folder.js';
import { MemoryDataPlane } from './data-plane-memory.js';
import { PollSource } from './poll-source.js';
import type { RedisSettings } from './data-plane-redis.js';
import { RedisDataPlane } from './data-plane-redis.js';
import { startDynamoDb } from './dynamodb-thread.js';
import type { Executor, ExecutorLimits } from './executor.js';
import { Everything } from './everything.js';
import { executorDefaults } from './executor.js';
import { CommandExecutor } from './executor-command.js';
import { InlineExecutor } from './executor-inline.js';
import { ProcessExecutor } from './executor-processes.js';
import { HtcGrid } from './htc-grid.js';
import { MemoryRegistry } from './registry.js';
import { FileRegistry } from './registry-file.js';
import { Seen } from './seen.js';
import { SessionLogs } from './session-logs.js';
import { sessionRow } from './session-row.js';
import type { SubmissionLimits } from './submission-check.js';
import { Submissions } from './submission.js';
import { TableReader } from './table.js';
import { TableWriter } from './table-writer.js';
import type { TaskFunction } from './task-function.js';
import { TaskRows } from './task-rows.js';
import type { WorkerLimits } from './workers.js';
import { Workers } from './workers.js';

export interface EmbeddedSettings {
  readonly name: string;
  /** A folder for table, data and registry; without it all is in memory and ends with the process. */
  readonly path?: string;
  /** A module whose default export is the task function; relative to the working directory. */
  readonly handler?: string;
  /** The task function itself, run in this process, for programs that embed the grid. */
  readonly run?: TaskFunction;
  /** A command in place of the module: the input as JSON on its stdin, the output on its stdout. */
  readonly exec?: readonly string[];
  readonly workers?: WorkerLimits & ExecutorLimits;
  readonly limits?: SubmissionLimits;
  /** Bytes of inputs and outputs in memory. @default 268_435_456 (256 MiB) */
  readonly maxDataBytes?: number;
  /** A data plane in place of the local one: a Redis, or any other; stopped with the grid. */
  readonly data?: Omit<RedisSettings, 'onCall'> | DataPlane;
  /**
   * The table's port on the loopback interface, for others who submit to it and work on it, such as
   * HTC-Grid's own code; without it a free one, and nobody else is expected.
   */
  readonly tablePort?: number;
  /** What was configured, as the graph shows it. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** @default 20_000 */
  readonly deadlineMs?: number;
  readonly onCall?: OnCall;
  /** Failures that concern no caller: a worker that could not store its output. */
  readonly onError?: (error: unknown) => void;
}

const table = 'htc_tasks_state_table-embedded';

export async function openEmbedded(settings: EmbeddedSettings): Promise<HtcGrid> {
  const { name, path, onCall, onError = () => undefined } = settings;
  const closing = new Closing();
  try {
    const preparing = openExecutor(settings);
    // It is waited for below; until then nobody hears of its failure.
    preparing.catch(() => undefined);
    closing.add(() =>
      preparing.then(
        (executor) => executor.stop(),
        () => undefined,
      ),
    );
    const dynamo = await startDynamoDb(
      path === undefined ? undefined : join(path, 'table'),
      settings.tablePort,
    );
    closing.add(() => dynamo.stop());
    const connection = connectLocally({
      table,
      dynamo,
      ...(onCall === undefined ? {} : { onCall }),
    });
    closing.add(() => {
      connection.close();
    });
    const reader = new TableReader(connection);
    const writer = new TableWriter(connection);
    await reader.create(undefined);
    const data = await openDataPlane(settings);
    closing.add(() => data.stop());
    const registry =
      path === undefined
        ? new MemoryRegistry()
        : await FileRegistry.open(join(path, 'sessions.jsonl'));
    closing.add(() => registry.stop());

    const shared = settings.tablePort !== undefined;
    const hub = new ChangeHub();
    const seen = new Seen();
    const everything = new Everything({
      grid: name,
      hasSource: () => true,
      // Of sessions that others work on it hears while they are followed.
      isGridWide: () => !shared,
    });
    const logs = new SessionLogs({
      grid: name,
      reader,
      // Others that work on the table are seen by polling it.
      source: shared ? new MergedSource([hub, new PollSource({ reader })]) : hub,
      ...(shared ? { lingerMs: 30_000 } : {}),
      everything,
      expected: async (session) => {
        const entry = registry.get(session);
        return entry === undefined || entry.state === 'SUBMITTING' ? undefined : entry.accepted;
      },
    });
    closing.add(() => logs.stop());
    hub.watchAll(seen.note);
    hub.watchAll((changes) => {
      const now = Date.now();
      const ended = changes.filter(({ state }) => isLast(state));
      everything.told(ended.map((change) => completionOf(change, now)));
    });
    const emit = (session: string, changes: readonly TaskChange[]) => {
      hub.emit(session, changes);
    };
    const workers = new Workers({
      reader,
      writer,
      data,
      executor: await preparing,
      shared,
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
    closing.add(() => workers.stop());
    closing.add(() => submissions.stop());
    await Promise.all(submissions.resume());
    await workers.start(path !== undefined);

    return new HtcGrid({
      configuration: settings.configuration,
      name,
      embedded: true,
      reader,
      writer,
      registry,
      logs,
      data,
      submissions,
      rows: new TaskRows({ grid: name, registry, seen, data }),
      everything,
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
            return {
              detail: `${path === undefined ? 'in memory' : `in ${path}`}, at ${dynamo.endpoint}`,
              count: null,
            };
          },
        },
        {
          name: 'data plane',
          check: async (signal) => ({ detail: await data.probe(signal), count: null }),
        },
        {
          name: 'workers',
          check: async () => ({
            detail: `tasks running now, ${workers.describe()}`,
            count: workers.running,
          }),
        },
        {
          name: 'queue',
          check: async () => ({ detail: 'tasks waiting', count: workers.queued }),
        },
      ],
      ...(settings.deadlineMs === undefined ? {} : { deadlineMs: settings.deadlineMs }),
      stop: () => closing.stop(),
    });
  } catch (error) {
    await closing.stop().catch(() => undefined);
    throw error;
  }
}

/** A module that can't be loaded is known at the start; processes of the demonstration start when there is work. */
async function openExecutor(settings: EmbeddedSettings): Promise<Executor> {
  const { run, exec, handler, workers = {} } = settings;
  if (run !== undefined)
    return new InlineExecutor(run, workers.maxOutputBytes ?? executorDefaults.maxOutputBytes);
  if (exec !== undefined) return new CommandExecutor({ command: exec, ...workers });
  const executor = new ProcessExecutor({
    module: handler === undefined ? undefined : resolve(handler),
    ...workers,
  });
  if (handler === undefined) return executor;
  try {
    await executor.prepare();
    return executor;
  } catch (error) {
    await executor.stop();
    throw error;
  }
}

async function openDataPlane(settings: EmbeddedSettings): Promise<DataPlane> {
  const { data, path, maxDataBytes } = settings;
  const onCall = settings.onCall === undefined ? {} : { onCall: settings.onCall };
  if (data !== undefined)
    return 'host' in data ? RedisDataPlane.open({ ...data, ...onCall }) : data;
  if (path !== undefined) return FolderDataPlane.open(join(path, 'data'), settings.onCall);
  return new MemoryDataPlane({
    ...(maxDataBytes === undefined ? {} : { maxBytes: maxDataBytes }),
    ...onCall,
  });
}
