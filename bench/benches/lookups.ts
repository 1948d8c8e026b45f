/** A thousand clients who ask for one job each, at the same time. */
import type { Bench, LoadedPool } from '../bench.js';
import { Child } from '../child.js';
import { disconnect, graphql } from '../client.js';
import { inTurns, ratio } from '../measure.js';
import { allJobs, command, five } from '../queue.js';
import type { CommandCount } from '../servers/graph.js';

const atOnce = 1_000;
/** Commands at a time: the server's own limit, and that of the peer. */
const places = 4;

const oneJob = 'query ($id: String!) { job(jobId: $id) { nativeId owner state submittedAt } }';

interface Answer {
  readonly job: { readonly nativeId: string } | null;
}

export const lookups: Bench = {
  name: 'lookups',
  about: `${atOnce} single-job queries of one cluster at the same time`,
  async run({ pool, quick }) {
    const queue = await pool();
    const { id: cluster } = queue.cluster;
    const someJobs = (count: number) => someProcs(queue, count);
    const server = await Child.start('graph', { dir: queue.dir, operations: atOnce });
    try {
      const counts: CommandCount[] = [];
      const asked = async () => {
        const seconds = await secondsOf(async () => {
          await Promise.all(
            someJobs(atOnce).map(async (proc) => {
              const id = `${cluster}.${proc}`;
              const { job } = await graphql<Answer>(server.url, oneJob, { id });
              if (job?.nativeId !== id) throw new Error(`${id} was not found.`);
            }),
          );
        });
        counts.push(await server.ask<CommandCount>('commands'));
        return atOnce / seconds;
      };
      const alone = oneCommandEach(queue, quick ? 20 : 60);
      const rates = await inTurns({ asked, alone }, quick ? 2 : 7);
      const target = { atLeast: 15 };
      const most = counts.map(({ commands }) => commands);
      return [
        ratio(
          'queries a second, times one command each, four at a time',
          [rates.asked, rates.alone],
          'a second',
          target,
        ),
        {
          what: 'commands at the same time, at most',
          value: Math.max(...counts.map((count) => count.atOnce)),
          unit: 'commands',
          target: { atMost: places },
          detail: `${Math.min(...most)} to ${Math.max(...most)} commands for ${atOnce} queries`,
        },
      ];
    } finally {
      disconnect();
      await server.stop();
    }
  },
};

const steadyClients = 16;

export const clients: Bench = {
  name: 'clients',
  about: `${steadyClients} clients, each asking for one random job after the other`,
  async run({ pool, quick }) {
    const queue = await pool();
    const server = await Child.start('graph', { dir: queue.dir });
    try {
      // Of a short round the beginning and the end, when fewer than all ask, would be much.
      const each = quick ? 5 : 60;
      const counts: CommandCount[] = [];
      const asked = async () => {
        const seconds = await secondsOf(() =>
          atMost(steadyClients, someProcs(queue, each * steadyClients), async (proc) => {
            const id = `${queue.cluster.id}.${proc}`;
            const { job } = await graphql<Answer>(server.url, oneJob, { id });
            if (job?.nativeId !== id) throw new Error(`${id} was not found.`);
          }),
        );
        counts.push(await server.ask<CommandCount>('commands'));
        return (each * steadyClients) / seconds;
      };
      const alone = oneCommandEach(queue, quick ? 20 : 120);
      const rates = await inTurns({ asked, alone }, quick ? 2 : 7);
      const most = counts.map(({ commands }) => commands);
      return [
        ratio(
          'queries a second of 16 clients, times one command each, four at a time',
          [rates.asked, rates.alone],
          'a second',
          { atLeast: 5 },
        ),
        {
          what: 'commands at the same time, at most',
          value: Math.max(...counts.map((count) => count.atOnce)),
          unit: 'commands',
          target: { atMost: places },
          detail: `${Math.min(...most)} to ${Math.max(...most)} commands for ${each * steadyClients} queries`,
        },
      ];
    } finally {
      disconnect();
      await server.stop();
    }
  },
};

const someProcs = ({ cluster }: LoadedPool, count: number) =>
  Array.from({ length: count }, () => Math.floor(Math.random() * cluster.jobs));

/** Look-ups a second of who starts a command for each, as many at a time as the server may. */
const oneCommandEach = (queue: LoadedPool, sample: number) => async () => {
  const one = (proc: number) =>
    command(
      queue,
      ...[...allJobs, five],
      ...['-limit', '1', '-constraint', `ClusterId==${queue.cluster.id}&&ProcId==${proc}`],
    );
  return sample / (await secondsOf(() => atMost(places, someProcs(queue, sample), one)));
};

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** All of the items, so many at a time. */
async function atMost<Item>(
  limit: number,
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}
