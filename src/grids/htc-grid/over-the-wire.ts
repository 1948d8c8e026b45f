/** A deployed HTC-Grid, reached through its state table and its data plane. */
import { join } from 'node:path';
import type { SharedRedis } from '../../replicas/shared-redis.js';
import type { OnCall } from './calls.js';
import { completionOf, isLast } from './change.js';
import { Closing } from './closing.js';
import type { TableSettings } from './connection-aws.js';
import { connect } from './connection-aws.js';
import type { DataPlane } from './data-plane.js';
import { submissionKey } from './data-plane.js';
import type { RedisSettings } from './data-plane-redis.js';
import { decodeText } from './encoding.js';
import { Everything, type AllEnds } from './everything.js';
import type { Component } from './health.js';
import { GatewayCarrier } from './carrier-gateway.js';
import type { GatewayCarrierSettings } from './carrier-gateway.js';
import { deployedDataPlane } from './data-plane-deployed.js';
import type { S3Settings } from './data-plane-s3.js';
import { Gateway } from './gateway.js';
import { gatewayComponent, nativeCancelOf } from './gateway-parts.js';
import { HtcGrid } from './htc-grid.js';
import type { LoginSettings } from './login.js';
import { Login } from './login.js';
import type { SubmissionLimits } from './submission-check.js';
import { Submissions } from './submission.js';
import type { PollSettings } from './poll-source.js';
import { PollSource } from './poll-source.js';
import type { PacedSettings } from './paced.js';
import type { ReadPaceSettings } from './read-pace.js';
import type { ChosenSourceSettings, SourceChoice } from './push/chosen-source.js';
import { ChosenSource } from './push/chosen-source.js';
import { Keyspace } from './push/keyspace.js';
import { connectStreams } from './push/stream-connection.js';
import { TableStream } from './push/table-stream.js';
import type { SessionEntry, SessionRegistry } from './registry.js';
import { MemoryRegistry } from './registry.js';
import { FileRegistry } from './registry-file.js';
import { RedisRegistry } from './registry-redis.js';
import { Seen } from './seen.js';
import { SharedEverything } from './shared-everything.js';
import { SharedLogs } from '../../streams/shared/shared-logs.js';
import { sparedTable } from './spared-table.js';
import { stuckTasks } from './stuck-tasks.js';
import { SessionLogs } from './session-logs.js';
import { sessionRow } from './session-row.js';
import { tasksOfPayload } from './submission-payload.js';
import { TableReader } from './table.js';
import { TableWriter } from './table-writer.js';
import { TaskRows } from './task-rows.js';

export interface TaskGridSettings {
  readonly name: string;
  readonly table: Omit<TableSettings, 'onCall'>;
  /** Redis, or any other data plane (it is stopped with the grid); without it there are no inputs and outputs. */
  readonly data?: Omit<RedisSettings, 'onCall'> | DataPlane;
  /** The bucket; with a Redis too, that is a cache before it. */
  readonly s3?: Omit<S3Settings, 'onCall'>;
  /** The way to submit; without it `noGateway` says why there is none. */
  readonly gateway?: GatewayAccess;
  readonly noGateway?: string;
  /** Whether sessions are cancelled by conditional updates, or by the grid's own cancel. @default 'TABLE' */
  readonly cancel?: 'TABLE' | 'GATEWAY';
  readonly limits?: SubmissionLimits;
  /** How long a submission keeps its caller before it answers that it goes on. @default 10_000 */
  readonly answerMs?: number;
  /** A folder for the session registry; without it the registry ends with the process. */
  readonly path?: string;
  readonly poll?: Omit<PollSettings, 'reader'>;
  /** How reads slow down where the table is throttled. */
  readonly pace?: ReadPaceSettings & PacedSettings;
  /** How long the claim of a pending task must have been over to count it as stuck. @default 3_600_000 */
  readonly stuckAfterMs?: number;
  /** Where completions are learned from. @default 'AUTO': the best that works */
  readonly completions?: SourceChoice | undefined;
  /** How a source is tried and kept. */
  readonly sources?: Pick<ChosenSourceSettings, 'probeMs' | 'attachMs' | 'lingerMs'>;
  /** How long a session that nobody follows any more is still polled. @default 30_000 */
  readonly lingerMs?: number;
  /** What this server shares with its replicas; not stopped with the grid. */
  readonly replicas?: SharedRedis | undefined;
  /** What was configured, as the graph shows it. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** @default 20_000 */
  readonly deadlineMs?: number;
  readonly onCall?: OnCall;
}

export interface GatewayAccess extends Pick<
  GatewayCarrierSettings,
  'partTasks' | 'lambdaMs' | 'lookMs' | 'haltMs' | 'againMs'
> {
  readonly url: string;
  /** The private gateway takes a key, the public one a user. */
  readonly access: { readonly apiKey: string } | LoginSettings;
  readonly callMs?: number;
}

export async function openTaskGrid(settings: TaskGridSettings): Promise<HtcGrid> {
  const closing = new Closing();
  try {
    return await assemble(settings, closing);
  } catch (error) {
    await closing.stop().catch(() => undefined);
    throw error;
  }
}

