/** A thousand clients who ask for one job each, at the same time. */
import type { Bench } from '../bench.js';
import { Child } from '../child.js';
import { disconnect, graphql } from '../client.js';
import { inTurns, ratio } from '../measure.js';
import { command } from '../queue.js';
import type { CommandCount } from '../servers/graph.js';

const clients = 1_000;
/** Commands at a time: the server's own limit, and that of the peer. */
const places = 4;

const oneJob = 'query ($id: String!) { job(jobId: $id) { nativeId owner state submittedAt } }';

interface Answer {
  readonly job: { readonly nativeId: string } | null;
}

export const lookups: Bench = {
  name: 'lookups',
  about: `${clients} single-job queries of one cluster at the same time`,
  async run({ pool, quick }) {
    const queue = await pool();
    const { id: cluster, jobs } = queue.cluster;
    const someJobs = (count: number) =>
      Array.from({ length: count }, () => Math.floor(Math.random() * jobs));
    const server = await Child.start('graph', { dir: queue.dir, operations: clients });
    try {
      const counts: CommandCount[] = [];
      const asked = async () => {
        const seconds = await secondsOf(async () => {
          await Promise.all(
            someJobs(clients).map(async (proc) => {
              const id = `${cluster}.${proc}`;
              const { job } = await graphql<Answer>(server.url, oneJob, { id });
              if (job?.nativeId !== id) throw new Error(`${id} was not found.`);
            }),
          );
        });
        counts.push(await server.ask<CommandCount>('commands'));
        return clients / seconds;
      };
      const sample = quick ? 20 : 60;
      const one = async (proc: number) =>
        command(
          queue,
          ...[
            'condor_q',
            '-allusers',
            '-json',
            '-attributes',
            'ClusterId,ProcId,Owner,JobStatus,QDate',
          ],
          ...['-limit', '1', '-constraint', `ClusterId==${cluster}&&ProcId==${proc}`],
        );
      const alone = async () =>
        sample / (await secondsOf(() => atMost(places, someJobs(sample), one)));
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
          value: Math.max(...counts.map(({ atOnce }) => atOnce)),
          unit: 'commands',
          target: { atMost: places },
          detail: `${Math.min(...most)} to ${Math.max(...most)} commands for ${clients} queries`,
        },
      ];
    } finally {
      disconnect();
      await server.stop();
    }
  },
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
