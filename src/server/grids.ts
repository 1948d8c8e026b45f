/** Opens the grids of the configuration, with their calls counted and their troubles logged. */
import type { DeployedGateway } from '../config/deployed-grid.js';
import type { Configuration } from '../config/load.js';
import { isLoopback } from '../config/loopback.js';
import type {
  DeployedSettings,
  EmbeddedPoolSettings,
  EmbeddedSettings,
  GridSettings,
  PoolSettings,
} from '../config/grids.js';
import type { AnyGrid, GridHealth } from '../grids/grid.js';
import type { GatewayAccess, TaskGridSettings } from '../grids/htc-grid/index.js';
import { GridRegistry } from '../grids/registry.js';
import type { SharedRedis } from '../replicas/shared-redis.js';
import { readAuthorities } from './authorities.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';

/** Without `grids` in the configuration: an embedded HTC-Grid, and the pool of this host or an embedded one. */
export async function configuredGrids({
  grids,
  handler,
  exec,
  server,
}: Pick<Configuration, 'grids' | 'handler' | 'exec' | 'server'>): Promise<readonly GridSettings[]> {
  const chosen = grids ?? [embeddedDefault, ...(await defaultPools(server.host))];
  if (handler === null && exec === null) return chosen;
  const named =
    exec === null
      ? { handler: handler ?? undefined, exec: undefined }
      : { handler: undefined, exec: ['/bin/sh', '-c', exec] };
  return chosen.map((grid) =>
    grid.kind === 'HTC_GRID' && grid.embedded ? { ...grid, ...named } : grid,
  );
}

const embeddedDefault: EmbeddedSettings = {
  kind: 'HTC_GRID',
  name: 'local',
  embedded: true,
  workers: 4,
};
const poolDefault: PoolSettings = {
  kind: 'HTCONDOR',
  name: 'pool',
  embedded: false,
  concurrency: 4,
  deadlineMs: 15_000,
};
const embeddedPoolDefault: EmbeddedPoolSettings = {
  kind: 'HTCONDOR',
  name: 'pool',
  embedded: true,
  cpus: 4,
  memoryMb: 4096,
};

/** Jobs of an embedded pool run as this process does, so it is not offered beyond loopback. */
async function defaultPools(host: string): Promise<readonly GridSettings[]> {
  const { commandsFound } = await import('../grids/condor/index.js');
  if (await commandsFound({})) return [poolDefault];
  return isLoopback(host) ? [embeddedPoolDefault] : [];
}

export interface GridSurroundings {
  readonly metrics: Metrics;
  readonly log: Logger;
  /** What the replicas of this server share; undefined where it is alone. It outlives the grids. */
  readonly replicas: SharedRedis | undefined;
}

/** Opens all or none. */
export async function openGrids(
  settings: readonly GridSettings[],
  around: GridSurroundings,
): Promise<GridRegistry> {
  const opened = await Promise.allSettled(settings.map((grid) => openGrid(grid, around)));
  const failed = opened.find((result) => result.status === 'rejected');
  const grids = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  if (!failed) return new GridRegistry(grids);
  await Promise.allSettled(grids.map((grid) => grid.stop()));
  throw failed.reason;
}

/** The connectors are loaded as they are needed: each brings the libraries of its own grid. */
async function openGrid(
  settings: GridSettings,
  { metrics, log, replicas }: GridSurroundings,
): Promise<AnyGrid> {
  const { name: grid } = settings;
  const count = (call: { readonly kind: string; readonly outcome: string; readonly ms: number }) =>
    metrics.gridCall({ grid, call: call.kind, outcome: call.outcome, ms: call.ms });
  if (settings.kind === 'HTCONDOR') {
    const { openEmbeddedPool, openPool } = await import('../grids/condor/index.js');
    if (settings.embedded) return openEmbeddedPool(settings);
    return openPool({ ...settings, replicas, onCommand: count });
  }
  // The SDK's notice about the next Node belongs to those who choose the version, not on each console.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  const { openEmbedded, openTaskGrid } = await import('../grids/htc-grid/index.js');
  if (!settings.embedded) {
    // The names of agent_config.json as they are, beside those of this server's own configuration.
    const { agentConfig, ...own } = settings;
    const configuration = { ...own, ...agentConfig };
    const wire = await overTheWire(settings);
    return openTaskGrid({ ...wire, configuration, replicas, onCall: count });
  }
  const { dataDir, handler, exec, workers, taskTimeoutMs, tablePort } = settings;
  return openEmbedded({
    name: grid,
    configuration: settings,
    workers: {
      concurrency: workers,
      taskTimeoutMs,
      onLine: ({ pid, stream, text }) => log.info({ grid, worker: pid, stream, text }, 'task'),
    },
    ...(dataDir === undefined ? {} : { path: dataDir }),
    ...(handler === undefined ? {} : { handler }),
    ...(exec === undefined ? {} : { exec }),
    ...(tablePort === undefined ? {} : { tablePort }),
    ...redisOf(settings),
    onCall: count,
    onError: (error) => log.error({ grid, err: error }, 'worker'),
  });
}

