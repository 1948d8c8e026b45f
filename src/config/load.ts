/** Finds, reads and checks the configuration: file, then environment, then command line. */
import { access } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { tokenDigest } from '../access/tokens.js';
import { overlayEnvironment } from './environment.js';
import { deployedSettings } from './deployed-grid.js';
import type { EmbeddedPoolSettings, GridEntry, GridSettings } from './grids.js';
import { readJsonFile } from './json-file.js';
import { isLoopback } from './loopback.js';
import { ConfigError, problemsOf } from './problem.js';
import { settings, type Settings } from './settings.js';

/** The command line's share: what is given wins over file and environment. */
export interface Overrides {
  readonly config?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly handler?: string | undefined;
  readonly exec?: string | undefined;
}

export interface LoadOptions {
  readonly overrides?: Overrides;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly folder?: string;
}

export interface Configuration extends Omit<Settings, 'grids'> {
  readonly grids: readonly GridSettings[] | undefined;
  /** The file that was read; null where there is none. */
  readonly file: string | null;
  /** The handler module of the embedded grid, where the command line or the environment names one. */
  readonly handler: string | null;
  /** The command in its place, a line for the shell. */
  readonly exec: string | null;
}

export const fileNames = ['json', 'js', 'mjs', 'ts'].map((ending) => `htc-graph.config.${ending}`);

/** Throws `ConfigError` with every problem found. */
export async function loadConfiguration(options: LoadOptions = {}): Promise<Configuration> {
  const { overrides = {}, environment = process.env, folder = process.cwd() } = options;
  const named = overrides.config ?? environment['HTC_GRAPH_CONFIG'];
  const file = named === undefined ? await findFile(folder) : resolve(folder, named);
  const content = file === null ? {} : await readContent(file);
  const origin = overlayEnvironment(content, {
    ...environment,
    ...(overrides.host === undefined ? {} : { HTC_GRAPH_HOST: overrides.host }),
    ...(overrides.port === undefined ? {} : { HTC_GRAPH_PORT: overrides.port }),
  });
  const checked = settings.safeParse(content);
  if (!checked.success) {
    const whereFrom = (key: string) =>
      origin.get(key) ?? (file === null ? 'default' : `in ${file}`);
    throw new ConfigError(problemsOf(checked.error, content, whereFrom));
  }
  const handler = overrides.handler ?? environment['HTC_GRAPH_HANDLER'];
  const exec = overrides.exec ?? environment['HTC_GRAPH_EXEC'];
  const base = dirname(file ?? folder);
  const { replicas } = checked.data;
  const found: Configuration = {
    ...checked.data,
    replicas: { ...replicas, ca: replicas.ca === null ? null : resolve(base, replicas.ca) },
    grids: await gridsOf(
      checked.data.grids?.map((grid) => withPaths(grid, base)),
      environment,
    ),
    file,
    handler: handler === undefined ? null : resolve(folder, handler),
    exec: exec ?? null,
  };
  const contradictions = contradictionsOf(found);
  if (contradictions.length > 0) throw new ConfigError(contradictions);
  return found;
}

async function findFile(folder: string): Promise<string | null> {
  const found: string[] = [];
  for (const name of fileNames) {
    const path = resolve(folder, name);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      found.push(path);
  }
  if (found.length > 1) {
    throw new ConfigError([`expected one configuration file, but got ${found.join(' and ')}.`]);
  }
  return found[0] ?? null;
}

async function readContent(file: string): Promise<Record<string, unknown>> {
  const content: unknown = await (extname(file) === '.json'
    ? readJsonFile(file)
    : importModule(file));
  if (content === null || typeof content !== 'object' || Array.isArray(content)) {
    throw new ConfigError([`${file}: expected an object of settings.`]);
  }
  return { ...content };
}

/** A `.ts` file is imported where the runtime strips types (Node >= 22.18, or under tsx). */
async function importModule(file: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
    return module.default;
  } catch (error) {
    const hint =
      (error as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_FILE_EXTENSION'
        ? ' This Node cannot import TypeScript: use .mjs or .json, or Node 22.18 and newer.'
        : '';
    throw new ConfigError([
      `${file}: expected a module with a default export, but: ${(error as Error).message}${hint}`,
    ]);
  }
}

