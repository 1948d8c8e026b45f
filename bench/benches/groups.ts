/** Counting: groups that the schedd counts, and groups over a stream of rows. */
import type { Bench, Finding } from '../bench.js';
import { Child } from '../child.js';
import { graphql } from '../client.js';
import { inTurns, ratio, timed } from '../measure.js';
import { Bindings } from '../python.js';
import { allJobs, command, five } from '../queue.js';

const byOwnerAndState = /* GraphQL */ `
  {
    jobs {
      groups(by: [{ field: OWNER }, { field: STATE }]) {
        nodes {
          key {
            text
          }
          count
        }
      }
    }
  }
`;

/** The sort of question that only rows answer: a percentile for each hour of submission. */
const byHour = /* GraphQL */ `
  {
    jobs {
      groups(by: [{ attribute: "QDate", bucket: { every: "1h" } }]) {
        nodes {
          key {
            text
          }
          count
          aggregates {
            attribute(name: "ProcId") {
              p90
            }
          }
        }
      }
    }
  }
`;

/** Jobs of one cluster that no pool has: everything is loaded, nothing is in memory. */
const nobody =
  '{ jobs(filter: { cluster: { eq: 0 } }) { nodes { id owner } groups(by: [{ field: OWNER }]) { totalCount } } }';

export const groups: Bench = {
  name: 'groups',
  about: 'groups by owner and state of the whole queue, counted in the schedd',
  async run({ pool, quick }) {
    const queue = await pool();
    return withServer(queue.dir, async (server) => {
      const asked = () => timed(() => counted(server.url, byOwnerAndState, queue.jobs));
      const alone = () => command(queue, ...allJobs, five);
      const bindings = await Bindings.start(queue);
      // What restd does for `grouped_jobs/DEFAULT/owner?projection=jobstatus`.
      const restd = () =>
        timed(async () => {
          const bytes = await bindings.group('Owner', 'JobStatus');
          if (!(bytes > 20 * queue.jobs)) throw new Error(`The bindings gave ${bytes} bytes.`);
        });
      try {
        const grown = await server.growthOf(() => inTurns({ asked }, quick ? 2 : 5));
        const times = await inTurns({ asked, alone, restd }, quick ? 2 : 9);
        return [
          ratio('groups, times condor_q with five attributes', [times.asked, times.alone], 'ms', {
            atMost: 0.18,
          }),
          ratio(
            'the Python bindings, grouping the rows as restd does, times groups',
            [times.restd, times.asked],
            'ms',
            { atLeast: 8 },
          ),
          growth(grown, 30),
        ];
      } finally {
        bindings.stop();
      }
    });
  },
};

/** Alike in all jobs, an expression, a time, different in each job. */
const otherAttributes = ['JobPrio', 'Requirements', 'QDate', 'GlobalJobId'] as const;

export const attributes: Bench = {
  name: 'attributes',
  about: 'groups by any other attribute, from one group to one for each job',
  async run({ pool, quick }) {
    const queue = await pool();
    return withServer(queue.dir, async (server) => {
      const findings: Finding[] = [];
      for (const attribute of otherAttributes) {
        const query = `{ jobs { groups(by: [{ attribute: "${attribute}" }]) { totalCount nodes { count } } } }`;
        const times = await inTurns(
          {
            asked: () => timed(() => graphql(server.url, query)),
            alone: () => command(queue, ...allJobs, attribute),
          },
          quick ? 2 : 5,
        );
        const what = `groups by ${attribute}, times the command that fetches it`;
        findings.push(ratio(what, [times.asked, times.alone], 'ms', { atMost: 1 }));
      }
      return findings;
    });
  },
};

export const buckets: Bench = {
  name: 'buckets',
  about: 'groups by hour of submission with a p90 in each, over a stream of rows',
  async run({ pool, quick }) {
    const queue = await pool();
    return withServer(queue.dir, async (server) => {
      const asked = () => timed(() => counted(server.url, byHour, queue.jobs));
      // What the server runs for it.
      const alone = () =>
        command(
          queue,
          'condor_q',
          '-allusers',
          '-json',
          '-stream-results',
          '-attributes',
          'ClusterId,ProcId,QDate',
        );
      const grown = await server.growthOf(() => inTurns({ asked }, quick ? 1 : 5));
      const times = await inTurns({ asked, alone }, quick ? 2 : 9);
      const target = { atMost: 1.3 };
      return [
        ratio('buckets, times the same command alone', [times.asked, times.alone], 'ms', target),
        growth(grown, 60),
      ];
    });
  },
};

async function withServer(
  dir: string,
  work: (server: Child) => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  const server = await Child.start('graph', { dir });
  try {
    await graphql(server.url, nobody);
    return await work(server);
  } finally {
    await server.stop();
  }
}

interface Groups {
  readonly jobs: { readonly groups: { readonly nodes: readonly { readonly count: number }[] } };
}

/** An answer that misses jobs would be quick for the wrong reason. */
async function counted(url: string, query: string, jobs: number): Promise<void> {
  const { nodes } = (await graphql<Groups>(url, query)).jobs.groups;
  const sum = nodes.reduce((all, { count }) => all + count, 0);
  if (sum < jobs) throw new Error(`The groups hold ${sum} jobs of ${jobs}.`);
}

const growth = (megabytes: number, atMost: number): Finding => ({
  what: 'memory of the server beyond what it had, at its peak',
  value: megabytes,
  unit: 'MB',
  target: { atMost },
});
