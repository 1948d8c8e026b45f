/** A list of 1,000 objects of ten scalars: over HTTP against other servers, in process against graphql-js alone. */
import autocannon from 'autocannon';
import { execute, type GraphQLSchema, parse } from 'graphql';
import { buildGraph, GraphService } from '../../resolvers/index.js';
import { localAdmin } from '../../src/access/authenticator.js';
import { GridRegistry } from '../../src/grids/registry.js';
import type { Bench, Finding } from '../bench.js';
import { Child } from '../child.js';
import { graphql } from '../client.js';
import { computed, inTurns, ratio } from '../measure.js';
import { memoryPool } from '../memory-pool.js';
import { listDocument, listVariables, plainJobs, plainSchema } from '../plain-jobs.js';

const connections = 8;

interface List {
  readonly jobs: { readonly nodes: readonly object[] };
}

export const httpList: Bench = {
  name: 'http-list',
  about: `1,000 objects of ten scalars over HTTP, ${connections} connections`,
  async run({ quick }) {
    const servers = {
      graph: await Child.start('graph', {}),
      express: await Child.startPeer('apollo-express', undefined),
      standalone: await Child.startPeer('apollo-standalone', undefined),
      mercurius: await Child.startPeer('mercurius', undefined),
      expressTuned: await Child.startPeer('apollo-express', 'production'),
      mercuriusTuned: await Child.startPeer('mercurius', 'production'),
    };
    try {
      await sameAnswers(Object.values(servers));
      const cases = mapValues(servers, (server) => () => rate(server, quick ? 1 : 2));
      const rates = await inTurns(cases, quick ? 3 : 15);
      const against = (peer: keyof typeof servers, name: string, target?: Finding['target']) =>
        ratio(`requests a second, times ${name}`, [rates.graph, rates[peer]], 'a second', target);
      return [
        against('express', "Apollo's defaults with Express", { atLeast: 2 }),
        against('standalone', "Apollo's defaults, standalone", { atLeast: 2 }),
        against('mercurius', 'mercurius without jit', { atLeast: 0.75 }),
        against('expressTuned', 'Apollo and Express with NODE_ENV=production'),
        against('mercuriusTuned', 'mercurius with NODE_ENV=production'),
      ];
    } finally {
      await Promise.all(Object.values(servers).map((server) => server.stop()));
    }
  },
};

const mapValues = <Name extends string, A, B>(
  record: Readonly<Record<Name, A>>,
  to: (value: A) => B,
): Record<Name, B> =>
  Object.fromEntries(Object.entries<A>(record).map(([name, value]) => [name, to(value)])) as Record<
    Name,
    B
  >;

/** Every server gives the same data, or the comparison would mean nothing. */
async function sameAnswers(servers: readonly Child[]): Promise<void> {
  const answers = await Promise.all(
    servers.map(async ({ url }) =>
      JSON.stringify(await graphql<List>(url, listDocument, listVariables)),
    ),
  );
  if (new Set(answers).size !== 1) throw new Error('The servers answer differently.');
}

async function rate({ url }: Child, seconds: number): Promise<number> {
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: listDocument, variables: listVariables }),
  });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${url} refused requests.`);
  return result['2xx'] / result.duration;
}

export const inProcess: Bench = {
  name: 'in-process',
  about: '1,000 objects of ten scalars, executed and made into JSON in process',
  async run({ quick }) {
    const document = parse(listDocument);
    const run = async (schema: GraphQLSchema, contextValue: unknown): Promise<void> => {
      const args = { schema, document, variableValues: listVariables, contextValue };
      const answer = await execute(args);
      JSON.stringify(answer);
      const { nodes } = (answer.data as unknown as List).jobs;
      if (nodes.length !== plainJobs.length) throw new Error(JSON.stringify(answer.errors));
    };
    const graph = await buildGraph();
    const plain = plainSchema();
    const service = new GraphService(new GridRegistry([memoryPool()]));
    const { signal } = new AbortController();
    const context = () => service.context({ caller: localAdmin, requestId: 'bench', signal });
    const times = (schema: GraphQLSchema, contextOf: () => unknown) => () =>
      computed(async () => {
        for (let i = 0; i < 10; i += 1) await run(schema, contextOf());
      });
    const sample = await inTurns(
      { graph: times(graph, context), plain: times(plain, () => undefined) },
      quick ? 20 : 80,
    );
    service.close();
    return [
      ratio(
        'CPU time of 10, times graphql-js on a plain schema',
        [sample.graph, sample.plain],
        'ms',
        {
          atMost: 1.15,
        },
      ),
    ];
  },
};
