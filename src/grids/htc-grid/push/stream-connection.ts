/**
 * The calls of DynamoDB Streams over HTTPS, signed by the DynamoDB client that is there for the table: its
 * credentials, its region and its endpoints serve the streams as well.
 */
import http from 'node:http';
import https from 'node:https';
import { GridError } from '../../../errors.js';
import { timed } from '../calls.js';
import type { TableSettings } from '../connection-aws.js';
import { labelOf } from '../connection.js';
import { postJson } from '../json-post.js';
import type { StreamCalls, StreamOperation, StreamOperations } from './stream-calls.js';
import { refusalOf } from './stream-calls.js';

export interface StreamConnection extends StreamCalls {
  close(): void;
}

/** @param settings `callMs` is 5000 unless given: while the stream hangs nothing else tells of ends */
export async function connectStreams(settings: TableSettings): Promise<StreamConnection> {
  const { DynamoDB } = await import('@aws-sdk/client-dynamodb');
  const { region, endpoint, credentials, callMs = 5000, onCall } = settings;
  const client = new DynamoDB({ region, ...(credentials === undefined ? {} : { credentials }) });
  const url = new URL(endpoint ?? client.config.endpointProvider({ Region: region }).url);
  // An emulator, or a private endpoint, has both at one address.
  if (endpoint === undefined) url.hostname = `streams.${url.hostname}`;
  const { Agent } = url.protocol === 'https:' ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const label = `The stream of ${labelOf(settings.table).replace(/^The/, 'the')}`;

  const sign = async (operation: StreamOperation, body: string) => {
    const signer = await client.config.signer();
    const signed = await signer.sign({
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: {},
      headers: {
        host: url.host,
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `DynamoDBStreams_20120810.${operation}`,
      },
      body,
    });
    return signed.headers;
  };

  return {
    async send<O extends StreamOperation>(
      operation: O,
      input: StreamOperations[O]['input'],
      signal: AbortSignal,
    ): Promise<StreamOperations[O]['output']> {
      const body = JSON.stringify(input);
      try {
        return await timed('stream-read', label, onCall, signal, async () => {
          const headers = await sign(operation, body);
          return postJson({ url: url.href, agent, headers, body, callMs, signal });
        });
      } catch (error) {
        signal.throwIfAborted();
        throw refusalOf(error instanceof GridError ? error.cause : error) ?? error;
      }
    },
    close: () => {
      agent.destroy();
      client.destroy();
    },
  };
}
