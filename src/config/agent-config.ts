/**
 * The configuration file that a deployment of HTC-Grid writes (`agent_config.json`), and the part of it
 * that clients are given as `client_config_data`: the same names, any of them may be missing.
 */
import { z } from 'zod';
import { readJsonFile } from './json-file.js';
import { ConfigError, problemsOf } from './problem.js';

/** An empty text is how a deployment says that there is none. */
const text = z
  .string()
  .optional()
  .transform((value) => (value === '' ? undefined : value));
/** Numbers and switches are written as numbers by one deployment and as text by the next. */
const number = z
  .union([z.number(), z.string().regex(/^-?\d+(\.\d+)?$/), z.boolean()], {
    error: 'expected a number, or one as text',
  })
  .optional()
  .transform((value) => (value === undefined ? undefined : Number(value)));

const shape = z.looseObject({
  region: text,
  ddb_state_table: text,
  redis_url: text,
  redis_password: text,
  s3_bucket: text,
  s3_kms_key_id: text,
  grid_storage_service: text,
  public_api_gateway_url: text,
  private_api_gateway_url: text,
  api_gateway_key: text,
  user_pool_id: text,
  cognito_userpool_client_id: text,
  task_queue_service: text,
  task_queue_config: text,
  task_input_passed_via_external_storage: number,
  dynamodb_results_pull_interval_sec: number,
  task_ttl_refresh_interval_sec: number,
  task_ttl_expiration_offset_sec: number,
  agent_task_visibility_timeout_sec: number,
});

export type AgentConfig = Readonly<z.output<typeof shape>>;

/** @param where the key of the configuration that gave it, for messages */
export async function agentConfigOf(
  source: string | Readonly<Record<string, unknown>>,
  where: string,
): Promise<AgentConfig> {
  const content = typeof source === 'string' ? await readJsonFile(source) : source;
  const checked = shape.safeParse(content);
  const place = typeof source === 'string' ? `in ${source}` : 'inline';
  if (!checked.success)
    throw new ConfigError(
      problemsOf(checked.error, content, () => place).map((problem) => `${where}: ${problem}`),
    );
  if (checked.data.task_input_passed_via_external_storage === 0)
    throw new ConfigError([
      `${where}: task_input_passed_via_external_storage: expected 1, but got 0 (${place}): HTC-Grid runs no tasks whose inputs are not in its data plane.`,
    ]);
  return checked.data;
}

/** How many priority queues the grid has: one unless the configuration says so in its own notation. */
export function prioritiesOf(config: AgentConfig | undefined): number {
  if (config?.task_queue_service !== 'PrioritySQS') return 1;
  const count = /['"]priorities['"]\s*:\s*(\d{1,3})/.exec(config.task_queue_config ?? '')?.[1];
  return Math.max(1, Number(count ?? 1));
}

/** How often a grid's workers renew a claim, how long one lasts, and how long a claimed message stays hidden. */
export interface WorkerTimes {
  readonly refreshMs: number;
  readonly claimMs: number;
  readonly visibilityMs: number;
}

/** What HTC-Grid ships where the file does not say, or says nothing that could be. */
export function workerTimesOf(config: AgentConfig | undefined): WorkerTimes {
  const msOf = (seconds: number | undefined, shipped: number): number =>
    (seconds !== undefined && seconds > 0 ? seconds : shipped) * 1000;
  return {
    refreshMs: msOf(config?.task_ttl_refresh_interval_sec, 5),
    claimMs: msOf(config?.task_ttl_expiration_offset_sec, 30),
    visibilityMs: msOf(config?.agent_task_visibility_timeout_sec, 3600),
  };
}
