/** A deployed grid whose table throttles, breaks off or is gone: answers in time, codes, and what health says. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/grids/id.js';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import type { Graph } from '../graph/open-graph.js';
import { openGraph } from '../graph/open-graph.js';
import type { Deployment } from './deployed.js';
import { deploy } from './deployed.js';
import { live, tasksOf } from './support.js';
import type { S3Server } from './s3-server.js';
import { startS3 } from './s3-server.js';
import type { TableProxy } from './table-proxy.js';
import { startTableProxy } from './table-proxy.js';

const session = '18a45134-e5fd-11f1-8152-02fc00000001';
const throttle = 'ProvisionedThroughputExceededException';
let deployment: Deployment;
let proxy: TableProxy;
let grid: HtcGrid;
let graph: Graph;

beforeAll(async () => {
  deployment = await deploy();
  await deployment.writer.insert(tasksOf(session, 300), live());
  proxy = await startTableProxy(deployment.endpoint);
});
const place = () => ({
  table: deployment.table,
  region: 'eu-west-1',
  endpoint: proxy.endpoint,
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
});
const open = (more: object = {}, patienceMs = 60_000) =>
  deployment.open({
    table: place(),
    ...more,
    pace: { pauseMs: 10, leastUnits: 500, patienceMs },
  });
// Each test has a server of its own: what one has seen of the table is not the next one's.
const begin = async (patienceMs?: number) => {
  grid = await open({}, patienceMs);
  graph = await openGraph([grid]);
};
beforeEach(() => begin());
afterEach(async () => {
  proxy.fault = () => undefined;
  proxy.calls.length = 0;
  await graph.stop();
});
afterAll(async () => {
  await deployment.stop();
  await proxy.stop();
});

const tableOf = async () => {
  const { status, components } = await grid.health(live());
  return { grid: status, ...components.find(({ name }) => name === 'state table') };
};
const page = () =>
  graph.answer<
    {
      readonly tasks: {
        readonly nodes: readonly object[];
        readonly sources: readonly { readonly error: { readonly code: string } | null }[];
      } | null;
    },
    object
  >(
    `query ($id: ID!) { tasks(filter: { sessions: [$id], priority: { eq: 0 } }, first: 100) { nodes { index }
      sources { status error { code retryAfterMs } } } }`,
    { id: encodeId('Session', 'prod', session) },
  );

describe('a table that throttles', () => {
  it.each([throttle, 'ThrottlingException'] as const)(
    'with %s for a moment is read in full, and health says that reads are slowed',
    async (fault) => {
      let left = 3;
      proxy.fault = ({ operation }) =>
        operation !== 'DescribeTable' && left-- > 0 ? fault : undefined;
      const { data, errors } = await page();
      expect(errors).toEqual([]);
      expect(data?.tasks?.nodes).toHaveLength(100);
      expect(data?.tasks?.sources).toEqual([{ status: 'OK', error: null }]);
      expect(await tableOf()).toMatchObject({
        status: 'DEGRADED',
        detail: expect.stringContaining('throttled') as string,
        since: expect.any(Number) as number,
      });
    },
  );

  it('and goes on throttling is THROTTLED, with the time to come back, and not asked at will', async () => {
    await graph.stop();
    await begin(600);
    proxy.fault = ({ operation }) => (operation === 'DescribeTable' ? undefined : throttle);
    const { data } = await page();
    expect(data?.tasks?.sources).toMatchObject([
      { error: { code: 'THROTTLED', retryAfterMs: expect.any(Number) as number } },
    ]);
    const failed = await graph.answer<object, object>(`query ($id: ID!) { task(id: $id) { id } }`, {
      id: encodeId('Task', 'prod', `${session}_0`),
    });
    expect(failed.codes).toEqual(['THROTTLED']);
    // Repeats come later and later: two reads of 600 ms are a few calls each.
    expect(proxy.calls.length).toBeLessThan(30);
    // Throttled is not away: what is slowed is not cut off.
    expect(await tableOf()).toMatchObject({ status: 'DEGRADED', grid: 'DEGRADED' });
  });

  it('does not keep a cancel waiting once its reads are through', async () => {
    let throttled = 0;
    proxy.fault = ({ operation }) =>
      operation === 'Query' && throttled++ < 2 ? throttle : undefined;
    const [tried] = await grid.cancel([session], true, live());
    expect(tried).toMatchObject({ status: 'DONE', totalCancelledTasks: 300 });
  });
});

describe('a cancel that breaks off', () => {
  it('is FAILED, with as many as were cancelled', async () => {
    const broken = '7d94b3a0-1111-11ee-8000-0242ac120002';
    await deployment.writer.insert(tasksOf(broken, 40), live());
    let updates = 0;
    proxy.fault = ({ operation }) =>
      operation === 'UpdateItem' && ++updates > 20 ? 'AccessDeniedException' : undefined;
    const [answer] = await grid.cancel([broken], false, live());
    const cancelled = await deployment.reader.count(broken, 'cancelled', live());
    expect(cancelled).toBe(20);
    expect(answer).toMatchObject({
      status: 'FAILED',
      cancelledPending: cancelled,
      totalCancelledTasks: cancelled,
    });
  });
});

describe('a table that does not answer', () => {
  it('is left alone after five reads without an answer: UNAVAILABLE at once, DOWN in health, since the first', async () => {
    expect(await tableOf()).toMatchObject({ status: 'OK', grid: 'OK', since: null });
    proxy.fault = () => 'cut';
    for (let n = 0; n < 5; n++)
      await expect(grid.findTasks([`${session}_0`], live())).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
    const calls = proxy.calls.length;
    await expect(grid.findTasks([`${session}_0`], live())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('left alone after 5 failures') as string,
      retryAfterMs: expect.any(Number) as number,
    });
    expect(await tableOf()).toMatchObject({
      status: 'DOWN',
      grid: 'DOWN',
      detail: expect.stringContaining('5 failed in a row') as string,
      since: expect.any(Number) as number,
    });
    expect(proxy.calls).toHaveLength(calls);
  });

  it('is asked again where the connection broke off, and not where nothing came in time', async () => {
    const asked = () =>
      proxy.calls.splice(0).filter(({ operation }) => operation !== 'DescribeTable');
    proxy.fault = () => 'cut';
    await expect(grid.findTasks([`${session}_0`], live())).rejects.toThrow(/does not answer/);
    expect(asked()).toHaveLength(4);
    const hurried = await open({ table: { ...place(), callMs: 300 } });
    proxy.fault = () => 'silent';
    await expect(hurried.findTasks([`${session}_0`], live())).rejects.toMatchObject({
      code: 'TIMED_OUT',
    });
    expect(asked()).toHaveLength(1);
  });

  it('is DEGRADED after one, and what went well afterwards ends it', async () => {
    proxy.fault = ({ operation }) => (operation === 'DescribeTable' ? undefined : 'cut');
    await expect(grid.findTasks([`${session}_0`], live())).rejects.toThrow();
    expect(await tableOf()).toMatchObject({ status: 'DEGRADED', grid: 'DEGRADED' });
    proxy.fault = () => undefined;
    expect(await grid.findTasks([`${session}_0`], live())).toHaveLength(1);
    expect(await tableOf()).toMatchObject({ status: 'OK', grid: 'OK' });
  });
});

describe('an S3 that does not answer', () => {
  let s3: S3Server;
  beforeAll(async () => {
    s3 = await startS3();
  });

  it('fails the outputs and not their page, and is DOWN in health while the table is OK', async () => {
    const { endpoint, bucket, credentials } = s3;
    const over = await open({
      data: undefined,
      s3: { endpoint, bucket, credentials, region: 'eu-west-1' },
    });
    const reading = await openGraph([over]);
    const show = () =>
      reading.answer<{ readonly tasks: { readonly nodes: readonly object[] } | null }, object>(
        `query ($id: ID!) { tasks(filter: { sessions: [$id] }, first: 6) { nodes { index input { json } } } }`,
        { id: encodeId('Session', 'prod', session) },
      );
    expect((await show()).errors).toEqual([]);
    await s3.stop();
    const { data, codes } = await show();
    expect(data?.tasks?.nodes).toHaveLength(6);
    expect(new Set(codes)).toEqual(new Set(['UNAVAILABLE']));
    const { status, components } = await over.health(live());
    expect(status).toBe('DEGRADED');
    expect(components.find(({ name }) => name === 'data plane (S3)')).toMatchObject({
      status: 'DOWN',
      since: expect.any(Number) as number,
    });
    expect(components.find(({ name }) => name === 'state table')).toMatchObject({ status: 'OK' });
    await reading.stop();
  });
});