/** Paths in a file are relative to that file. */
function withPaths(grid: GridEntry, folder: string): GridEntry {
  if (grid.kind === 'HTCONDOR') {
    if (grid.embedded) return grid;
    const { eventLog } = grid;
    if (!eventLog) return grid;
    return { ...grid, eventLog: { ...eventLog, path: resolve(folder, eventLog.path) } };
  }
  const from = (path: string | undefined) =>
    path === undefined ? undefined : resolve(folder, path);
  const dataDir = from(grid.dataDir);
  if (grid.embedded) return { ...grid, dataDir, handler: from(grid.handler) };
  const { agentConfig, redis } = grid;
  return {
    ...grid,
    dataDir,
    agentConfig: typeof agentConfig === 'string' ? resolve(folder, agentConfig) : agentConfig,
    redis: redis === undefined ? undefined : { ...redis, ca: from(redis.ca) },
  };
}

/** Deployed grids with what their own files say; the problems of all of them at once. */
async function gridsOf(
  entries: readonly GridEntry[] | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly GridSettings[] | undefined> {
  if (entries === undefined) return undefined;
  const found = await Promise.allSettled(
    entries.map(async (entry, index) =>
      entry.kind === 'HTC_GRID' && !entry.embedded
        ? deployedSettings(entry, `grids[${index}]`, environment)
        : entry,
    ),
  );
  const problems = found.flatMap((one) => {
    if (one.status === 'fulfilled') return [];
    if (one.reason instanceof ConfigError) return one.reason.problems;
    throw one.reason;
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

function contradictionsOf(found: Configuration): string[] {
  const problems: string[] = [];
  const { tokens } = found.access;
  if (tokens.length === 0 && !isLoopback(found.server.host)) {
    problems.push(
      `server.host: expected a loopback address (127.0.0.1, ::1, localhost) as long as access.tokens is empty, but got "${found.server.host}". Configure a token, or listen on loopback.`,
    );
  }
  repeated(tokens.map(({ token }) => tokenDigest(token).toString('hex'))).forEach((index) =>
    problems.push(
      `access.tokens[${index}].token: expected each token once, but an earlier entry has it.`,
    ),
  );
  const names = found.grids?.map(({ name }) => name) ?? [];
  repeated(names).forEach((index) =>
    problems.push(
      `grids[${index}].name: expected each name once, but got "${names[index]}" again.`,
    ),
  );
  found.grids?.forEach((grid, index) => {
    if (isEmbeddedPool(grid) && grid.slots !== undefined && grid.slots > grid.cpus) {
      problems.push(
        `grids[${index}].slots: expected at most one slot for each of ${grid.cpus} cpus, but got ${grid.slots}.`,
      );
    }
    if (!isEmbeddedPool(grid) || isLoopback(found.server.host)) return;
    problems.push(
      `grids[${index}].embedded: expected server.host to be a loopback address (127.0.0.1, ::1, localhost), because the jobs of an embedded pool run as the account of the server, but got "${found.server.host}". Listen on loopback, or configure a real pool.`,
    );
  });
  const { redis, password, ca } = found.replicas;
  if (redis === null && (password ?? ca) !== null)
    problems.push('replicas.redis: expected a URL with replicas.password or ca, but got nothing.');
  if (found.limits.bodyBytes > found.limits.submitBodyBytes) {
    problems.push(
      `limits.bodyBytes: expected at most limits.submitBodyBytes (${found.limits.submitBodyBytes}), but got ${found.limits.bodyBytes}.`,
    );
  }
  for (const key of ['handler', 'exec'] as const) {
    if (found[key] !== null && found.grids && !found.grids.some(isEmbedded)) {
      problems.push(`${key}: expected an embedded HTC-Grid among grids, but there is none.`);
    }
  }
  if (found.handler !== null && found.exec !== null) {
    problems.push('exec: expected either a handler module or a command, but got both.');
  }
  found.grids?.forEach((grid, index) => {
    if (grid.kind === 'HTC_GRID' && grid.embedded && grid.handler && grid.exec) {
      problems.push(`grids[${index}].exec: expected either handler or exec, but got both.`);
    }
  });
  return problems;
}

const isEmbedded = (grid: GridSettings): boolean => grid.kind === 'HTC_GRID' && grid.embedded;

export const isEmbeddedPool = (grid: GridSettings): grid is EmbeddedPoolSettings =>
  grid.kind === 'HTCONDOR' && grid.embedded;

/** The positions of values that came before. */
const repeated = (values: readonly string[]): number[] =>
  values.flatMap((value, index) => (values.indexOf(value) < index ? [index] : []));
