/** Stands before a DynamoDB-protocol server: counts the calls by operation, and refuses or cuts those that a test says. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TableCall {
  readonly operation: string;
  readonly body: string;
}
/** The name of DynamoDB's error, or the connection ends without an answer, or nothing ever comes. */
export type TableFault = 'cut' | 'silent' | `${string}Exception` | undefined;

export interface TableProxy {
  readonly endpoint: string;
  readonly calls: TableCall[];
  /** What becomes of the next calls; the default lets all through. */
  fault: (call: TableCall) => TableFault;
  stop(): Promise<void>;
}

export async function startTableProxy(target: string): Promise<TableProxy> {
  const agent = new Agent({ keepAlive: true });
  const calls: TableCall[] = [];
  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const operation = String(incoming.headers['x-amz-target']).split('.').at(-1) ?? '';
    const call = { operation, body: Buffer.concat(chunks).toString() };
    calls.push(call);
    const fault = proxy.fault(call);
    if (fault === 'cut') {
      incoming.socket.destroy();
      return;
    }
    if (fault === 'silent') return;
    if (fault !== undefined) {
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: `com.amazonaws.dynamodb#${fault}`, message: 'no' }));
      return;
    }
    const headers = { ...incoming.headers, host: new URL(target).host };
    const outgoing = request(target, { method: 'POST', agent, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    outgoing.end(call.body);
  };
  const server = createServer((incoming, response) => {
    void serve(incoming, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: TableProxy = {
    endpoint: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    calls,
    fault: () => undefined,
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
