/** One contract of submitting, following, results and cancelling: over the embedded grid, and over the wire. */
import { execute, parse } from 'graphql';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildGraph, GraphService } from '../../resolvers/index.js';
import { localAdmin } from '../../src/access/authenticator.js';
import { encodeId } from '../../src/grids/id.js';
import { GridRegistry } from '../../src/grids/registry.js';
import type { DataPlane } from '../../src/grids/htc-grid/data-plane.js';
import { outputKey } from '../../src/grids/htc-grid/data-plane.js';
import { LayeredDataPlane } from '../../src/grids/htc-grid/data-plane-layered.js';
import { MemoryDataPlane } from '../../src/grids/htc-grid/data-plane-memory.js';
import { RedisDataPlane } from '../../src/grids/htc-grid/data-plane-redis.js';
import { S3DataPlane } from '../../src/grids/htc-grid/data-plane-s3.js';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import type { SubmittedTasks } from '../../src/grids/tasks.js';
import type { RedisServer } from '../real/index.js';
import { describeReal } from '../real/index.js';
import type { Opening } from './deployed.js';
import { deploy } from './deployed.js';
import type { S3Server } from './s3-server.js';
import { startS3 } from './s3-server.js';
import { collect, deferred, live, plain, scanAll } from './support.js';

interface Subject {
  readonly grid: HtcGrid;
  /** Takes a value away, as memory pressure or an operator does. */
  lose(key: string): Promise<unknown>;
  /** Lets the workers do what there is; until then nothing that is submitted begins. */
  work(): Promise<void>;
  stop(): Promise<void>;
}

/** What the workers of every subject run. */
function run(task: unknown): unknown {
  if (task === 'raise') throw new TypeError('not that one');
  return { got: task };
}

class Losing extends MemoryDataPlane {
  /** Empty is gone here: no value of the grid is empty. */
  lose(key: string): Promise<void> {
    return this.put([[key, '']]);
  }

  override async getMany(...args: Parameters<MemoryDataPlane['getMany']>) {
    const values = await super.getMany(...args);
    return values.map((value) => (value?.chars === 0 ? undefined : value));
  }
}

const idOf = ({ session }: SubmittedTasks) => session?.nativeId ?? '';
const fields = ['state', 'failure', 'priority', 'attempts', 'index', 'owner'];

