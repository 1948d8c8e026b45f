/** Sends operations to the server: queries and mutations by HTTP, subscriptions by graphql-ws. */
import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { createClient } from 'graphql-ws';

/**
 * The headers editor holds the credentials: its `Authorization` goes to HTTP as a header and to a
 * WebSocket, where a browser can set none, in `connection_init`. A subscription opens a socket of
 * its own and closes it when it ends, so a token changed in the editor counts from the next run on.
 */
export function fetchOverHttpAndWebSocket(endpoint: URL): Fetcher {
  const socketUrl = new URL(endpoint);
  socketUrl.protocol = endpoint.protocol === 'https:' ? 'wss:' : 'ws:';

  return (operation, options) => {
    const authorization = authorizationOf(options?.headers);
    const fetcher = createGraphiQLFetcher({
      url: endpoint.href,
      wsClient: createClient({
        url: socketUrl.href,
        connectionParams: authorization === undefined ? {} : { authorization },
        // A lost stream is shown as lost. Started again unseen, it would begin where the operation
        // says, not at the last cursor.
        retryAttempts: 0,
      }),
      enableIncrementalDelivery: false,
    });
    return fetcher(operation, options);
  };
}

function authorizationOf(headers: Readonly<Record<string, unknown>> = {}): string | undefined {
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() === 'authorization' && typeof value === 'string') return value;
  }
  return undefined;
}
