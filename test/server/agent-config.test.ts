/** A deployed grid's own configuration file: read as it is, overridden where the configuration says otherwise. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prioritiesOf } from '../../src/config/agent-config.js';
import type { DeployedSettings } from '../../src/config/deployed-grid.js';
import { loadConfiguration } from '../../src/config/load.js';
import { masked } from '../../src/config/masked.js';
import { ConfigError } from '../../src/config/problem.js';

let folder: string;
let captured: Record<string, unknown>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'htc-graph-agent-'));
  const file = new URL('../fixtures/htc-grid/agent-config.json', import.meta.url);
  captured = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
});
afterEach(() => rm(folder, { recursive: true }));

type Environment = Record<string, string>;

/** The grid of a configuration, with the deployment's file beside it. */
async function grid(
  entry: object = {},
  environment: Environment = {},
  agent: unknown = captured,
): Promise<DeployedSettings> {
  const text = typeof agent === 'string' ? agent : JSON.stringify(agent);
  await writeFile(join(folder, 'agent_config.json'), text);
  const content = {
    grids: [{ kind: 'HTC_GRID', name: 'prod', agentConfig: 'agent_config.json', ...entry }],
  };
  await writeFile(join(folder, 'htc-graph.config.json'), JSON.stringify(content));
  const { grids } = await loadConfiguration({ folder, environment });
  return grids?.[0] as DeployedSettings;
}
const problems = async (...args: Parameters<typeof grid>): Promise<string> => {
  const error = await grid(...args).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).problems.join('\n');
};
const user = { USERNAME: 'ada', PASSWORD: 'the-password' };

describe("a deployment's file", () => {
  it('gives table, region, Redis with TLS, gateway and user pool', async () => {
    expect(await grid({}, user)).toMatchObject({
      region: 'eu-west-1',
      table: 'htc_tasks_state_table-main',
      storage: 'REDIS',
      redis: {
        host: 'htc-data-cache-main.example.cache.amazonaws.com',
        port: 6379,
        tls: true,
        password: '<32 characters>',
      },
      s3: undefined,
      gateway: {
        url: 'https://abc123.execute-api.eu-west-1.amazonaws.com/v1',
        access: {
          kind: 'USER',
          userPoolId: 'eu-west-1_AbCdEf123',
          clientId: '1example23456789',
          username: 'ada',
          password: 'the-password',
        },
        partTasks: 1000,
      },
      gatewayMissing: null,
      cancel: 'TABLE',
      priorities: 1,
      agentConfig: { metrics_are_enabled: '0', task_ttl_refresh_interval_sec: 5 },
    });
  });

  it('says how often workers renew a claim, how long it lasts, and when a message is seen again', async () => {
    const agent = {
      ...captured,
      task_ttl_refresh_interval_sec: '10',
      task_ttl_expiration_offset_sec: 60,
      agent_task_visibility_timeout_sec: 0,
    };
    expect((await grid()).workerTimes).toEqual({
      refreshMs: 5000,
      claimMs: 30_000,
      visibilityMs: 3_600_000,
    });
    expect((await grid({}, {}, agent)).workerTimes).toEqual({
      refreshMs: 10_000,
      claimMs: 60_000,
      visibilityMs: 3_600_000,
    });
    const none = await grid({ agentConfig: undefined, region: 'r', table: 't' });
    expect(none.workerTimes.refreshMs).toBe(5000);
  });

  it('may be inline, with the fields that clients are given as client_config_data alone', async () => {
    const { ddb_state_table, ...rest } = captured;
    expect(ddb_state_table).toBeDefined();
    const agentConfig = { ...rest, grid_storage_service: 'S3+REDIS' };
    expect(await grid({ agentConfig, table: 't' })).toMatchObject({
      table: 't',
      storage: 'S3+REDIS',
      s3: {
        bucket: 'htc-data-bucket-main20261121000000000000000001',
        kmsKeyId: expect.stringContaining('arn:aws:kms') as string,
      },
    });
  });

  it('takes numbers that are written as text, and empty texts as nothing', async () => {
    const agent = {
      ...captured,
      task_input_passed_via_external_storage: '1',
      dynamodb_results_pull_interval_sec: '0.5',
      redis_password: '',
    };
    expect((await grid({}, {}, agent)).redis?.password).toBeUndefined();
  });

  it('is overridden by the configuration, key by key', async () => {
    const found = await grid({
      table: 'mine',
      redis: { port: 7000, password: 'other' },
      gateway: { url: 'http://127.0.0.1:1/v1', username: 'bob', password: 'p', partTasks: 10 },
      priorities: 4,
    });
    expect(found).toMatchObject({
      region: 'eu-west-1',
      table: 'mine',
      redis: { host: captured['redis_url'], port: 7000, tls: true, password: 'other' },
      gateway: { url: 'http://127.0.0.1:1/v1', access: { username: 'bob' }, partTasks: 10 },
      priorities: 4,
    });
    const local = await grid({ redis: { host: '127.0.0.1' } });
    expect(local.redis).toMatchObject({ host: '127.0.0.1', tls: false });
  });

  it.each<[object, Environment]>([
    [{}, { INTRA_VPC: '1' }],
    [{ gateway: { private: true } }, user],
  ])('with %j and %j means the private gateway and its key', async (entry, environment) => {
    expect((await grid(entry, environment)).gateway).toMatchObject({
      url: 'https://def456.execute-api.eu-west-1.amazonaws.com/v1',
      access: { kind: 'KEY', apiKey: '<api key>' },
    });
  });

  it.each<[string, Environment]>([
    ['no user', {}],
    ['a USERNAME that every shell has', { USERNAME: 'somebody' }],
  ])('with %s is read only, and says what is missing', async (_what, environment) => {
    const { gateway, gatewayMissing } = await grid({}, environment);
    expect(gateway).toBeUndefined();
    expect(gatewayMissing).toMatch(/gateway\.username and gateway\.password, or USERNAME/);
  });

  it.each<[unknown, number]>([
    [{ task_queue_service: 'PrioritySQS', task_queue_config: "{'priorities':3}" }, 3],
    [{ task_queue_service: 'PrioritySQS', task_queue_config: '{"priorities": 2}' }, 2],
    [{ task_queue_service: 'SQS', task_queue_config: "{'priorities':3}" }, 1],
    [{}, 1],
  ])('%j has as many priorities as the grid has queues', (agent, priorities) => {
    expect(prioritiesOf(agent as Parameters<typeof prioritiesOf>[0])).toBe(priorities);
  });
});