function contract(open: () => Promise<Subject>) {
  let subject: Subject;
  let grid: HtcGrid;
  beforeAll(async () => {
    subject = await open();
    grid = subject.grid;
  });
  afterAll(async () => {
    await subject.stop();
  });
  const tasks = async (session: string) => {
    const [source] = await grid.tasks([session], live());
    const rows = await scanAll(source, fields);
    return rows.sort((a, b) => Number(a.index) - Number(b.index));
  };

  /** A page as a client asks for it; an answer with an error fails. */
  const pageOf = async (session: string) => {
    const document = parse(`query ($id: ID!) { tasks(filter: { sessions: [$id] }) { nodes {
      state failure { kind message } output { missing json text bytes } } } }`);
    const schema = await buildGraph();
    const service = new GraphService(new GridRegistry([grid]));
    const request = { caller: localAdmin, requestId: 'test', signal: live() };
    const contextValue = service.context(request);
    const variableValues = { id: encodeId('Session', grid.name, session) };
    const { data, errors } = await execute({ schema, document, variableValues, contextValue });
    service.close();
    expect(errors).toBeUndefined();
    return (data as unknown as { tasks: { nodes: readonly object[] } }).tasks;
  };

  it('can submit, cancel, be followed and show outputs', () => {
    expect([...grid.capabilities()].sort()).toEqual([
      'CANCEL',
      'OUTPUT',
      'RESUME',
      'STREAM',
      'SUBMIT',
    ]);
  });

  it('runs what is submitted: inputs, outputs, and what a function raised', async () => {
    const payloads = [{ a: [1, 'é'] }, 'raise', null];
    const sent = await grid.submit(plain(payloads, { priority: 1 }), live());
    const log = await grid.follow(idOf(sent), live());
    await subject.work();
    const ended = await collect(log);
    expect(ended.map(({ taskId }) => taskId).sort()).toEqual(sent.taskIds);
    expect(await tasks(idOf(sent))).toMatchObject([
      { state: 'SUCCEEDED', failure: null, priority: 1, owner: 'ada' },
      { state: 'SUCCEEDED', failure: { kind: 'FUNCTION_ERROR' } },
      { state: 'SUCCEEDED', failure: null },
    ]);
    const [first = '', raised = '', last = ''] = sent.taskIds;
    const show = (id: string, kind: 'input' | 'output' | 'error') =>
      grid.payload(id, kind, 65_536, live());
    expect((await show(first, 'input'))?.json).toEqual(payloads[0]);
    expect((await show(first, 'output'))?.json).toEqual({ got: payloads[0] });
    expect((await show(last, 'output'))?.json).toEqual({ got: null });
    expect((await show(raised, 'error'))?.json).toMatchObject({ errorMessage: 'not that one' });
    expect(await show(first, 'error')).toBeUndefined();
  });

  it('gives one session for one key, and refuses the key with other input', async () => {
    const request = plain([1, 2], { idempotencyKey: 'key' });
    const [a, b] = await Promise.all([grid.submit(request, live()), grid.submit(request, live())]);
    expect([a.replayed, b.replayed]).toEqual([false, true]);
    expect(b).toMatchObject({ taskIds: a.taskIds, session: { nativeId: idOf(a) } });
    await expect(
      grid.submit(plain([1, 3], { idempotencyKey: 'key' }), live()),
    ).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    await subject.work();
  });

  it('cancels what has not ended, with counts, and only once', async () => {
    const sent = await grid.submit(plain(Array<string>(10).fill('x')), live());
    const session = idOf(sent);
    const [tried] = await grid.cancel([session], true, live());
    expect(tried).toMatchObject({ status: 'DONE', totalCancelledTasks: 10 });
    const [cancelled, nobody] = await grid.cancel([session, 'nobody'], false, live());
    expect(cancelled).toMatchObject({
      status: 'DONE',
      cancelledRetrying: 0,
      totalCancelledTasks: 10,
      alreadyTerminal: 0,
    });
    const { cancelledPending = 0, cancelledProcessing = 0 } = cancelled ?? {};
    expect(cancelledPending + cancelledProcessing).toBe(10);
    expect(nobody).toMatchObject({ status: 'NOT_FOUND', totalCancelledTasks: 0 });
    await subject.work();
    expect(new Set((await tasks(session)).map(({ state }) => state))).toEqual(
      new Set(['CANCELLED']),
    );
    const [again] = await grid.cancel([session], false, live());
    expect(again).toMatchObject({ status: 'ALREADY_DONE', alreadyTerminal: 10 });
  });

  it('leaves ended tasks as they ended when their session is cancelled', async () => {
    const sent = await grid.submit(plain([1, 2]), live());
    await subject.work();
    await collect(await grid.follow(idOf(sent), live()));
    const [cancelled] = await grid.cancel([idOf(sent)], false, live());
    expect(cancelled).toMatchObject({ status: 'ALREADY_DONE', alreadyTerminal: 2 });
    expect((await tasks(idOf(sent))).map(({ state }) => state)).toEqual(['SUCCEEDED', 'SUCCEEDED']);
  });

  it('says of a page with a lost output what it still knows', async () => {
    const sent = await grid.submit(plain([1, 'raise']), live());
    await subject.work();
    await collect(await grid.follow(idOf(sent), live()));
    const [lost = '', raised = ''] = sent.taskIds;
    await subject.lose(outputKey(lost));
    expect(await grid.payload(lost, 'output', 100, live())).toBeUndefined();
    expect((await grid.payload(raised, 'output', 1000, live()))?.json).not.toBeNull();
    expect(await tasks(idOf(sent))).toMatchObject([
      { state: 'SUCCEEDED', failure: { kind: 'OUTPUT_LOST' } },
      { failure: { kind: 'FUNCTION_ERROR' } },
    ]);
    // Through the graph, as a client sees the page: the lost one says so, the others are there.
    const { nodes } = await pageOf(idOf(sent));
    expect(nodes).toEqual([
      {
        state: 'SUCCEEDED',
        failure: {
          kind: 'OUTPUT_LOST',
          message: expect.stringContaining('output no more') as string,
        },
        output: { missing: true, json: null, text: null, bytes: 0 },
      },
      {
        state: 'SUCCEEDED',
        failure: {
          kind: 'FUNCTION_ERROR',
          message: expect.stringContaining('not that one') as string,
        },
        output: expect.objectContaining({ missing: false }) as object,
      },
    ]);
  });
}

