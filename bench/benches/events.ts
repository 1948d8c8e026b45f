/** How long after a job's exit a client's socket tells its event and its end, beside a client that polls condor_q. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { findPool } from '../../test/real/pool.js';
import { type Bench, type Finding, NotRun } from '../bench.js';
import { Child } from '../child.js';
import { sampleOf } from '../measure.js';

const patienceMs = 120_000;

export const events: Bench = {
  name: 'events',
  about: "from a job's exit to what tells of it: jobEvents, jobCompleted, condor_q each second",
  async run({ quick }) {
    const pool = findPool();
    if (typeof pool === 'string') throw new NotRun(pool);
    const jobs = quick ? 4 : 40;
    const server = await Child.start('graph', { dir: pool.dir, eventLog: pool.eventLog });
    const client = createClient({ url: server.url, webSocketImpl: WebSocket, lazy: false });
    // Each job writes down when it exits, into a folder of its owner.
    const folder = await mkdtemp(join(pool.dir, 'home/alice/bench-'));
    await promisify(execFile)('chmod', ['777', folder]);
    const inside = folder.slice(pool.dir.length);
    try {
      const toldEnds = await arrivals(client, ends);
      const toldEvents = await arrivals(client, terminations);
      const cluster = await pool.submit(
        'alice',
        `executable = /bin/sh
transfer_executable = false
arguments = "-c 'sleep 1; date +%s%N > ${inside}/$(Process)'"
queue ${jobs}`,
      );
      const gone = new Map<number, number>();
      const endMs = Date.now() + patienceMs;
      const known = (told: ReadonlyMap<string, number>) =>
        [...told.keys()].filter((id) => id.startsWith(`${cluster}.`)).length;
      while (gone.size < jobs || known(toldEnds) < jobs || known(toldEvents) < jobs) {
        if (Date.now() > endMs) throw new Error(`The jobs of cluster ${cluster} did not end.`);
        await pause(1_000);
        const { stdout } = await pool.run(['condor_q', `${cluster}`, '-af', 'ProcId']);
        const queued = new Set(stdout.split('\n').filter(Boolean).map(Number));
        for (let proc = 0; proc < jobs; proc += 1) {
          if (!queued.has(proc) && !gone.has(proc)) gone.set(proc, Date.now());
        }
      }
      const exited = await Promise.all(
        Array.from({ length: jobs }, async (_, proc) => {
          const { stdout } = await pool.run(['cat', `${inside}/${proc}`]);
          return Number(stdout) / 1e6;
        }),
      );
      const delays = (told: (proc: number) => number | undefined) =>
        exited.map((at, proc) => (told(proc) ?? NaN) - at);
      return [
        finding(
          'TERMINATED of jobEvents',
          100,
          delays((proc) => toldEvents.get(`${cluster}.${proc}`)),
        ),
        finding(
          'jobCompleted',
          250,
          delays((proc) => toldEnds.get(`${cluster}.${proc}`)),
        ),
        finding(
          'condor_q each second',
          undefined,
          delays((proc) => gone.get(proc)),
        ),
      ];
    } finally {
      await client.dispose();
      await server.stop();
      await rm(folder, { recursive: true });
    }
  },
};

const ends = /* GraphQL */ `
  subscription {
    told: jobCompleted(start: { snapshot: true }, delivery: { maxWaitMs: 0 }) {
      kind
      items {
        id: nativeId
      }
    }
  }
`;

const terminations = /* GraphQL */ `
  subscription {
    told: jobEvents(start: { snapshot: true }, types: [TERMINATED], delivery: { maxWaitMs: 0 }) {
      kind
      items: events {
        id: jobId
      }
    }
  }
`;

interface Frame {
  readonly told: { readonly kind: string; readonly items: readonly { readonly id: string }[] };
}

/** When a frame told of each job; resolved when the stream has reached the present. */
async function arrivals(client: Client, query: string): Promise<ReadonlyMap<string, number>> {
  const told = new Map<string, number>();
  await new Promise<void>((resolve, reject) => {
    client.subscribe<Frame>(
      { query },
      {
        next({ data, errors }) {
          if (errors !== undefined) reject(new Error(JSON.stringify(errors)));
          if (data?.told.kind === 'SYNCED') resolve();
          const atMs = Date.now();
          for (const { id } of data?.told.items ?? []) told.set(id, atMs);
        },
        error: reject,
        complete: () => undefined,
      },
    );
  });
  return told;
}

function finding(what: string, atMost: number | undefined, values: readonly number[]): Finding {
  const sorted = values.toSorted((a, b) => a - b);
  const { median, least, largest } = sampleOf(values);
  return {
    what: `from the job's exit to ${what}, p95`,
    value: sorted[Math.ceil(sorted.length * 0.95) - 1] ?? NaN,
    unit: 'ms',
    spread: [least, largest],
    detail: `median ${median.toFixed(0)} ms of ${values.length} jobs`,
    ...(atMost === undefined ? {} : { target: { atMost } }),
  };
}
