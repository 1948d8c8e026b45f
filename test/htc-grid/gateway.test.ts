/** Submitting through a deployed grid's gateway, whatever the gateway answers: each task is sent once, or it is said. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import { decodeText } from '../../src/grids/htc-grid/encoding.js';
import { tasksOfPayload } from '../../src/grids/htc-grid/submission-payload.js';
import type { SubmittedTasks } from '../../src/grids/tasks.js';
import type { Deployment, Opening } from './deployed.js';
import { deploy } from './deployed.js';
import type { Fault } from './gateway-stand-in.js';
import { collect, deferred, live, plain } from './support.js';
import type { UserPoolStandIn } from './user-pool-stand-in.js';
import { startUserPool } from './user-pool-stand-in.js';

let deployment: Deployment;
let pool: UserPoolStandIn;
beforeAll(async () => {
  pool = await startUserPool({ ada: { password: 'Passw0rd!x' } });
  deployment = await deploy({ priorities: 3, isToken: (token) => pool.tokens.has(token) });
});
afterEach(() => {
  const { messages, requests, faults } = deployment.gateway;
  for (const list of [messages, requests, faults.submit, faults.cancel, faults.result])
    list.length = 0;
});
afterAll(async () => {
  await deployment.stop();
  await pool.stop();
});

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const submits = () =>
  deployment.gateway.requests.filter(({ line }) => line.includes('/submit')).length;
const idOf = ({ session }: SubmittedTasks) => session?.nativeId ?? '';
const queued = () => deployment.gateway.messages.map(({ taskId }) => taskId);
async function submissionOf(grid: HtcGrid, session: string) {
  const [row] = await grid.findSessions([session], live());
  return row?.submission;
}
const rowsOf = async (session: string) => deployment.reader.count(session, undefined, live());

describe('a session sent to a deployed grid', () => {
  let grid: HtcGrid;
  beforeAll(async () => {
    grid = await deployment.open({ gateway: { partTasks: 50 }, limits: { maxPriority: 2 } });
  });

  it('of one part is one call under the key of the Python client', async () => {
    const sent = await grid.submit(plain(numbers(50)), live());
    const session = idOf(sent);
    expect(sent).toMatchObject({
      replayed: false,
      error: null,
      session: { submission: { state: 'SUBMITTED', expected: 50, accepted: 50 } },
    });
    expect(sent.taskIds).toEqual(numbers(50).map((n) => `${session}_${String(n)}`));
    expect(deployment.gateway.requests).toEqual([
      {
        line: `POST /private/v1/submit?submission_content=${session}`,
        authorization: 'the-api-key',
      },
    ]);
    expect(queued()).toEqual(sent.taskIds);
  });

  it('of several parts is one session, a call and a key for each part, one after another', async () => {
    const sent = await grid.submit(plain(numbers(120)), live());
    const session = idOf(sent);
    expect(deployment.gateway.requests.map(({ line }) => line.split('=')[1])).toEqual([
      `${session}-part0-50`,
      `${session}-part50-50`,
      `${session}-part100-20`,
    ]);
    expect(queued()).toEqual(sent.taskIds);
    expect(sent.session?.submission).toMatchObject({ state: 'SUBMITTED', accepted: 120 });
    // A reader without our registry finds the number of tasks under the session's own key.
    const whole = await deployment.data.get(`${session}-payload`, Infinity);
    expect(tasksOfPayload(decodeText(whole?.text ?? ''))).toBe(120);
  });

  it('with a priority goes to that queue; one that the grid has not is refused before anything is sent', async () => {
    await grid.submit(plain([1, 2], { priority: 2 }), live());
    expect(deployment.gateway.messages.map(({ queue }) => queue)).toEqual([2, 2]);
    await expect(grid.submit(plain([1], { priority: 3 }), live())).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
    expect(submits()).toBe(1);
  });

  it('may answer while it is being sent, and is followed to its end', async () => {
    const slow = deferred<void>();
    deployment.gateway.faults.submit.push({}, { answerAfter: slow.promise });
    const patient = await deployment.open({ gateway: { partTasks: 5 }, answerMs: 50 });
    const sent = await patient.submit(plain(numbers(12), { idempotencyKey: 'slow' }), live());
    expect(sent.session?.submission).toMatchObject({ state: 'SUBMITTING', expected: 12 });
    expect(sent.taskIds).toHaveLength(12);
    const again = await patient.submit(plain(numbers(12), { idempotencyKey: 'slow' }), live());
    expect(again).toMatchObject({ replayed: true, session: { nativeId: idOf(sent) } });
    const log = await patient.follow(idOf(sent), live());
    await deployment.work((task) => task);
    await log.changed(0, AbortSignal.timeout(60_000));
    expect(log.complete).toBe(false);
    slow.resolve();
    await vi.waitFor(async () => {
      await deployment.work((task) => task);
      expect(await submissionOf(patient, idOf(sent))).toMatchObject({ state: 'SUBMITTED' });
    });
    await deployment.work((task) => task);
    expect(await collect(log)).toHaveLength(12);
    expect(submits()).toBe(3);
  });
});

describe('an answer that leaves open what happened', () => {
  let grid: HtcGrid;
  beforeEach(async () => {
    grid = await deployment.open({ gateway: { partTasks: 50, lambdaMs: 1500, callMs: 300 } });
  });

  it.each<[string, Fault]>([
    ['a 504', { answer: 504 }],
    ['a connection that is cut', { answer: 'cut' }],
    ['a 500', { answer: 500 }],
    ['no answer in time', { answerAfter: new Promise(() => undefined) }],
  ])(
    '%s after the work was done: it is found in the table and not sent again',
    async (_w, fault) => {
      deployment.gateway.faults.submit.push(fault);
      const sent = await grid.submit(plain(numbers(60)), live());
      expect(sent.session?.submission).toMatchObject({ state: 'SUBMITTED', accepted: 60 });
      expect(submits()).toBe(2);
      expect(queued()).toEqual(sent.taskIds);
    },
  );

  it('a 504 while the grid is still at it: it is waited for', async () => {
    const begin = deferred<void>();
    deployment.gateway.faults.submit.push({ answer: 504, workAfter: begin.promise });
    const sending = grid.submit(plain(numbers(50)), live());
    await vi.waitFor(() => {
      expect(submits()).toBe(1);
    });
    begin.resolve();
    expect((await sending).session?.submission).toMatchObject({ state: 'SUBMITTED' });
    expect(submits()).toBe(1);
  });

  it('a finished task is not run again by it', async () => {
    const answered = deferred<void>();
    deployment.gateway.faults.submit.push({ answer: 504, answerAfter: answered.promise });
    const sending = grid.submit(plain(numbers(3)), live());
    await vi.waitFor(() => {
      expect(queued()).toHaveLength(3);
    });
    await deployment.work((task) => task);
    answered.resolve();
    const session = idOf(await sending);
    expect(await deployment.reader.count(session, 'finished', live())).toBe(3);
    expect(queued()).toEqual([]);
  });

  it('and left no row once the grid can not be at it any more: it is sent again', async () => {
    deployment.gateway.faults.submit.push({ answer: 504, workAfter: new Promise(() => undefined) });
    const sent = await grid.submit(plain(numbers(3)), live());
    expect(sent.session?.submission).toMatchObject({ state: 'SUBMITTED' });
    expect(submits()).toBe(2);
    expect(queued()).toEqual(sent.taskIds);
  });

  it('and left some rows: exactly those are said', async () => {
    deployment.gateway.faults.submit.push({}, { answer: 504, rows: 20 });
    const sent = await grid.submit(plain(numbers(120)), live());
    expect(sent.taskIds).toEqual(numbers(70).map((n) => `${idOf(sent)}_${String(n)}`));
    expect(sent.error?.message).toMatch(/only 20 have a row.* 70 of 120 tasks are in the grid/);
    expect(sent.session?.submission).toMatchObject({ state: 'FAILED', accepted: 70 });
    expect(submits()).toBe(2);
  });
});

describe('a call that fails', () => {
  let grid: HtcGrid;
  beforeEach(async () => {
    grid = await deployment.open({ gateway: { partTasks: 50 } });
  });

  it.each([
    ['543', 543],
    ['502', 502],
  ])(
    'with %s after rows were written says what there is, and sends no more',
    async (_w, answer) => {
      deployment.gateway.faults.submit.push({}, { answer, queued: false });
      const request = plain(numbers(120), { idempotencyKey: `k${String(answer)}` });
      const sent = await grid.submit(request, live());
      expect(sent).toMatchObject({
        replayed: false,
        error: {
          code: 'UNAVAILABLE',
          message: expect.stringMatching(
            /100 of 120 tasks are in the grid \(of the last part 50 pending\) and may run/,
          ) as string,
        },
        session: { submission: { state: 'FAILED', expected: 120, accepted: 100 } },
      });
      expect(sent.taskIds).toHaveLength(100);
      expect(await rowsOf(idOf(sent))).toBe(100);
      expect(submits()).toBe(2);
      expect(JSON.stringify(sent)).not.toContain('secret-of-the-lambda');
      // The same key does not run what runs already.
      const again = await grid.submit(request, live());
      expect(again).toMatchObject({ replayed: true, session: { nativeId: idOf(sent) } });
      expect(submits()).toBe(2);
      const [cancelled] = await grid.cancel([idOf(sent)], false, live());
      expect(cancelled).toMatchObject({ status: 'DONE', totalCancelledTasks: 100 });
    },
  );

  it('with 543 before any row was written is tried once more, then rejects; the key may be used again', async () => {
    deployment.gateway.faults.submit.push({ rows: 0 }, { rows: 0 });
    const request = plain([1], { idempotencyKey: 'none' });
    await expect(grid.submit(request, live())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/543.*None of its tasks is in the grid/) as string,
    });
    expect(submits()).toBe(2);
    expect(await grid.submit(request, live())).toMatchObject({ replayed: false, error: null });
  });

  it('with 429 is repeated when it was told to, and once it is enough the caller is told', async () => {
    deployment.gateway.faults.submit.push({ answer: 429, headers: { 'retry-after': '0' } });
    expect((await grid.submit(plain([1]), live())).error).toBeNull();
    deployment.gateway.faults.submit.push({ answer: 429, headers: { 'retry-after': '30' } });
    await expect(grid.submit(plain([1]), live())).rejects.toMatchObject({
      code: 'THROTTLED',
      retryAfterMs: 30_000,
    });
  });

  it.each([
    ['a redirection', 302],
    ['a body that is too large', 413],
  ])('with %s has not begun: it is not followed, and not repeated', async (_what, answer) => {
    const headers = { location: 'http://127.0.0.1:2/elsewhere' };
    deployment.gateway.faults.submit.push({ answer, headers });
    await expect(grid.submit(plain([1]), live())).rejects.toThrow(`status ${String(answer)}`);
    expect(submits()).toBe(1);
  });

  it('because nothing answers is told at once', async () => {
    const away = await deployment.open({ gateway: { url: 'http://127.0.0.1:1/v1' } });
    await expect(away.submit(plain([1]), live())).rejects.toThrow(/does not answer/);
  });

  it('with 403 is not repeated, and says what may be wrong', async () => {
    deployment.gateway.faults.submit.push({ answer: 403 });
    await expect(grid.submit(plain([1]), live())).rejects.toThrow(/API key is wrong/);
    expect(submits()).toBe(1);
  });

  it('between two parts waits and goes on', async () => {
    deployment.gateway.faults.submit.push({}, { answer: 403 }, { answer: 429 });
    const sent = await grid.submit(plain(numbers(100)), live());
    expect(sent.session?.submission).toMatchObject({ state: 'SUBMITTED', accepted: 100 });
  });

  it('again and again leaves the gateway alone for a while, and health says so', async () => {
    expect((await grid.health(live())).status).toBe('OK');
    deployment.gateway.faults.submit.push(...Array<Fault>(5).fill({ answer: 403 }));
    await expect(grid.submit(plain([1]), live())).rejects.toThrow();
    expect(await grid.health(live())).toMatchObject({ status: 'DEGRADED' });
    for (let i = 0; i < 4; i++) await expect(grid.submit(plain([1]), live())).rejects.toThrow();
    expect(submits()).toBe(5);
    const { components } = await grid.health(live());
    expect(components.find(({ name }) => name === 'gateway')).toMatchObject({ status: 'DOWN' });
    await expect(grid.submit(plain([1]), live())).rejects.toThrow(/left alone after 5 failures/);
    expect(submits()).toBe(5);
  });
});

describe('the login of a gateway', () => {
  const asUser = (password = 'Passw0rd!x'): Opening => ({
    gateway: {
      url: deployment.gateway.url,
      access: {
        userPoolId: pool.userPoolId,
        clientId: pool.clientId,
        username: 'ada',
        password,
        url: pool.url,
      },
    },
  });

  it('is one for all, and its token is sent as it is', async () => {
    const grid = await deployment.open(asUser());
    pool.flows.length = 0;
    await Promise.all(numbers(5).map((n) => grid.submit(plain([n]), live())));
    expect(pool.flows).toEqual(['USER_SRP_AUTH', 'PASSWORD_VERIFIER']);
    const sent = new Set(deployment.gateway.requests.map(({ authorization }) => authorization));
    expect(sent.size).toBe(1);
    expect(pool.tokens.has([...sent][0] ?? '')).toBe(true);
  });

  it('is made anew when the gateway refuses its token, and the new one is the one that is sent', async () => {
    const grid = await deployment.open(asUser());
    await grid.submit(plain([1]), live());
    pool.tokens.clear();
    expect((await grid.submit(plain([2]), live())).error).toBeNull();
    const sent = deployment.gateway.requests.map(({ authorization }) => authorization ?? '');
    expect(sent).toHaveLength(3);
    expect(pool.tokens.has(sent[2] ?? '')).toBe(true);
  });

  it('with a wrong password sends nothing, and health says why', async () => {
    const grid = await deployment.open(asUser('wrong'));
    await expect(grid.submit(plain([1]), live())).rejects.toThrow(/user name or the password/);
    expect(deployment.gateway.requests).toEqual([]);
    const { components } = await grid.health(live());
    expect(components.find(({ name }) => name === 'gateway')).toMatchObject({
      status: 'DEGRADED',
      detail: expect.stringContaining('refuses the user name or the password') as string,
    });
  });
});

describe('a server that ends while it submits', () => {
  let path: string;
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'htc-graph-submit-'));
  });
  afterEach(() => rm(path, { recursive: true }));

  it('goes on when it is back: nothing is lost, nothing is sent twice', async () => {
    const never = new Promise<void>(() => undefined);
    deployment.gateway.faults.submit.push({}, { answerAfter: never });
    const first = await deployment.open({ path, gateway: { partTasks: 10 }, answerMs: 10 });
    const sent = await first.submit(plain(numbers(45), { idempotencyKey: 'k' }), live());
    await vi.waitFor(() => {
      expect(queued()).toHaveLength(20);
    });
    await first.stop();
    const second = await deployment.open({ path, gateway: { partTasks: 20 } });
    await vi.waitFor(async () => {
      expect(await submissionOf(second, idOf(sent))).toMatchObject({
        state: 'SUBMITTED',
        accepted: 45,
      });
    });
    expect(queued()).toEqual(sent.taskIds);
    const again = await second.submit(plain(numbers(45), { idempotencyKey: 'k' }), live());
    expect(again).toMatchObject({ replayed: true, taskIds: sent.taskIds });
  });
});

describe('cancelling a session that is being sent', () => {
  it('sends no more of it, and cancels what is there', async () => {
    const open = deferred<void>();
    deployment.gateway.faults.submit.push({}, { answerAfter: open.promise });
    const grid = await deployment.open({ gateway: { partTasks: 10 }, answerMs: 10 });
    const session = idOf(await grid.submit(plain(numbers(45)), live()));
    await vi.waitFor(() => {
      expect(queued()).toHaveLength(20);
    });
    const cancelling = grid.cancel([session], false, live());
    open.resolve();
    expect((await cancelling)[0]).toMatchObject({ status: 'DONE', cancelledPending: 20 });
    expect(await submissionOf(grid, session)).toMatchObject({
      state: 'FAILED',
      accepted: 20,
      error: { message: expect.stringMatching(/cancelled before all/) as string },
    });
    expect(submits()).toBe(2);
  });
});