async function overTheWire(settings: DeployedSettings): Promise<TaskGridSettings> {
  const { name, table, region, endpoint, dataDir, redis, s3, gateway, gatewayMissing } = settings;
  const { refreshMs, claimMs, visibilityMs } = settings.workerTimes;
  const ca = redis?.ca && (await readAuthorities(`redis.ca of ${name}`, redis.ca));
  return {
    name,
    table: { table, region, ...(endpoint === undefined ? {} : { endpoint }) },
    ...(redis === undefined ? {} : { data: { ...redis, ca } }),
    ...(s3 === undefined ? {} : { s3: { ...s3, region } }),
    ...(gateway === undefined ? {} : { gateway: accessOf(gateway) }),
    ...(gatewayMissing === null ? {} : { noGateway: gatewayMissing }),
    cancel: settings.cancel,
    completions: settings.completions,
    limits: { maxPriority: settings.priorities - 1 },
    poll: { refreshMs, claimMs },
    stuckAfterMs: visibilityMs,
    ...(dataDir === undefined ? {} : { path: dataDir }),
  };
}

function redisOf({ redis }: EmbeddedSettings) {
  if (redis === undefined) return {};
  const { password, ...address } = redis;
  return { data: { ...address, ...(password === undefined ? {} : { password }) } };
}

function accessOf({ url, access, partTasks }: DeployedGateway): GatewayAccess {
  if (access.kind === 'KEY') return { url, access: { apiKey: access.apiKey }, partTasks };
  const { loginUrl, userPoolId, clientId, username, password } = access;
  return {
    url,
    access: { userPoolId, clientId, username, password, url: loginUrl },
    partTasks,
  };
}

/** What a grid is, as a few words for the console. */
export async function describeGrid(
  settings: GridSettings,
  grid: AnyGrid,
  signal: AbortSignal,
): Promise<{ readonly ok: boolean; readonly text: string }> {
  if (settings.kind === 'HTCONDOR' && settings.embedded) {
    const { cpus, memoryMb, slots } = settings;
    const cut = slots === undefined ? 'one partitionable slot' : `${slots} slots`;
    const text = `HTCondor, embedded: ${cpus} cpus and ${memoryMb} MiB in ${cut}, in memory, jobs run as this account`;
    return { ok: true, text };
  }
  if (settings.kind === 'HTCONDOR') {
    const { probe } = await import('../grids/condor/index.js');
    const found = await probe(settings, signal);
    if (!found.found) return { ok: false, text: `HTCondor, does not answer: ${found.reason}` };
    const schedds = found.schedds.join(', ') || 'no schedd';
    return {
      ok: true,
      text: `HTCondor ${found.version}, schedds ${schedds}, ${found.slots} slots`,
    };
  }
  const what = settings.embedded
    ? `HTC-Grid, embedded, ${settings.workers} workers, ${settings.handler ?? settings.exec?.join(' ') ?? 'demonstration task'}, ${settings.dataDir ?? 'in memory'}`
    : `HTC-Grid, table ${settings.table} in ${settings.region}`;
  const health = await grid.health(signal);
  return health.status === 'OK'
    ? { ok: true, text: what }
    : { ok: false, text: `${what}, ${health.status}: ${troubles(health)}` };
}

const troubles = ({ components }: GridHealth): string =>
  components
    .filter(({ status }) => status !== 'OK')
    .map(({ name, detail }) => `${name} (${detail ?? 'no detail'})`)
    .join(', ');
