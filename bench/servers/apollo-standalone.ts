/** Peer: Apollo's own standalone server, all by default. */
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import type { Started } from '../child.js';
import { plainSchema } from '../plain-jobs.js';

export async function start(): Promise<Started> {
  const apollo = new ApolloServer({ schema: plainSchema() });
  const { url } = await startStandaloneServer(apollo, { listen: { port: 0, host: '127.0.0.1' } });
  return { url, stop: async () => undefined };
}
