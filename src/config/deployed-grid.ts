/** The settings of a deployed HTC-Grid: what may be written, and what comes of it with its `agent_config.json`. */
import { z } from 'zod';
import type { AgentConfig, WorkerTimes } from './agent-config.js';
import { agentConfigOf, prioritiesOf, workerTimesOf } from './agent-config.js';
import { gridName } from './grid-name.js';
import { isLoopback } from './loopback.js';
import { ConfigError } from './problem.js';

const storages = ['REDIS', 'S3', 'S3+REDIS'] as const;
const completions = ['AUTO', 'STREAMS', 'KEYSPACE', 'POLL'] as const;
const text = z.string().min(1);

export const deployedEntry = z.strictObject({
  kind: z.literal('HTC_GRID'),
  name: gridName,
  embedded: z.literal(false).default(false),
  agentConfig: z
    .union([text, z.record(z.string(), z.unknown())], {
      error: 'expected the path of an agent_config.json, or an object with its fields',
    })
    .optional(),
  region: text.optional(),
  table: text.optional(),
  endpoint: z.url().optional(),
  storage: z.enum(storages).optional(),
  redis: z
    .strictObject({
      host: text.optional(),
      port: z.int().min(1).max(65_535).optional(),
      tls: z.boolean().optional(),
      ca: text.optional(),
      password: z.string().optional(),
    })
    .optional(),
  s3: z
    .strictObject({
      bucket: text.optional(),
      kmsKeyId: text.optional(),
      endpoint: z.url().optional(),
    })
    .optional(),
  gateway: z
    .strictObject({
      url: z.url().optional(),
      private: z.boolean().optional(),
      apiKey: text.optional(),
      userPoolId: text.optional(),
      clientId: text.optional(),
      username: text.optional(),
      password: text.optional(),
      loginUrl: z.url().optional(),
      partTasks: z.int().min(1).max(10_000).default(1000),
    })
    .optional(),
  cancel: z.enum(['TABLE', 'GATEWAY']).default('TABLE'),
  completions: z.enum(completions).default('AUTO'),
  priorities: z.int().min(1).max(100).optional(),
  dataDir: text.optional(),
});
export type DeployedEntry = Readonly<z.output<typeof deployedEntry>>;

export interface DeployedGateway {
  readonly url: string;
  /** The private gateway takes a key, the public one the token of a user. */
  readonly access:
    | { readonly kind: 'KEY'; readonly apiKey: string }
    | {
        readonly kind: 'USER';
        readonly userPoolId: string;
        readonly clientId: string;
        readonly username: string;
        readonly password: string;
        readonly loginUrl: string | undefined;
      };
  readonly partTasks: number;
}

