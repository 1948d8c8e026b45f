/** A table of AWS, or of any endpoint that speaks and signs like it, through the official client. */
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { repeatsOf } from './aws-repeats.js';
import type { OnCall } from './calls.js';
import { timed } from './calls.js';
import type { Connection, Operation, Operations } from './connection.js';
import { kindOf, labelOf, unitsOf } from './connection.js';

export interface TableSettings {
  readonly table: string;
  readonly region: string;
  /** Only for emulators and private endpoints; AWS is found by its region. */
  readonly endpoint?: string;
  /** Without them the AWS default chain applies (environment, profile, instance role). */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** How long one call may take. @default 10_000 */
  readonly callMs?: number;
  readonly onCall?: OnCall;
}

/** Loads the client on first use: it is the slowest import of the program. */
export async function connect(settings: TableSettings): Promise<Connection> {
  const sdk = await import('@aws-sdk/client-dynamodb');
  const config: DynamoDBClientConfig = {
    region: settings.region,
    maxAttempts: 4,
    requestHandler: {
      connectionTimeout: 2000,
      requestTimeout: settings.callMs ?? 10_000,
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets: 64 },
      httpsAgent: { keepAlive: true, maxSockets: 64 },
    },
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
  };
  const writing = new sdk.DynamoDB(config);
  const { retryStrategy, requestHandler, credentials } = writing.config;
  const strategy = await retryStrategy();
  writing.config.retryStrategy = async () => repeatsOf(strategy, { throttled: true });
  // Reads that are throttled slow down together (read-pace.ts), so the client does not repeat them.
  const reading = new sdk.DynamoDB({
    ...config,
    requestHandler,
    credentials,
    retryStrategy: repeatsOf(strategy, { throttled: false }),
  });
  const calls: {
    readonly [O in Operation]: (
      input: Operations[O]['input'],
      options: { readonly abortSignal?: AbortSignal },
    ) => Promise<Operations[O]['output']>;
  } = {
    Query: (input, options) => reading.query(input, options),
    BatchGetItem: (input, options) => reading.batchGetItem(input, options),
    BatchWriteItem: (input, options) => writing.batchWriteItem(input, options),
    UpdateItem: (input, options) => writing.updateItem(input, options),
    DescribeTable: (input, options) => writing.describeTable(input, options),
    CreateTable: (input, options) => writing.createTable(input, options),
  };
  const label = labelOf(settings.table);
  return {
    table: settings.table,
    label,
    send: (operation, input, signal) =>
      timed(
        kindOf[operation],
        label,
        settings.onCall,
        signal,
        () => calls[operation](input, signal === undefined ? {} : { abortSignal: signal }),
        unitsOf,
      ),
    close: () => {
      reading.destroy();
      writing.destroy();
    },
  };
}
