/** The real server over an embedded grid with one session, whose tasks end when they are told to. */
import { buildGraph, GraphService } from '../../resolvers/index.js';
import { localAdmin, openAccess } from '../../src/access/authenticator.js';
import { settings as settingsSchema } from '../../src/config/settings.js';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import { encodeId } from '../../src/grids/id.js';
import { GridRegistry } from '../../src/grids/registry.js';
import { createLog } from '../../src/server/log.js';
import { createMetrics } from '../../src/server/metrics.js';
import { guardRoots } from '../../src/server/rules.js';
import { createServer } from '../../src/server/server.js';
import type { Started } from '../child.js';
import { now } from '../raw-subscribers.js';
import { observed } from './idle.js';

export interface FanoutSettings {
  readonly subscribers: number;
  readonly tasks: number;
}

export async function start({ subscribers, tasks }: FanoutSettings): Promise<Started> {
  /** Calls to the table that read. */
  let reads = 0;
  const working: (() => void)[] = [];
  const grid = await openEmbedded({
    name: 'local',
    run: () => new Promise<null>((resolve) => working.push(() => resolve(null))),
    onCall: ({ kind }) => {
      if (kind === 'table-read') reads += 1;
    },
  });
  const { session } = await grid.submit(
    {
      payloads: Array.from({ length: tasks }, () => null),
      priority: undefined,
      owner: localAdmin.identity,
      idempotencyKey: undefined,
      dryRun: false,
    },
    new AbortController().signal,
  );
  if (!session) throw new Error('The session was not submitted.');
  const schema = await buildGraph();
  guardRoots(schema);
  const grids = new GridRegistry([grid]);
  const graph = new GraphService(grids);
  const { server: settings, limits } = settingsSchema.parse({
    server: { port: 0, playground: false },
    limits: { connections: subscribers, subscriptionsPerCaller: subscribers },
  });
  const server = await createServer({
    schema,
    settings,
    limits,
    authenticator: openAccess,
    makeContext: (operation) => graph.context(operation),
    readiness: async () => [],
    metrics: createMetrics(),
    log: createLog('info'),
    playground: '',
  });
  const url = await server.listen();
  const { memory, longestBlock } = observed();
  return {
    url: `${url.href}graphql`,
    answers: {
      memory,
      longestBlock,
      session: () => encodeId('Session', 'local', session.nativeId),
      /** Since the last time. */
      reads() {
        const since = reads;
        reads = 0;
        return since;
      },
      /** When the task ended. */
      end() {
        const act = working.shift();
        if (!act) throw new Error('No task is at work.');
        const at = now();
        act();
        return at;
      },
    },
    async stop() {
      graph.close();
      await server.stop();
      await grids.stop();
    },
  };
}