async function assemble(settings: TaskGridSettings, closing: Closing): Promise<HtcGrid> {
  const { name, replicas } = settings;
  const onCall = settings.onCall === undefined ? {} : { onCall: settings.onCall };
  const table = sparedTable(await connect({ ...settings.table, ...onCall }), settings.pace);
  const { connection } = table;
  closing.add(() => {
    connection.close();
  });
  const plane = await deployedDataPlane(settings.data, settings.s3, onCall);
  const data = plane?.data;
  closing.add(() => data?.stop());
  const gateway = gatewayOf(settings.gateway, onCall);
  closing.add(() => gateway?.stop());
  const reader = new TableReader(connection);
  const seen = new Seen();
  const streams = await connectStreams({ ...settings.table, ...onCall });
  closing.add(() => {
    streams.close();
  });
  const source: ChosenSource = new ChosenSource({
    ...settings.sources,
    choice: settings.completions ?? 'AUTO',
    poll: new PollSource({ reader, ...settings.poll }),
    pushes: [
      new TableStream({ reader, calls: streams }),
      ...(settings.data !== undefined && 'host' in settings.data
        ? [
            new Keyspace({
              reader,
              redis: settings.data,
              follows: (session) => source.follows(session),
            }),
          ]
        : []),
    ],
    all: (changes) => {
      const now = Date.now();
      const ended = changes.filter(({ state }) => isLast(state));
      everything.told(ended.map((change) => completionOf(change, now)));
    },
    interrupted: () => {
      everything.interrupted?.();
    },
  });
  const shared = replicas && new SharedLogs(replicas);
  closing.add(() => shared?.stop());
  const everything: AllEnds =
    shared === undefined || replicas === undefined
      ? new Everything({
          grid: name,
          hasSource: () => source.gridWide,
          hold: (signal) => source.holdAll(signal),
        })
      : new SharedEverything({
          ...{ grid: name, shared, replicas, source },
          lingerMs: settings.sources?.lingerMs,
        });
  const logs: SessionLogs = new SessionLogs({
    grid: name,
    reader,
    source,
    everything,
    shared,
    lingerMs: settings.lingerMs ?? 30_000,
    expected: (session, signal) => expectedOf(session, registry, data, signal),
  });
  closing.add(() => logs.stop());
  closing.add(() => {
    source.stop();
  });
  const registry = await openRegistry(settings, (entry) => {
    logs.expect(entry.session, entry.accepted);
  });
  closing.add(() => registry.stop());
  const components: Component[] = [
    table.component(reader, `${settings.table.table} in ${settings.table.region}`),
    ...(plane?.components ?? []),
  ];
  if (gateway !== undefined) components.push(gatewayComponent(gateway));
  components.push(
    stuckTasks({
      reader,
      spared: table.isSpared,
      ...(settings.stuckAfterMs === undefined ? {} : { stuckAfterMs: settings.stuckAfterMs }),
    }),
  );
  components.push(source.component);
  if (replicas !== undefined) components.push(replicasComponent(replicas));
  const submissions =
    gateway === undefined || data === undefined
      ? undefined
      : new Submissions({
          ...settings.limits,
          registry,
          carrier: new GatewayCarrier({ ...settings.gateway, data, reader, gateway }),
          logs,
          logged: false,
          queued: () => 0,
          sessionRow: (session) => sessionRow(name, session, registry.get(session)),
          answerMs: settings.answerMs ?? 10_000,
          takeUpMs: replicas === undefined ? 0 : replicas.leaseMs / 3,
        });
  closing.add(() => submissions?.stop());
  // What an earlier process left goes on beside all else; its end is in the registry.
  void Promise.all(submissions?.resume() ?? []);
  return new HtcGrid({
    configuration: settings.configuration,
    name,
    embedded: false,
    reader,
    writer: new TableWriter(connection),
    registry,
    logs,
    data,
    submissions,
    noSubmissions: settings.noGateway ?? 'it has no gateway and data plane configured',
    ...(settings.cancel === 'GATEWAY' && gateway !== undefined
      ? { nativeCancel: nativeCancelOf(gateway) }
      : {}),
    rows: new TaskRows({ grid: name, registry, seen, data }),
    everything,
    cancelled: (session, changes) => {
      seen.note(changes);
      logs.peek(session)?.apply(changes);
    },
    components,
    ...(settings.deadlineMs === undefined ? {} : { deadlineMs: settings.deadlineMs }),
    stop: () => closing.stop(),
  });
}

/** Shared by replicas where there are any, else a file where there is a folder for it. */
async function openRegistry(
  { name: grid, path, replicas: shared }: TaskGridSettings,
  ended: (entry: SessionEntry) => void,
): Promise<SessionRegistry> {
  if (shared !== undefined) return RedisRegistry.open({ shared, grid, ended });
  if (path === undefined) return new MemoryRegistry();
  return FileRegistry.open(join(path, 'sessions.jsonl'));
}

const replicasComponent = (replicas: SharedRedis): Component => ({
  name: 'replicas',
  check: () => replicas.health(),
});

/** What the registry knows, else what the submitter stored: only then can a log be complete. */
async function expectedOf(
  session: string,
  registry: SessionRegistry,
  data: DataPlane | undefined,
  signal: AbortSignal,
): Promise<number | undefined> {
  await registry.look([session]);
  const entry = registry.get(session);
  // While it is being sent there will be as many as were asked for, or it fails and says how many.
  if (entry !== undefined) return entry.state === 'SUBMITTING' ? entry.expected : entry.accepted;
  const stored = await data?.get(submissionKey(session), Infinity, signal);
  return stored === undefined ? undefined : tasksOfPayload(decodeText(stored.text));
}

function gatewayOf(
  settings: GatewayAccess | undefined,
  onCall: { readonly onCall?: OnCall },
): Gateway | undefined {
  if (settings === undefined) return undefined;
  const { url, access, callMs } = settings;
  return new Gateway({
    url,
    access: 'apiKey' in access ? access : new Login(access),
    ...(callMs === undefined ? {} : { callMs }),
    ...onCall,
  });
}
