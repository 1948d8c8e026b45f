/** What the server writes and answers holds none of its secrets, whatever goes wrong with them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisDataPlane } from '../../src/grids/htc-grid/data-plane-redis.js';
import type { Deployment } from '../htc-grid/deployed.js';
import { deploy } from '../htc-grid/deployed.js';
import type { UserPoolStandIn } from '../htc-grid/user-pool-stand-in.js';
import { startUserPool } from '../htc-grid/user-pool-stand-in.js';
import type { RedisServer } from '../real/index.js';
import { describeReal } from '../real/index.js';
import { run } from './program.js';

const secrets = {
  redis: 'secret-of-the-redis',
  key: 'secret-of-the-gateway',
  password: 'Secret-of-the-user-1',
  wrong: 'Wrong-secret-of-the-user',
  aws: 'secret-of-aws',
  token: 'secret-token-of-a-client',
  lambda: 'secret-of-the-lambda',
};

describeReal('redis', 'a server with secrets', (redis) => {
  let folder: string;
  let server: RedisServer;
  let pool: UserPoolStandIn;
  let deployment: Deployment;
  let data: RedisDataPlane;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'htc-graph-secrets-'));
    server = await redis.start('--requirepass', secrets.redis);
    pool = await startUserPool({ ada: { password: secrets.password } });
    data = await RedisDataPlane.open({
      host: '127.0.0.1',
      port: server.port,
      password: secrets.redis,
    });
    deployment = await deploy({
      data,
      apiKey: secrets.key,
      isToken: (token) => pool.tokens.has(token),
    });
  });
  afterAll(async () => {
    await deployment.stop();
    await data.stop();
    await pool.stop();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const environment = {
    AWS_ACCESS_KEY_ID: 'the-key-id',
    AWS_SECRET_ACCESS_KEY: secrets.aws,
    USERNAME: 'ada',
    PASSWORD: secrets.password,
  };
  /** One grid for each way in which a secret can be at fault. */
  const grids: Record<string, { readonly agent?: object; readonly gateway?: object }> = {
    well: {},
    'wrong-password': { gateway: { password: secrets.wrong } },
    'wrong-key': { gateway: { private: true, apiKey: secrets.wrong } },
    'wrong-redis': { agent: { redis_password: secrets.wrong } },
    away: { gateway: { url: 'http://127.0.0.1:2/v1' } },
  };

  async function configure(names: readonly string[] = Object.keys(grids)): Promise<string> {
    const entries = names.map(async (name) => {
      const { agent = {}, gateway = {} } = grids[name] ?? {};
      const file = join(folder, `${name}.json`);
      await writeFile(
        file,
        JSON.stringify({
          region: 'eu-west-1',
          ddb_state_table: deployment.table,
          redis_url: '127.0.0.1',
          redis_password: secrets.redis,
          grid_storage_service: 'REDIS',
          api_gateway_key: secrets.key,
          user_pool_id: pool.userPoolId,
          cognito_userpool_client_id: pool.clientId,
          ...agent,
        }),
      );
      const { url, privateUrl } = deployment.gateway;
      return {
        kind: 'HTC_GRID',
        name,
        agentConfig: file,
        endpoint: deployment.endpoint,
        redis: { port: server.port, tls: false },
        gateway: { url: 'private' in gateway ? privateUrl : url, loginUrl: pool.url, ...gateway },
      };
    });
    const config = join(folder, 'config.json');
    await writeFile(
      config,
      JSON.stringify({
        server: { port: 0 },
        log: { level: 'trace' },
        access: { tokens: [{ token: secrets.token, identity: 'ada', roles: ['admin'] }] },
        grids: await Promise.all(entries),
      }),
    );
    return config;
  }

  const health = '{ grids { name health { status components { name status detail } } } }';
  const submit = `mutation ($grid: String) { submitTasks(input: { grid: $grid, payloads: [1, 2] }) {
    session { nativeId submission { state error { message } } } userErrors { message } } }`;

  function expectNone(texts: Record<string, string>): void {
    const forbidden = [...Object.values(secrets), ...pool.tokens];
    for (const [where, text] of Object.entries(texts))
      for (const secret of forbidden)
        expect(text, `${where} tells ${secret}`).not.toContain(secret);
  }

  it('tells none of them in its answers, its log and its output', async () => {
    await using program = run(['--config', await configure()], environment);
    const [, url = ''] = await program.says(/answers at (\S+)/);
    const answers: string[] = [];
    const ask = async (query: string, variables: object = {}) => {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${secrets.token}` },
        body: JSON.stringify({ query, variables }),
      });
      answers.push(await answer.text());
      return answers.at(-1) ?? '';
    };
    expect(await ask(submit, { grid: 'well' })).toContain('"state":"SUBMITTED"');
    expect(pool.tokens.size).toBeGreaterThan(0);
    deployment.gateway.faults.submit.push({ answer: 543 });
    expect(await ask(submit, { grid: 'well' })).toContain('"state":"FAILED"');
    for (const grid of Object.keys(grids).slice(1))
      expect(await ask(submit, { grid })).toMatch(/"errors"/);
    expect(await ask(health)).toContain('"name":"gateway"');
    program.child.kill('SIGTERM');
    await program.exited;
    expect(program.stderr()).toContain('"level"');
    expectNone({
      answers: answers.join('\n'),
      stdout: program.stdout(),
      stderr: program.stderr(),
    });
  });

  it('prints and checks its configuration without them', async () => {
    const config = await configure(['well']);
    for (const option of ['--print-config', '--check']) {
      await using program = run(['--config', config, option], environment);
      expect((await program.exited).code).toBe(0);
      expect(program.stdout()).toContain(deployment.table);
      expectNone({ [option]: program.stdout() + program.stderr() });
    }
  });

  it('refuses a configuration without quoting them', async () => {
    const config = await configure(['well']);
    await writeFile(join(folder, 'well.json'), `{"redis_password": "${secrets.redis}" x`);
    await using program = run(['--config', config], environment);
    expect((await program.exited).code).toBe(2);
    expect(program.stderr()).toContain('well.json');
    expectNone({ stderr: program.stderr() });
  });
});
