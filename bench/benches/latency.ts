/** How long after the end of a task a client's socket tells of it, by each source of an HTC-Grid, beside the Python connector's polling. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { encodeId } from '../../src/grids/id.js';
import { findRedis } from '../../test/real/redis.js';
import { type Bench, type Finding, NotRun } from '../bench.js';
import { Child } from '../child.js';
import { pollResults } from '../connector-poll.js';
import { type End, type Spread, tasksOf } from '../ends.js';
import { sampleOf } from '../measure.js';
import { now } from '../raw-subscribers.js';
import type { CompletionsSettings } from '../servers/completions.js';
import type { DeploymentSettings, Places } from '../servers/deployment.js';
import type { Blocks } from '../servers/idle.js';

const grid = 'grid';
/** The default of `TableStream`. */
const readMs = 200;
const patienceMs = 30_000;

export const latency: Bench = {
  name: 'latency',
  about: "from the end of a task to its frame on a client's socket, by each source of HTC-Grid",
  async run({ quick }) {
    const redis = findRedis();
    if (typeof redis === 'string') throw new NotRun(redis);
    const spread: Spread = quick ? { tasks: 40, spanMs: 2_000 } : { tasks: 200, spanMs: 10_000 };
    const dataPlane = await redis.start('--notify-keyspace-events', 'K$');
    try {
      const embedded = await ofEmbedded(spread);
      const { port: redisPort } = dataPlane;
      const settings: DeploymentSettings = { ...spread, redisPort };
      const deployment = await Child.start('deployment', settings);
      try {
        const places = await deployment.ask<Places>('places');
        const followed = (endpoint: string, source: string) =>
          ofDeployed(deployment, spread, { ...places, endpoint, redisPort, source });
        const keyspace = await followed(places.endpoint, 'Redis keyspace notifications');
        const streams = await followed(places.streamEndpoint, 'The DynamoDB stream');
        const polled = [...keyspace.polled, ...streams.polled];
        return [
          ...findings('embedded: from the end of a function to the frame', 20, embedded, polled),
          ...findings("KEYSPACE: from the row's update to the frame", 100, keyspace.told, polled),
          ...findings(
            "STREAMS: from the row's update to the frame",
            readMs + 50,
            streams.told,
            polled,
          ),
          finding('… to an answer to a Python connector that polls each second', undefined, polled),
        ];
      } finally {
        await deployment.stop();
      }
    } finally {
      await dataPlane.stop();
    }
  },
};

/** Milliseconds from the end of each task until it was told of. */
type Delays = readonly number[];

interface Told {
  readonly delays: Delays;
  /** Of the server meanwhile. */
  readonly blocks: Blocks;
}

async function ofEmbedded(spread: Spread): Promise<Told> {
  const settings: CompletionsSettings = { name: grid, embedded: spread };
  const server = await Child.start('completions', settings);
  try {
    const session = await server.ask<string>('session');
    return await delaysOf(server, session, () => server.ask('work'));
  } finally {
    await server.stop();
  }
}

interface Deployed extends Places {
  readonly redisPort: number;
  /** How its health begins where it learns of ends as it should. */
  readonly source: string;
}

async function ofDeployed(
  deployment: Child,
  spread: Spread,
  { table, endpoint, redisPort, gateway, source }: Deployed,
): Promise<{ readonly told: Told; readonly polled: Delays }> {
  const settings: CompletionsSettings = { name: grid, table, endpoint, redisPort };
  const server = await Child.start('completions', settings);
  try {
    const session = await deployment.ask<string>('session');
    let polled: Delays = [];
    const told = await delaysOf(server, session, async () => {
      const used = await server.ask<string>('source');
      if (!used.startsWith(source)) throw new Error(`Not followed by ${source}: ${used}`);
      const [ends, seen] = await Promise.all([
        deployment.ask<readonly End[]>('work'),
        pollResults(gateway, session, tasksOf(spread)),
      ]);
      polled = between(ends, seen);
      return ends;
    });
    return { told, polled };
  } finally {
    await server.stop();
  }
}

const completions = /* GraphQL */ `
  subscription ($session: ID!) {
    taskCompleted(sessions: [$session], start: { snapshot: true }, delivery: { maxWaitMs: 0 }) {
      kind
      tasks {
        nativeId
      }
    }
  }
`;

interface Frame {
  readonly taskCompleted: {
    readonly kind: string;
    readonly tasks: readonly { readonly nativeId: string }[];
  };
}

/** Follows a session from before its first end until all its ends were told. */
async function delaysOf(
  server: Child,
  session: string,
  work: () => Promise<readonly End[]>,
): Promise<Told> {
  const client = createClient({ url: server.url, webSocketImpl: WebSocket, lazy: false });
  try {
    const told = await follow(client, encodeId('Session', grid, session));
    await server.ask('blocks');
    const ends = await work();
    const limitMs = Date.now() + patienceMs;
    const missing = () => ends.filter(([taskId]) => !told.has(taskId)).length;
    while (missing() > 0) {
      if (Date.now() > limitMs)
        throw new Error(`${missing()} of ${ends.length} ends were not told.`);
      await pause(50);
    }
    return { delays: between(ends, told), blocks: await server.ask<Blocks>('blocks') };
  } finally {
    await client.dispose();
  }
}

/** When a frame told of each task; resolves when the stream has reached the present. */
function follow(client: Client, session: string): Promise<ReadonlyMap<string, number>> {
  const told = new Map<string, number>();
  return new Promise((resolve, reject) => {
    client.subscribe<Frame>(
      { query: completions, variables: { session } },
      {
        next({ data, errors }) {
          const at = now();
          if (errors !== undefined) reject(new Error(JSON.stringify(errors)));
          for (const { nativeId } of data?.taskCompleted.tasks ?? [])
            if (!told.has(nativeId)) told.set(nativeId, at);
          if (data?.taskCompleted.kind === 'SYNCED') resolve(told);
        },
        error: reject,
        complete: () => undefined,
      },
    );
  });
}

const between = (ends: readonly End[], told: ReadonlyMap<string, number>): Delays =>
  ends.map(([taskId, at]) => (told.get(taskId) ?? NaN) - at);

/** The slowest of a hundred, and how much sooner that is than with the Python connector. */
function findings(
  what: string,
  atMost: number,
  { delays, blocks }: Told,
  polled: Delays,
): readonly Finding[] {
  const delay = finding(what, atMost, delays);
  return [
    delay,
    {
      what: '… the Python connector that polls each second, times this',
      value: p99(polled) / delay.value,
      unit: 'x',
      detail: `by the medians ${(sampleOf(polled).median / sampleOf(delays).median).toFixed(0)}; at a time the server worked for at most ${blocks.workedMs.toFixed(0)} ms and waited for a core for ${blocks.waitedMs.toFixed(0)} ms`,
    },
  ];
}

function finding(what: string, atMost: number | undefined, delays: Delays): Finding {
  const { median, least, largest } = sampleOf(delays);
  return {
    what: `${what}, p99`,
    value: p99(delays),
    unit: 'ms',
    spread: [least, largest],
    detail: `median ${median.toFixed(1)} ms of ${delays.length} tasks`,
    ...(atMost === undefined ? {} : { target: { atMost } }),
  };
}

const p99 = (delays: Delays): number =>
  delays.toSorted((a, b) => a - b)[Math.ceil(delays.length * 0.99) - 1] ?? NaN;