describe('the embedded grid', () => {
  contract(async () => {
    let gate = deferred<void>();
    const data = new Losing();
    const grid = await openEmbedded({
      name: 'g',
      data,
      workers: { concurrency: 1 },
      run: async (task) => {
        await gate.promise;
        return run(task);
      },
    });
    return {
      grid,
      lose: (key) => data.lose(key),
      async work() {
        gate.resolve();
        const open = async () =>
          (await grid.health(live())).components.reduce((sum, { count }) => sum + (count ?? 0), 0);
        await expect.poll(open).toBe(0);
        gate = deferred<void>();
      },
      stop: () => grid.stop(),
    };
  });
});

/** A deployed grid over a data plane of its own. */
async function deployed(
  data: DataPlane,
  lose: Subject['lose'],
  settings: Opening = {},
): Promise<Subject> {
  const deployment = await deploy({ data, priorities: 2 });
  const grid = await deployment.open({ ...settings, data, limits: { maxPriority: 1 } });
  return {
    grid,
    lose,
    work: () => deployment.work(run),
    async stop() {
      await deployment.stop();
      await data.stop();
    },
  };
}

describe('a deployed grid, cancelled by its own cancel', () => {
  contract(() => {
    const data = new Losing();
    return deployed(data, (key) => data.lose(key), { cancel: 'GATEWAY' });
  });
});

describe('a deployed grid over S3', () => {
  let s3: S3Server;
  beforeAll(async () => {
    s3 = await startS3();
  });
  afterAll(async () => {
    await s3.stop();
  });
  contract(async () =>
    deployed(await S3DataPlane.open({ ...s3, region: 'eu-west-1' }), (key) => s3.remove(key)),
  );
});

describeReal('redis', 'a deployed grid over Redis', (redis) => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await redis.start();
    client = new Redis(server.url);
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });
  const evict = (key: string) => client.del(key);
  const open = () => RedisDataPlane.open({ host: '127.0.0.1', port: server.port });

  describe('alone', () => {
    contract(async () => deployed(await open(), evict));
  });
  describe('before S3', () => {
    let s3: S3Server;
    beforeAll(async () => {
      s3 = await startS3();
    });
    afterAll(async () => {
      await s3.stop();
    });
    contract(async () => {
      const store = await S3DataPlane.open({ ...s3, region: 'eu-west-1' });
      return deployed(new LayeredDataPlane(await open(), store), async (key) => {
        await evict(key);
        await s3.remove(key);
      });
    });
  });
});

describe("a grid's own cancel", () => {
  let deployment: Awaited<ReturnType<typeof deploy>>;
  let grid: HtcGrid;
  beforeAll(async () => {
    deployment = await deploy();
    grid = await deployment.open({ cancel: 'GATEWAY', gateway: { callMs: 5000 } });
  });
  afterEach(() => {
    deployment.gateway.faults.cancel.length = 0;
    deployment.gateway.requests.length = 0;
  });
  afterAll(async () => {
    await deployment.stop();
  });
  const cancels = () =>
    deployment.gateway.requests.filter(({ line }) => line.includes('/cancel')).length;

  it.each([
    ['a 504', 504],
    ['a connection that is cut', 'cut'],
    ['a 542', 542],
  ] as const)('after %s counts what the table shows', async (_what, answer) => {
    const session = idOf(await grid.submit(plain([1, 2, 3]), live()));
    const [first = ''] = deployment.gateway.messages.splice(0).map(({ taskId }) => taskId);
    await deployment.writer.claim(first, 'pod-1', 1, 'h');
    deployment.gateway.faults.cancel.push({ answer });
    const [cancelled] = await grid.cancel([session], false, live());
    expect(cancelled).toMatchObject({
      status: 'DONE',
      cancelledPending: 2,
      cancelledProcessing: 1,
      totalCancelledTasks: 3,
    });
    expect(cancels()).toBe(1);
  });

  it('that is refused has FAILED for that session, and nothing is cancelled', async () => {
    const session = idOf(await grid.submit(plain([1]), live()));
    deployment.gateway.faults.cancel.push({ answer: 403 });
    expect((await grid.cancel([session], false, live()))[0]).toMatchObject({
      status: 'FAILED',
      totalCancelledTasks: 0,
    });
    expect(await deployment.reader.count(session, 'pending', live())).toBe(1);
  });
});
