/** A table with a stream, at one address: a DynamoDB-protocol server for the table, a fake for its stream. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StreamOperation } from '../../src/grids/htc-grid/push/stream-calls.js';
import type { FakeStream } from './fake-stream.js';

export interface StreamedTable {
  readonly endpoint: string;
  /** Reads of the stream that came this way. */
  readonly streamReads: number;
  stop(): Promise<void>;
}

export async function startStreamedTable(
  target: string,
  stream: FakeStream,
): Promise<StreamedTable> {
  let streamReads = 0;
  const answer = async (name: string, body: string): Promise<readonly [number, string]> => {
    const [service, operation = ''] = name.split('.');
    if (service?.startsWith('DynamoDBStreams') === true) {
      if (operation === 'GetRecords') streamReads++;
      try {
        const input = JSON.parse(body) as object;
        return [200, JSON.stringify(stream.answer(operation as StreamOperation, input))];
      } catch (error) {
        const { name: type, message } = error as Error;
        return [400, JSON.stringify({ __type: `com.amazonaws.dynamodb#${type}`, message })];
      }
    }
    const headers = { 'x-amz-target': name, 'content-type': 'application/x-amz-json-1.0' };
    const authorization = 'AWS4-HMAC-SHA256 Credential=a/2/eu-west-1/dynamodb/aws4_request';
    const signed = {
      ...headers,
      'x-amz-date': 'now',
      authorization: `${authorization}, SignedHeaders=host, Signature=0`,
    };
    const told = await fetch(target, { method: 'POST', headers: signed, body });
    const text = await told.text();
    if (operation !== 'DescribeTable' || !told.ok) return [told.status, text];
    const { Table } = JSON.parse(text) as { readonly Table: object };
    return [200, JSON.stringify({ Table: { ...Table, ...stream.specification } })];
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const name = String(request.headers['x-amz-target']);
      answer(name, Buffer.concat(chunks).toString()).then(
        ([status, body]) => response.writeHead(status).end(body),
        () => response.destroy(),
      );
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    get streamReads() {
      return streamReads;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