describe('what is refused', () => {
  it.each<[string, object, Environment, (agent: Record<string, unknown>) => unknown, RegExp]>([
    [
      'a region that nobody gives',
      {},
      {},
      (agent) => ({ ...agent, region: '' }),
      /^grids\[0\]\.region: expected it here, or region in grids\[0\]\.agentConfig, but got neither/,
    ],
    [
      'a field of another type',
      {},
      {},
      (agent) => ({ ...agent, redis_url: 5 }),
      /^grids\[0\]\.agentConfig: redis_url: expected string, but got 5 \(in .*agent_config\.json\)/,
    ],
    [
      'a storage that the grid does not know',
      {},
      {},
      (agent) => ({ ...agent, grid_storage_service: 'S3 htc-data-bucket-1' }),
      /grid_storage_service: expected "REDIS" or "S3" or "S3\+REDIS", but got "S3 htc-data/,
    ],
    [
      'inputs that are not in the data plane',
      {},
      {},
      (agent) => ({ ...agent, task_input_passed_via_external_storage: '0' }),
      /task_input_passed_via_external_storage: expected 1, but got 0/,
    ],
    [
      'a gateway in the clear',
      { gateway: { url: 'http://gateway.example/v1' } },
      user,
      (agent) => agent,
      /gateway\.url: expected an https URL/,
    ],
    [
      'a user without a password',
      { gateway: { username: 'ada' } },
      {},
      (agent) => agent,
      /gateway\.password: expected the password/,
    ],
    [
      'a cancel through a gateway that is not there',
      { cancel: 'GATEWAY' },
      {},
      (agent) => agent,
      /cancel: expected "TABLE", but got "GATEWAY": no user is configured/,
    ],
    ['an unknown key', { gateway: { stage: 'v1' } }, {}, (agent) => agent, /stage: unknown key/],
    ['a number for the file', { agentConfig: 5 }, {}, (agent) => agent, /expected the path of an/],
    ['a file that is not there', { agentConfig: 'no.json' }, {}, (agent) => agent, /ENOENT/],
  ])('%s', async (_what, entry, environment, change, message) => {
    expect(await problems(entry, environment, change(captured))).toMatch(message);
  });

  it('a file that is no JSON is told by the place, and nothing of its text is quoted', async () => {
    const text = `{\n "redis_password": "hunter2" oops`;
    const said = await problems({}, {}, text);
    expect(said).toMatch(/agent_config\.json: expected readable JSON, but it is not/);
    expect(said).not.toMatch(/hunter2|oops/);
    const wrong = { ...captured, redis_password: ['hunter2'], api_gateway_key: { a: 'hunter2' } };
    expect(await problems({}, {}, wrong)).not.toContain('hunter2');
  });
});

describe('what may be shown', () => {
  it('has neither the secrets of the configuration nor those of the file', async () => {
    const agent = { ...captured, redis_password: 'secret-1', api_gateway_key: 'secret-2' };
    const environments: Environment[] = [
      { INTRA_VPC: '1' },
      { USERNAME: 'ada', PASSWORD: 'secret-3' },
    ];
    for (const environment of environments) {
      const found = await grid({ redis: { password: 'secret-4' } }, environment, agent);
      const text = JSON.stringify(masked({ grids: [found] } as never));
      expect(text).toContain('htc_tasks_state_table-main');
      expect(text).toContain('"s3_kms_key_id":"arn');
      expect(text).not.toMatch(/secret-\d/);
    }
  });
});
