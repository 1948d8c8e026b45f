/** Pages of 50 out of the whole queue: in id order at both ends and in the middle, and in another order. */
import { encodeCursor, listName } from '../../src/query/cursor.js';
import type { Bench } from '../bench.js';
import { Child } from '../child.js';
import { graphql } from '../client.js';
import { inTurns, ratio, timed } from '../measure.js';
import { allJobs, command, five } from '../queue.js';

const page = (args: string): string => /* GraphQL */ `
  {
    jobs(${args}) {
      nodes {
        clusterId
        procId
        owner
        nativeState
        submittedAt
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        endCursor
      }
    }
  }
`;

interface Page {
  readonly jobs: { readonly nodes: readonly { readonly owner: string }[] };
}

export const pages: Bench = {
  name: 'pages',
  about: 'a page of 50 jobs with five attributes',
  async run({ pool, quick }) {
    const queue = await pool();
    const server = await Child.start('graph', { dir: queue.dir });
    try {
      const get = (args: string) => () =>
        timed(async () => {
          const { nodes } = (await graphql<Page>(server.url, page(args))).jobs;
          if (nodes.length !== 50) throw new Error(`The page has ${nodes.length} jobs.`);
        });
      const schedd = await ownSchedd(server.url);
      const middle = encodeCursor(listName('jobs', []), {
        order: [],
        id: ['pool', schedd, queue.cluster.id, Math.floor(queue.cluster.jobs / 2)],
      });
      const times = await inTurns(
        {
          first: get('first: 50'),
          middle: get(`first: 50, after: "${middle}"`),
          last: get('last: 50'),
          everything: () => command(queue, ...allJobs, five),
          newest: get('first: 50, orderBy: [{ field: SUBMITTED_AT, direction: DESC }]'),
          keys: () => command(queue, ...allJobs, 'ClusterId,ProcId,QDate'),
        },
        quick ? 2 : 9,
      );
      const inIdOrder = (['first', 'middle', 'last'] as const).map((which) =>
        ratio(`${which} page, times fetching all`, [times[which], times.everything], 'ms', {
          atMost: 0.3,
        }),
      );
      return [
        ...inIdOrder,
        ratio(
          'first page by time of submission, times fetching ids and times',
          [times.newest, times.keys],
          'ms',
          { atMost: 1.2 },
        ),
      ];
    } finally {
      await server.stop();
    }
  },
};

async function ownSchedd(url: string): Promise<string> {
  const { jobs } = await graphql<{ jobs: { nodes: readonly { readonly schedd: string }[] } }>(
    url,
    '{ jobs(first: 1) { nodes { schedd } } }',
  );
  return jobs.nodes[0]?.schedd ?? '';
}