export interface DeployedSettings {
  readonly kind: 'HTC_GRID';
  readonly name: string;
  readonly embedded: false;
  readonly region: string;
  readonly table: string;
  readonly endpoint: string | undefined;
  readonly storage: (typeof storages)[number] | undefined;
  readonly redis:
    | {
        readonly host: string;
        readonly port: number;
        readonly tls: boolean;
        readonly ca: string | undefined;
        readonly password: string | undefined;
      }
    | undefined;
  readonly s3:
    | {
        readonly bucket: string;
        readonly kmsKeyId: string | undefined;
        readonly endpoint: string | undefined;
      }
    | undefined;
  readonly gateway: DeployedGateway | undefined;
  /** Why there is no gateway, and what to configure; null where there is one. */
  readonly gatewayMissing: string | null;
  readonly cancel: 'TABLE' | 'GATEWAY';
  /** Where completions are learned from. */
  readonly completions: (typeof completions)[number];
  readonly priorities: number;
  readonly workerTimes: WorkerTimes;
  readonly dataDir: string | undefined;
  /** What the deployment's own file says, for those who ask what the grid is configured to. */
  readonly agentConfig: AgentConfig | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @param where the entry's key in the configuration; every problem found is thrown as one `ConfigError` */
export async function deployedSettings(
  entry: DeployedEntry,
  where: string,
  environment: Environment,
): Promise<DeployedSettings> {
  const agent =
    entry.agentConfig === undefined
      ? undefined
      : await agentConfigOf(entry.agentConfig, `${where}.agentConfig`);
  const problems: string[] = [];
  const needed = (key: string, value: string | undefined, field: string): string => {
    if (value === undefined)
      problems.push(
        `${where}.${key}: expected it here, or ${field} in ${where}.agentConfig, but got neither.`,
      );
    return value ?? '';
  };
  const storage = storageOf(entry, agent, where, problems);
  const usesRedis = storage === 'REDIS' || storage === 'S3+REDIS';
  const usesS3 = storage === 'S3' || storage === 'S3+REDIS';
  if (entry.completions === 'KEYSPACE' && !usesRedis)
    problems.push(
      `${where}.completions: expected "AUTO", "STREAMS" or "POLL" for a data plane without a Redis, but got "KEYSPACE".`,
    );
  const { gateway, missing } = gatewayOf(entry, agent, where, environment, problems);
  if (entry.cancel === 'GATEWAY' && gateway === undefined)
    problems.push(`${where}.cancel: expected "TABLE", but got "GATEWAY": ${missing ?? ''}`);
  const found: DeployedSettings = {
    kind: 'HTC_GRID',
    name: entry.name,
    embedded: false,
    region: needed('region', entry.region ?? agent?.region, 'region'),
    table: needed('table', entry.table ?? agent?.ddb_state_table, 'ddb_state_table'),
    endpoint: entry.endpoint,
    storage,
    redis: usesRedis
      ? {
          host: needed('redis.host', entry.redis?.host ?? agent?.redis_url, 'redis_url'),
          port: entry.redis?.port ?? 6379,
          // The cache of a deployment speaks nothing else.
          tls: entry.redis?.tls ?? (entry.redis?.host === undefined && agent !== undefined),
          ca: entry.redis?.ca,
          password: entry.redis?.password ?? agent?.redis_password,
        }
      : undefined,
    s3: usesS3
      ? {
          bucket: needed('s3.bucket', entry.s3?.bucket ?? agent?.s3_bucket, 's3_bucket'),
          kmsKeyId: entry.s3?.kmsKeyId ?? agent?.s3_kms_key_id,
          endpoint: entry.s3?.endpoint,
        }
      : undefined,
    gateway: storage === undefined ? undefined : gateway,
    gatewayMissing:
      storage === undefined
        ? 'no data plane is configured (storage, redis or s3, or an agentConfig)'
        : missing,
    cancel: entry.cancel,
    completions: entry.completions,
    priorities: entry.priorities ?? prioritiesOf(agent),
    workerTimes: workerTimesOf(agent),
    dataDir: entry.dataDir,
    agentConfig: agent,
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return found;
}

function storageOf(
  entry: DeployedEntry,
  agent: AgentConfig | undefined,
  where: string,
  problems: string[],
): DeployedSettings['storage'] {
  if (entry.storage !== undefined) return entry.storage;
  const named = agent?.grid_storage_service;
  if (named !== undefined) {
    const known = storages.find((one) => one === named);
    if (known === undefined)
      problems.push(
        `${where}.agentConfig: grid_storage_service: expected ${storages.map((one) => `"${one}"`).join(' or ')}, but got ${JSON.stringify(named)}. Set ${where}.storage to override it.`,
      );
    return known;
  }
  if (entry.redis !== undefined) return entry.s3 === undefined ? 'REDIS' : 'S3+REDIS';
  return entry.s3 === undefined ? undefined : 'S3';
}

interface FoundGateway {
  readonly gateway: DeployedGateway | undefined;
  readonly missing: string | null;
}

/**
 * A user's name and password come from the configuration or from USERNAME and PASSWORD; the private
 * gateway is meant where `private` or INTRA_VPC says so.
 */
function gatewayOf(
  { gateway: own, name }: DeployedEntry,
  agent: AgentConfig | undefined,
  where: string,
  environment: Environment,
  problems: string[],
): FoundGateway {
  const isPrivate = own?.private ?? environment['INTRA_VPC'] !== undefined;
  const url =
    own?.url ?? (isPrivate ? agent?.private_api_gateway_url : agent?.public_api_gateway_url);
  if (url === undefined) return none('no gateway is configured (gateway.url, or an agentConfig)');
  if (!/^https:/.test(url) && !isLocal(url))
    problems.push(
      `${where}.gateway.url: expected an https URL, but got ${JSON.stringify(url)}: tokens and keys are not sent in the clear.`,
    );
  const partTasks = own?.partTasks ?? 1000;
  if (isPrivate) {
    const apiKey = own?.apiKey ?? agent?.api_gateway_key;
    if (apiKey === undefined)
      return none('the private gateway needs gateway.apiKey, or api_gateway_key in an agentConfig');
    return { gateway: { url, access: { kind: 'KEY', apiKey }, partTasks }, missing: null };
  }
  const userPoolId = own?.userPoolId ?? agent?.user_pool_id;
  const clientId = own?.clientId ?? agent?.cognito_userpool_client_id;
  // A USERNAME alone is no wish to log in: some systems set it for everybody.
  const password = own?.password ?? environment['PASSWORD'];
  const username = own?.username ?? (password === undefined ? undefined : environment['USERNAME']);
  if (username !== undefined && password === undefined)
    problems.push(
      `${where}.gateway.password: expected the password of gateway.username here or in PASSWORD, but got neither.`,
    );
  if (username === undefined || password === undefined)
    return none(
      `no user is configured for the gateway of "${name}" (gateway.username and gateway.password, or USERNAME and PASSWORD)`,
    );
  if (userPoolId === undefined || !/^[\w-]+_\w+$/.test(userPoolId) || clientId === undefined) {
    problems.push(
      `${where}.gateway: expected userPoolId (such as "eu-west-1_AbCdEf123") and clientId here, or user_pool_id and cognito_userpool_client_id in ${where}.agentConfig, but got ${JSON.stringify(userPoolId ?? null)} and ${JSON.stringify(clientId ?? null)}.`,
    );
    return none(null);
  }
  const access = {
    kind: 'USER',
    userPoolId,
    clientId,
    username,
    password,
    loginUrl: own?.loginUrl,
  } as const;
  return { gateway: { url, access, partTasks }, missing: null };
}

const none = (missing: string | null): FoundGateway => ({ gateway: undefined, missing });

function isLocal(url: string): boolean {
  return URL.canParse(url) && isLoopback(new URL(url).hostname);
}
