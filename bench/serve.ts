/** The real server with the real graph over one grid, in the process of a bench's child. */
import { buildGraph, GraphService } from '../resolvers/index.js';
import { openAccess } from '../src/access/authenticator.js';
import { settings as settingsSchema } from '../src/config/settings.js';
import type { AnyGrid } from '../src/grids/grid.js';
import { GridRegistry } from '../src/grids/registry.js';
import { createLog } from '../src/server/log.js';
import { createMetrics } from '../src/server/metrics.js';
import { guardRoots } from '../src/server/rules.js';
import { createServer } from '../src/server/server.js';

export interface Served {
  readonly url: string;
  /** Stops the grid as well. */
  readonly stop: () => Promise<void>;
}

/** @param limits as in the configuration; the bench is a single caller. */
export async function serve(
  grid: AnyGrid,
  limits: Readonly<Record<string, number>> = {},
): Promise<Served> {
  const schema = await buildGraph();
  guardRoots(schema);
  const grids = new GridRegistry([grid]);
  const graph = new GraphService(grids);
  const parsed = settingsSchema.parse({ server: { port: 0, playground: false }, limits });
  const server = await createServer({
    schema,
    settings: parsed.server,
    limits: parsed.limits,
    authenticator: openAccess,
    makeContext: (operation) => graph.context(operation),
    readiness: async () => [],
    metrics: createMetrics(),
    log: createLog('info'), // as it is by default
    playground: '',
  });
  const url = await server.listen();
  return {
    url: `${url.href}graphql`,
    stop: async () => {
      graph.close();
      await server.stop();
      await grids.stop();
    },
  };
}
