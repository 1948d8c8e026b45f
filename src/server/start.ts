/** Puts the program together: configuration, grids, graph, server; and takes it apart again. */
import { join } from 'node:path';
import { openAccess } from '../access/authenticator.js';
import { staticTokens } from '../access/tokens.js';
import type { DeployedSettings, GridSettings } from '../config/grids.js';
import type { Configuration } from '../config/load.js';
import { GridError } from '../errors.js';
import { packageRoot } from './about.js';
import { configuredGrids, describeGrid, openGrids } from './grids.js';
import { createLog, type Logger } from './log.js';
import { createMetrics } from './metrics.js';
import { describeReplicas, openReplicas } from './replicas.js';

export interface Program {
  readonly url: URL;
  readonly log: Logger;
  /** What there is, found out now; bounded in time. */
  describe(): Promise<readonly PartLine[]>;
  stop(): Promise<void>;
}

/** A grid in words, or what the replicas share. */
export interface PartLine {
  readonly name: string;
  readonly part: 'grid' | 'replicas';
  readonly ok: boolean;
  readonly text: string;
}

export async function startProgram(configuration: Configuration): Promise<Program> {
  const log = createLog(configuration.log.level);
  const metrics = createMetrics();
  const gridSettings = await configuredGrids(configuration);
  // The grids open while the libraries of graph and server load: that is most of the time to start.
  const replicas = await openReplicas(configuration.replicas);
  const opening = openGrids(gridSettings, { metrics, log, replicas });
  try {
    const [{ buildGraph, GraphService }, { createServer }, { guardRoots }, grids] =
      await Promise.all([
        import('../../resolvers/index.js'),
        import('./server.js'),
        import('./rules.js'),
        opening,
      ]);
    const { server: settings, limits, access } = configuration;
    const schema = await buildGraph();
    guardRoots(schema);
    const graph = new GraphService(grids, {
      maxPageSize: limits.pageSize,
      maxActionJobs: limits.actionJobs,
    });
    const server = await createServer({
      schema,
      settings,
      limits,
      authenticator: access.tokens.length === 0 ? openAccess : staticTokens(access.tokens),
      makeContext: (operation) => graph.context(operation),
      readiness: (signal) =>
        Promise.all(
          grids.all.map(async (grid) => {
            const { status } = await grid.health(signal);
            return { name: grid.name, kind: grid.kind, status };
          }),
        ),
      metrics,
      log,
      playground: join(packageRoot, 'dist', 'playground'),
    });
    const url = await server.listen();
    const stopping = new AbortController();
    let described: Promise<unknown> | undefined;
    return {
      url,
      log,
      describe() {
        const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(describeMs)]);
        const lines = gridSettings.map((each) =>
          lineOf(each, () => describeGrid(each, grids.get(each.name), signal)),
        );
        described = Promise.all(lines);
        return Promise.all([...lines, ...describeReplicas(replicas)]);
      },
      async stop() {
        stopping.abort(new GridError('UNAVAILABLE', 'The server is stopping.'));
        const stopped = server.stop(); // takes no more work from here on
        graph.close(); // streams say END
        await stopped;
        await described; // its commands have ended
        await grids.stop();
        replicas?.stop();
      },
    };
  } catch (error) {
    await opening.then((grids) => grids.stop()).catch(() => undefined);
    replicas?.stop();
    throw error;
  }
}

/** How long the lines at the start may wait for a grid. */
const describeMs = 5_000;

/** For `--check`: opens each grid by itself, asks it, and closes it. Nothing listens, nothing is taken up. */
export async function checkGrids(configuration: Configuration): Promise<readonly PartLine[]> {
  const replicas = await openReplicas(configuration.replicas);
  // The grids are opened alone and without their registries: a look takes up no submission.
  const around = { log: createLog('silent'), metrics: createMetrics(), replicas: undefined };
  const all = await configuredGrids(configuration);
  const checked = all.map((settings) =>
    lineOf(settings, async () => {
      const shown = isDeployed(settings) ? { ...settings, dataDir: undefined } : settings;
      const grids = await openGrids([shown], around);
      try {
        const signal = AbortSignal.timeout(checkMs);
        return await describeGrid(settings, grids.get(settings.name), signal);
      } finally {
        await grids.stop();
      }
    }),
  );
  try {
    return await Promise.all([...checked, ...describeReplicas(replicas)]);
  } finally {
    replicas?.stop();
  }
}

/** The line of a grid; what fails is what it says. */
async function lineOf(
  { name }: GridSettings,
  describe: () => Promise<{ readonly ok: boolean; readonly text: string }>,
): Promise<PartLine> {
  try {
    return { name, part: 'grid', ...(await describe()) };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { name, part: 'grid', ok: false, text };
  }
}

const isDeployed = (settings: GridSettings): settings is DeployedSettings =>
  settings.kind === 'HTC_GRID' && !settings.embedded;

const checkMs = 20_000;
