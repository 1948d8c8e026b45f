/** A deployed HTC-Grid, reached through its state table and its data plane. */
import { join } from 'node:path';
import { GridError } from '../../errors.js';
import type { OnCall } from './calls.js';
import type { TableSettings } from './connection-aws.js';
import { connect } from './connection-aws.js';
import type { DataPlane } from './data-plane.js';
import { submissionKey } from './data-plane.js';
import type { RedisSettings } from './data-plane-redis.js';
import { RedisDataPlane } from './data-plane-redis.js';
import { decodeText } from './encoding.js';
import type { Component } from './health.js';
import { HtcGrid } from './htc-grid.js';
import type { PollSettings } from './poll-source.js';
import { PollSource } from './poll-source.js';
import type { SessionRegistry } from './registry.js';
import { MemoryRegistry } from './registry.js';
import { FileRegistry } from './registry-file.js';
import { Seen } from './seen.js';
import { SessionLogs } from './session-logs.js';
import { tasksOfPayload } from './submission-payload.js';
import { TableReader } from './table.js';
import { TableWriter } from './table-writer.js';
import { TaskRows } from './task-rows.js';

export interface TaskGridSettings {
  readonly name: string;
  readonly table: Omit<TableSettings, 'onCall'>;
  /** Redis, or any other data plane (it is stopped with the grid); without it there are no inputs and outputs. */
  readonly data?: Omit<RedisSettings, 'onCall'> | DataPlane;
  /** A folder for the session registry; without it the registry ends with the process. */
  readonly path?: string;
  readonly poll?: Omit<PollSettings, 'reader'>;
  /** How long a session that nobody follows any more is still polled. @default 30_000 */
  readonly lingerMs?: number;
  /** @default 20_000 */
  readonly deadlineMs?: number;
  readonly onCall?: OnCall;
}

export async function openTaskGrid(settings: TaskGridSettings): Promise<HtcGrid> {
  const { name, path } = settings;
  const onCall = settings.onCall === undefined ? {} : { onCall: settings.onCall };
  const registry: SessionRegistry =
    path === undefined
      ? new MemoryRegistry()
      : await FileRegistry.open(join(path, 'sessions.jsonl'));
  const connection = await connect({ ...settings.table, ...onCall });
  const data = await dataPlaneOf(settings.data, onCall);
  const reader = new TableReader(connection);
  const seen = new Seen();
  const logs = new SessionLogs({
    grid: name,
    reader,
    source: new PollSource({ reader, ...settings.poll }),
    everythingFromLogs: true,
    lingerMs: settings.lingerMs ?? 30_000,
    expected: (session, signal) => expectedOf(session, registry, data, signal),
  });
  const components: Component[] = [
    {
      name: 'state table',
      check: async (signal) => {
        const { status } = await reader.describe(signal);
        if (status !== 'ACTIVE' && status !== 'UPDATING')
          throw new GridError('UNAVAILABLE', `${connection.label} is ${status}.`);
        return { detail: `${settings.table.table} in ${settings.table.region}`, count: null };
      },
    },
  ];
  if (data !== undefined)
    components.push({
      name: 'data plane',
      check: async (signal) => ({ detail: await data.probe(signal), count: null }),
    });
  return new HtcGrid({
    name,
    embedded: false,
    reader,
    writer: new TableWriter(connection),
    registry,
    logs,
    data,
    submissions: undefined,
    rows: new TaskRows({ grid: name, registry, seen, data }),
    cancelled: (session, changes) => {
      seen.note(changes);
      logs.peek(session)?.apply(changes);
    },
    components,
    ...(settings.deadlineMs === undefined ? {} : { deadlineMs: settings.deadlineMs }),
    stop: async () => {
      await logs.stop();
      await data?.stop();
      connection.close();
      await registry.stop();
    },
  });
}

/** What the registry knows, else what the submitter stored: only then can a log be complete. */
async function expectedOf(
  session: string,
  registry: SessionRegistry,
  data: DataPlane | undefined,
  signal: AbortSignal,
): Promise<number | undefined> {
  const entry = registry.get(session);
  if (entry !== undefined) return entry.state === 'SUBMITTING' ? undefined : entry.accepted;
  const stored = await data?.get(submissionKey(session), Infinity, signal);
  return stored === undefined ? undefined : tasksOfPayload(decodeText(stored.text));
}

async function dataPlaneOf(
  data: TaskGridSettings['data'],
  onCall: { readonly onCall?: OnCall },
): Promise<DataPlane | undefined> {
  if (data === undefined) return undefined;
  return 'host' in data ? RedisDataPlane.open({ ...data, ...onCall }) : data;
}
