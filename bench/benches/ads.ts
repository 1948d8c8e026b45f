/** The whole queue with every attribute, page by page: what restd fetches in one answer of 113 MB. */
import type { Bench } from '../bench.js';
import { Child } from '../child.js';
import { graphql } from '../client.js';
import { inTurns, ratio, timed } from '../measure.js';
import { command } from '../queue.js';

const pageSize = 500;

const page = /* GraphQL */ `
  query ($after: String) {
    jobs(first: ${pageSize}, after: $after) {
      nodes {
        classAd
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

interface Page {
  readonly jobs: {
    readonly nodes: readonly { readonly classAd: object }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

export const ads: Bench = {
  name: 'ads',
  about: `every job with all its attributes, in pages of ${pageSize}`,
  async run({ pool, quick }) {
    const queue = await pool();
    const server = await Child.start('graph', { dir: queue.dir });
    try {
      const everything = async (): Promise<void> => {
        let after: string | null = null;
        let jobs = 0;
        do {
          const found: Page = await graphql<Page>(server.url, page, { after });
          const { nodes, pageInfo } = found.jobs;
          jobs += nodes.length;
          after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
        } while (after !== null);
        if (jobs < queue.jobs) throw new Error(`The pages hold ${jobs} jobs of ${queue.jobs}.`);
      };
      await graphql(server.url, page, { after: null });
      let child = 0;
      const grown = await server.growthOf(async () => {
        child = await server.childrenDuring(everything);
      });
      const times = await inTurns(
        {
          pages: () => timed(everything),
          alone: () => command(queue, 'condor_q', '-allusers', '-json'),
        },
        quick ? 1 : 3,
      );
      return [
        ratio('all pages, times one condor_q with everything', [times.pages, times.alone], 'ms', {
          atMost: 2.5,
        }),
        {
          what: 'memory of the server beyond what it had, at its peak',
          value: grown,
          unit: 'MB',
          target: { atMost: 60 },
        },
        {
          what: 'the largest of its commands, at its peak',
          value: child,
          unit: 'MB',
          target: { atMost: 130 },
        },
      ];
    } finally {
      await server.stop();
    }
  },
};
