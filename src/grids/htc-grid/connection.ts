/** One DynamoDB client and the table it speaks to; every command is timed and its failure explained. */
import type * as sdkModule from '@aws-sdk/client-dynamodb';
import type { DynamoDBClient, DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { OnCall } from './calls.js';
import { timed } from './calls.js';

export type Sdk = typeof sdkModule;

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

export interface Connection {
  readonly sdk: Sdk;
  readonly table: string;
  /** The words for this table in messages. */
  readonly label: string;
  call<T>(
    kind: 'table-read' | 'table-write',
    signal: AbortSignal | undefined,
    run: (client: DynamoDBClient, options: { abortSignal?: AbortSignal }) => Promise<T>,
  ): Promise<T>;
  close(): void;
}

/** Loads the SDK on first use: it is the slowest import of the program. */
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
  const client = new sdk.DynamoDBClient(config);
  const label = `The state table "${settings.table}"`;
  return {
    sdk,
    table: settings.table,
    label,
    call: (kind, signal, run) =>
      timed(kind, label, settings.onCall, signal, () =>
        run(client, signal === undefined ? {} : { abortSignal: signal }),
      ),
    close: () => {
      client.destroy();
    },
  };
}
