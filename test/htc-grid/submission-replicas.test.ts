/** Submitting with replicas over one grid and one Redis: once for a key, once for a task, whoever dies or is asked. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import { RedisDataPlane } from '../../src/grids/htc-grid/data-plane-redis.js';
import { SharedRedis } from '../../src/replicas/shared-redis.js';
import type { RedisServer } from '../real/index.js';
import { describeReal } from '../real/index.js';
import type { Program } from '../server/program.js';
import { run } from '../server/program.js';
import type { Deployment } from './deployed.js';
import { deploy } from './deployed.js';
import { deferred, live, plain } from './support.js';

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describeReal('redis', 'replicas over one grid', (redis) => {
  let server: RedisServer;
  let data: RedisDataPlane;
  let deployment: Deployment;
  const shares: SharedRedis[] = [];
  let a: HtcGrid;
  let b: HtcGrid;
  beforeAll(async () => {
    server = await redis.start();
    data = await RedisDataPlane.open({ host: '127.0.0.1', port: server.port });
    // The grids share the data plane, and each would stop it: it is stopped here.
    deployment = await deploy({ data });
    const open = async () => {
      const replicas = await SharedRedis.open({ url: server.url, prefix: 'in-process' });
      shares.push(replicas);
      return deployment.open({ replicas, gateway: { partTasks: 50 }, answerMs: 5000 });
    };
    [a, b] = await Promise.all([open(), open()]);
  });
  afterEach(() => {
    const { messages, requests, faults } = deployment.gateway;
    for (const list of [messages, requests, faults.submit, faults.cancel]) list.length = 0;
  });
  afterAll(async () => {
    await deployment.stop();
    for (const one of shares) one.stop();
    await server.stop();
  });
  const queued = () => deployment.gateway.messages.map(({ taskId }) => taskId);
  const submissionAt = async (grid: HtcGrid, session: string) =>
    (await grid.findSessions([session], live()))[0]?.submission;

  it('one key at both at once is one submission; the other is answered with it', async () => {
    for (let round = 0; round < 5; round++) {
      const request = plain([1, 2, 3], { idempotencyKey: `once-${String(round)}` });
      const answers = await Promise.all([a.submit(request, live()), b.submit(request, live())]);
      expect(answers.map(({ replayed }) => replayed).sort()).toEqual([false, true]);
      expect(answers[1].taskIds).toEqual(answers[0].taskIds);
      for (const { session } of answers)
        expect(session?.submission).toMatchObject({ state: 'SUBMITTED', accepted: 3 });
      expect(queued().slice(3 * round)).toEqual(answers[0].taskIds);
    }
  });

  it('a used key with other payloads is a conflict at both', async () => {
    await a.submit(plain([1], { idempotencyKey: 'k' }), live());
    await expect(b.submit(plain([2], { idempotencyKey: 'k' }), live())).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
    const both = [3, 4].map((n) => plain([n], { idempotencyKey: 'k2' }));
    const answers = await Promise.allSettled(
      [a, b].map((grid, n) => grid.submit(both[n] ?? plain([]), live())),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('a session submitted at one is at the other with owner and number at once', async () => {
    const { session } = await a.submit(plain([1, 2]), live());
    const [found] = await b.findSessions([session?.nativeId ?? ''], live());
    expect(found).toMatchObject({ owner: 'ada', submission: { expected: 2, state: 'SUBMITTED' } });
  });

  it('a cancellation at one stops the submission at the other, and cancels what was sent', async () => {
    const answer = deferred<void>();
    deployment.gateway.faults.submit.push({}, { answerAfter: answer.promise });
    const sending = a.submit(plain(numbers(200), { idempotencyKey: 'long' }), live());
    await vi.waitFor(() => expect(queued()).toHaveLength(100));
    const session = queued()[0]?.split('_')[0] ?? '';
    const cancelling = b.cancel([session], false, live());
    await vi.waitFor(async () =>
      expect(await shares[0]?.run((one) => one.scard('in-process:sessions:prod:halts'))).toBe(1),
    );
    answer.resolve();
    await sending;
    const [cancelled] = await cancelling;
    const sent = queued().length;
    expect(sent).toBeLessThan(200);
    expect(cancelled).toMatchObject({ status: 'DONE', totalCancelledTasks: sent });
    expect(await submissionAt(b, session)).toMatchObject({ state: 'FAILED', accepted: sent });
  });

  it('health says how the shared Redis is', async () => {
    const { components } = await a.health(live());
    expect(components.find(({ name }) => name === 'replicas')).toMatchObject({ status: 'OK' });
  });

  it('a server that is killed in the middle of a submission is followed by another, and no task is sent twice', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'htc-graph-replicas-'));
    const config = {
      server: { port: 0 },
      replicas: { redis: server.url, prefix: 'processes' },
      grids: [
        {
          ...{ kind: 'HTC_GRID', name: 'prod', region: 'eu-west-1', table: deployment.table },
          ...{ endpoint: deployment.endpoint, storage: 'REDIS', completions: 'POLL' },
          redis: { host: '127.0.0.1', port: server.port },
          gateway: {
            ...{ url: deployment.gateway.privateUrl, private: true, apiKey: 'the-api-key' },
            partTasks: 50,
          },
        },
      ],
    };
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    const credentials = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
    const start = () => run(['--config', 'config.json'], credentials, folder);
    const askAt = async (program: Program) => {
      const [, url = ''] = await program.says(/answers at (\S+)/);
      return async (query: string, variables: object) => {
        const body = JSON.stringify({ query, variables });
        const headers = { 'content-type': 'application/json' };
        return (await fetch(url, { method: 'POST', headers, body })).json();
      };
    };
    const submit = `mutation ($payloads: [JSON!]!) {
      submitTasks(input: { payloads: $payloads, idempotencyKey: "once" }) {
        replayed session { nativeId submission { state accepted } } } }`;
    const payloads = numbers(200);
    await using first = start();
    await using second = start();
    try {
      const [askFirst, askSecond] = await Promise.all([askAt(first), askAt(second)]);
      const never = deferred<void>();
      deployment.gateway.faults.submit.push({}, { answerAfter: never.promise });
      const broken = askFirst(submit, { payloads }).catch(() => 'gone');
      await vi.waitFor(() => expect(queued()).toHaveLength(100));
      first.child.kill('SIGKILL');
      expect(await broken).toBe('gone');
      await vi.waitFor(() => expect(queued().length).toBeGreaterThan(100), {
        timeout: 60_000,
      });
      never.resolve();
      const again = await askSecond(submit, { payloads });
      const session = queued()[0]?.split('_')[0];
      expect(again).toEqual({
        data: {
          submitTasks: {
            replayed: true,
            session: { nativeId: session, submission: { state: 'SUBMITTED', accepted: 200 } },
          },
        },
      });
      expect(queued()).toEqual(payloads.map((n) => `${String(session)}_${String(n)}`));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
