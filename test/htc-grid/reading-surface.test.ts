/**
 * All that the graph reads of a deployed grid, over a table that answers nothing but the calls that the
 * shipped policy and docs/grids/htc-grid.md ("Permissions") know: no GetItem, no Scan.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeId } from '../../src/grids/id.js';
import type { HtcGrid } from '../../src/grids/htc-grid/index.js';
import { statusOf, taskIdOf } from '../../src/grids/htc-grid/status.js';
import type { Graph } from '../graph/open-graph.js';
import { openGraph } from '../graph/open-graph.js';
import type { Deployment } from './deployed.js';
import { deploy } from './deployed.js';
import { live, plain, tasksOf } from './support.js';
import type { TableProxy } from './table-proxy.js';
import { startTableProxy } from './table-proxy.js';

const allowed = new Set(['Query', 'BatchGetItem', 'DescribeTable']);
const elsewhere = '18a45134-e5fd-11f1-8152-02fc00000001';

describe('reading a deployed grid', () => {
  let deployment: Deployment;
  let proxy: TableProxy;
  let grid: HtcGrid;
  let graph: Graph;
  let own: string;

  beforeAll(async () => {
    deployment = await deploy();
    proxy = await startTableProxy(deployment.endpoint);
    proxy.fault = ({ operation }) => (allowed.has(operation) ? undefined : 'AccessDeniedException');
    grid = await deployment.open({
      table: {
        table: deployment.table,
        region: 'eu-west-1',
        endpoint: proxy.endpoint,
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      },
    });
    graph = await openGraph([grid]);
    const { session } = await grid.submit(plain([1, 2, 'raise', 4]), live());
    own = session?.nativeId ?? '';
    await deployment.work((task) => {
      if (task === 'raise') throw new Error('boom');
      return task;
    });
    await deployment.writer.insert(tasksOf(elsewhere, 3), live());
  });
  beforeEach(() => {
    proxy.calls.length = 0;
  });
  afterAll(async () => {
    await graph.stop();
    await deployment.stop();
    await proxy.stop();
  });
  const ids = () => ({
    session: encodeId('Session', 'prod', own),
    other: encodeId('Session', 'prod', elsewhere),
    task: encodeId('Task', 'prod', taskIdOf(own, 2)),
    nobody: encodeId('Task', 'prod', taskIdOf(own, 99)),
  });
  const task = `id nativeId index state nativeState terminal owner attempts revision priority worker
    submittedAt startedAt endedAt heartbeatExpiresAt failure { kind message }
    session { nativeId } input { json } output { json missing } error { text }`;
  const session = `nativeId owner submittedAt submission { state } streamCursor
    progress { total terminal byState { state count } }`;

  it.each([
    ['a session', `query ($session: ID!) { session(id: $session) { ${session} } }`],
    [
      'a session of others with its tasks',
      `query ($other: ID!) { session(id: $other) { ${session} tasks(first: 2) { totalCount nodes { ${task} } } } }`,
    ],
    ['sessions', `{ sessions { totalCount nodes { ${session} } sources { status scanned } } }`],
    ['active sessions', `{ sessions(active: true) { nodes { nativeId } } }`],
    ['sessions that have ended', `{ sessions(active: false) { nodes { nativeId } } }`],
    [
      'tasks by id and by task_id',
      `query ($task: ID!, $nobody: ID!) { task(id: $task) { ${task} } nobody: task(id: $nobody) { id } }`,
    ],
    [
      'tasks from both ends',
      `query ($session: ID!) { tasks(filter: { sessions: [$session] }, first: 3) { totalCount nodes { ${task} } }
        last: tasks(filter: { sessions: [$session] }, last: 2) { nodes { index } } }`,
    ],
    [
      'tasks by state, attempts and time, in an order',
      `query ($session: ID!) { tasks(filter: { sessions: [$session], state: { in: [SUCCEEDED] }, attempts: { gte: 1 },
        submitted: { after: "2020-01-01T00:00:00Z" } }, orderBy: [{ field: ENDED_AT }]) { nodes { ${task} } } }`,
    ],
    [
      'groups of all tasks',
      `{ tasks(groupBy: [{ field: STATE }]) { totalCount groups { nodes { key { value } count } } } }`,
    ],
    ['work', `{ work { nodes { id state } sources { status } } }`],
    [
      'nodes',
      `query ($session: ID!, $task: ID!, $nobody: ID!) { node(id: $task) { id }
        nodes(ids: [$session, $task, $nobody]) { id ... on Task { ${task} } ... on Session { ${session} } } }`,
    ],
    ['health', `{ grids { health { status components { name status detail count since } } } }`],
  ])('%s needs Query, BatchGetItem and DescribeTable alone', async (_what, document) => {
    const { errors, data } = await graph.answer<object, object>(document, ids());
    expect(errors).toEqual([]);
    expect(data).not.toBeNull();
    expect(
      proxy.calls.map(({ operation }) => operation).filter((one) => !allowed.has(one)),
    ).toEqual([]);
  });

  it('streams and progress need no more', async () => {
    const stream = await graph.follow<object, object>(
      `subscription ($session: ID!) { taskCompleted(sessions: [$session], start: { snapshot: true }) {
        kind tasks { ${task} } } }`,
      ids(),
    );
    if (!('next' in stream)) throw new Error(JSON.stringify(stream.errors));
    for await (const { errors } of stream) expect(errors).toEqual([]);
    expect(proxy.calls.length).toBeGreaterThan(0);
    expect(
      proxy.calls.map(({ operation }) => operation).filter((one) => !allowed.has(one)),
    ).toEqual([]);
  });

  it('lists what was sent here and what has work, and says so; what others have ended is found by its id', async () => {
    const ended = '7d94b3a0-1111-11ee-8000-0242ac120002';
    await deployment.put([
      {
        task_id: { S: taskIdOf(ended, 0) },
        session_id: { S: ended },
        task_status: { S: statusOf('finished', ended) },
        heartbeat_expiration_timestamp: { N: '1' },
      },
    ]);
    const { data } = await graph.answer<object, object>(
      `query ($ended: ID!) { sessions { nodes { nativeId } sources { truncated scanned pushedDown } }
        session(id: $ended) { nativeId owner progress { total terminal } } }`,
      { ended: encodeId('Session', 'prod', ended) },
    );
    expect(data).toEqual({
      sessions: {
        nodes: expect.arrayContaining([{ nativeId: own }, { nativeId: elsewhere }]) as unknown,
        sources: [
          {
            truncated: false,
            scanned: 3,
            pushedDown:
              'the sessions submitted here, and task_status IN (pending, processing) of all others',
          },
        ],
      },
      session: { nativeId: ended, owner: null, progress: { total: 1, terminal: 1 } },
    });
    expect(JSON.stringify((data as { sessions: unknown }).sessions)).not.toContain(ended);
  });

  it('looks up a hundred tasks in one batch, and counts states without rows', async () => {
    const names = Array.from({ length: 100 }, (_, n) => encodeId('Task', 'prod', taskIdOf(own, n)));
    await graph.answer(`query ($ids: [ID!]!) { nodes(ids: $ids) { id } }`, { ids: names });
    // A session that is followed is polled besides.
    expect(proxy.calls.filter(({ operation }) => operation === 'BatchGetItem')).toHaveLength(1);
    proxy.calls.length = 0;
    await graph.answer(`query ($other: ID!) { session(id: $other) { progress { total } } }`, ids());
    const bodies = proxy.calls.map(({ body }) => JSON.parse(body) as { readonly Select?: string });
    expect(bodies.filter(({ Select }) => Select === 'COUNT').length).toBeGreaterThan(0);
    expect(proxy.calls.every(({ operation }) => operation === 'Query')).toBe(true);
  });
});
