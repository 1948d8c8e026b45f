/** The real server with the real graph, over a pool or over rows in memory. */
import { buildGraph, GraphService } from '../../resolvers/index.js';
import { openAccess } from '../../src/access/authenticator.js';
import { settings as settingsSchema } from '../../src/config/settings.js';
import type { AnyGrid } from '../../src/grids/grid.js';
import { GridRegistry } from '../../src/grids/registry.js';
import { type CommandReport, openPool } from '../../src/grids/condor/index.js';
import { createLog } from '../../src/server/log.js';
import { createMetrics } from '../../src/server/metrics.js';
import { guardRoots } from '../../src/server/rules.js';
import { createServer } from '../../src/server/server.js';
import type { Started } from '../child.js';
import { memoryPool } from '../memory-pool.js';

export interface GraphSettings {
  /** A folder with a real pool; rows in memory without it. */
  readonly dir?: string;
  /** Where its event log is. */
  readonly eventLog?: string;
  /** Operations at once; the bench is a single caller. */
  readonly operations?: number;
}

export async function start({ dir, eventLog, operations = 32 }: GraphSettings): Promise<Started> {
  const commands = new Commands();
  const grid: AnyGrid =
    dir === undefined
      ? memoryPool()
      : openPool({
          name: 'pool',
          prefix: { kind: 'exec', argv: ['chroot', dir] },
          deadlineMs: 60_000, // a slow machine is not what is measured
          ...(eventLog !== undefined && { eventLog: { path: eventLog } }),
          onCommand: (report) => commands.add(report),
        });
  const grids = new GridRegistry([grid]);
  const schema = await buildGraph();
  guardRoots(schema);
  const graph = new GraphService(grids);
  const { server: settings, limits } = settingsSchema.parse({
    server: { port: 0, playground: false },
    limits: { operationsPerCaller: operations },
  });
  const server = await createServer({
    schema,
    settings,
    limits,
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
    answers: { commands: () => commands.take() },
    async stop() {
      graph.close();
      await server.stop();
      await grids.stop();
    },
  };
}

export interface CommandCount {
  readonly commands: number;
  readonly atOnce: number;
}

/** How many commands ran, and how many of them at the same time. */
class Commands {
  private runs: { readonly from: number; readonly to: number }[] = [];

  add({ ms }: CommandReport): void {
    const to = performance.now();
    this.runs.push({ from: to - ms, to });
  }

  /** Since the last time. */
  take(): CommandCount {
    const { runs } = this;
    this.runs = [];
    const atOnce = runs.map(
      ({ from }) => runs.filter((run) => run.from <= from && from < run.to).length,
    );
    return { commands: runs.length, atOnce: Math.max(0, ...atOnce) };
  }
}
