/** GraphQL over HTTP as the benches speak it: keep-alive connections, errors raised. */
import { Agent, request } from 'node:http';

/** As many connections as there are requests at once: 1,000 clients are 1,000 connections. */
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

export async function graphql<Data>(
  url: string,
  query: string,
  variables?: Readonly<Record<string, unknown>>,
): Promise<Data> {
  const text = await post(url, JSON.stringify({ query, variables }));
  const { data, errors } = JSON.parse(text) as { readonly data: Data; readonly errors?: unknown };
  if (errors !== undefined)
    throw new Error(`The graph answered with errors: ${text.slice(0, 500)}`);
  return data;
}

function post(url: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks).toString()));
      response.on('error', reject);
    });
    // A server may close an idle connection at the moment in which it is used again: ask anew.
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (sent.reusedSocket && error.code === 'ECONNRESET') post(url, body).then(resolve, reject);
      else reject(error);
    });
    sent.end(body);
  });
}

export const disconnect = (): void => agent.destroy();
