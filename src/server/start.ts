/** Puts the program together: configuration, grids, graph, server; and takes it apart again. */
import { join } from 'node:path';
import { openAccess } from '../access/authenticator.js';
import { staticTokens } from '../access/tokens.js';
import type { Configuration } from '../config/load.js';
import { packageRoot } from './about.js';
import type { GridKind } from '../grids/grid.js';
import { configuredGrids, describeGrid, openGrids } from './grids.js';
import { createLog, type Logger } from './log.js';
import { createMetrics } from './metrics.js';

export interface Program {
  readonly url: URL;
  readonly log: Logger;
  /** What each grid is, found out now; bounded in time. */
  describe(): Promise<readonly GridLine[]>;
  stop(): Promise<void>;
}

export interface GridLine {
  readonly name: string;
  readonly kind: GridKind;
  readonly ok: boolean;
  readonly text: string;
}

export async function startProgram(configuration: Configuration): Promise<Program> {
  const log = createLog(configuration.log.level);
  const metrics = createMetrics();
  const gridSettings = await configuredGrids(configuration);
  // The grids open while the libraries of graph and server load: that is most of the time to start.
  const opening = openGrids(gridSettings, metrics, log);
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
    return {
      url,
      log,
      describe: () =>
        Promise.all(
          gridSettings.map(async (each) => ({
            name: each.name,
            kind: each.kind,
            ...(await describeGrid(each, grids.get(each.name), AbortSignal.timeout(describeMs))),
          })),
        ),
      async stop() {
        const stopped = server.stop(); // takes no more work from here on
        graph.close(); // streams say END
        await stopped;
        await grids.stop();
      },
    };
  } catch (error) {
    await opening.then((grids) => grids.stop()).catch(() => undefined);
    throw error;
  }
}

/** How long the lines at the start may wait for a grid. */
const describeMs = 5_000;

/** For `--check`: opens each grid by itself, asks it, and closes it. Nothing listens. */
export async function checkGrids(configuration: Configuration): Promise<readonly GridLine[]> {
  const log = createLog('silent');
  const metrics = createMetrics();
  const all = await configuredGrids(configuration);
  return Promise.all(
    all.map(async (settings) => {
      const { name, kind } = settings;
      try {
        const grids = await openGrids([settings], metrics, log);
        try {
          const signal = AbortSignal.timeout(checkMs);
          return { name, kind, ...(await describeGrid(settings, grids.get(name), signal)) };
        } finally {
          await grids.stop();
        }
      } catch (error) {
        return {
          name,
          kind,
          ok: false,
          text: error instanceof Error ? error.message : String(error),
        };
      }
    }),
  );
}

const checkMs = 20_000;
