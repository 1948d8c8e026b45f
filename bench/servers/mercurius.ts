/** Peer: mercurius on fastify, without its just-in-time compiler. */
import fastify from 'fastify';
import { mercurius } from 'mercurius';
import type { Started } from '../child.js';
import { jobsOf, plainTypes } from '../plain-jobs.js';

export async function start(): Promise<Started> {
  const app = fastify();
  await app.register(mercurius, {
    schema: plainTypes,
    resolvers: {
      Query: { jobs: (_: unknown, { first }: { readonly first: number }) => jobsOf(first) },
    },
    graphiql: false,
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { url: `${url}/graphql`, stop: async () => app.server.closeAllConnections() };
}
