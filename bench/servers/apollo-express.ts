/** Peer: Apollo Server behind Express as its documentation sets it up, with its default plugins. */
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import type { Started } from '../child.js';
import { plainSchema } from '../plain-jobs.js';

export async function start(): Promise<Started> {
  const apollo = new ApolloServer({ schema: plainSchema() });
  await apollo.start();
  const app = express();
  app.use('/graphql', express.json(), expressMiddleware(apollo));
  const http = createServer(app);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/graphql`, stop: async () => http.closeAllConnections() };
}
