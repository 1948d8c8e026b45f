/** The state table's conditional updates and reads, through the official client and without it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from '../../src/grids/htc-grid/calls.js';
import { Refused } from '../../src/grids/htc-grid/calls.js';
import { connect } from '../../src/grids/htc-grid/connection-aws.js';
import type { Connection } from '../../src/grids/htc-grid/connection.js';
import { connectLocally } from '../../src/grids/htc-grid/connection-local.js';
import type { LocalDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { startDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import type { TaskItem } from '../../src/grids/htc-grid/item.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { partitionOf, statusOf, taskIdOf } from '../../src/grids/htc-grid/status.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { TableWriter } from '../../src/grids/htc-grid/table-writer.js';
import { live, tasksOf } from './support.js';

const table = 'htc_tasks_state_table-test';
const calls: Call[] = [];
const onCall = (call: Call) => {
  calls.push(call);
};
const connections = {
  'the official client': ({ endpoint }: LocalDynamoDb): Promise<Connection> =>
    connect({
      table,
      endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      onCall,
    }),
  'messages to its thread': async (dynamo: LocalDynamoDb): Promise<Connection> =>
    connectLocally({ table, dynamo, onCall }),
};

describe.each(Object.entries(connections))('a state table through %s', (_name, open) => {
  let dynamo: LocalDynamoDb;
  let connection: Connection;
  let reader: TableReader;
  let writer: TableWriter;

  beforeAll(async () => {
    dynamo = await startDynamoDb(undefined);
    connection = await open(dynamo);
    reader = new TableReader(connection);
    writer = new TableWriter(connection);
    await reader.create(live());
  });
  afterAll(async () => {
    connection.close();
    await dynamo.stop();
  });

  const submitted = async (tasks: number): Promise<string> => {
    const session = newSessionId();
    await writer.insert(tasksOf(session, tasks), live());
    return session;
  };
  const stored = async (taskId: string): Promise<TaskItem | undefined> =>
    (await reader.items([taskId], live(), { consistent: true })).get(taskId);

  it('is created once, and creating it again changes nothing', async () => {
    const session = await submitted(1);
    await reader.create(live());
    expect(await reader.count(session, undefined, live())).toBe(1);
  });

  it('writes the row that HTC-Grid writes', async () => {
    const session = await submitted(1);
    const answer = await connection.send('BatchGetItem', {
      RequestItems: { [table]: { Keys: [{ task_id: { S: taskIdOf(session, 0) } }] } },
    });
    expect(answer.Responses?.[table]).toEqual([
      {
        task_id: { S: `${session}_0` },
        session_id: { S: session },
        parent_session_id: { S: session },
        submission_timestamp: { N: '1795302621626' },
        task_completion_timestamp: { N: '0' },
        task_status: { S: `pending${String(partitionOf(session))}` },
        task_owner: { S: 'None' },
        retries: { N: '0' },
        task_definition: { S: 'none' },
        sqs_handler_id: { S: 'None' },
        heartbeat_expiration_timestamp: { N: '0' },
        task_priority: { N: '0' },
      },
    ]);
  });

  it('lets one of many workers claim a task', async () => {
    const taskId = taskIdOf(await submitted(1), 0);
    const claims = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => writer.claim(taskId, `w${String(n)}`, 1, 'h')),
    );
    const won = claims.filter((claim) => claim.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const claim of claims)
      if (claim.status === 'rejected') expect(claim.reason).toBeInstanceOf(Refused);
    expect((await stored(taskId))?.owner).toBe(won[0]?.value.owner);
  });

  it('keeps a task finished that finishes while it is being cancelled', async () => {
    const session = await submitted(30);
    const ids = tasksOf(session, 30).map(({ taskId }) => taskId);
    await Promise.all(ids.map((id) => writer.claim(id, 'w', 1, 'h')));
    const races = await Promise.all(
      ids.map(async (id, index) => {
        const finish = () => writer.finish(id, 'w', 1000).then(() => 'finished', refused);
        const cancel = () => writer.cancel(id, 'processing').then(() => 'cancelled', refused);
        const order = index % 2 === 0 ? [finish(), cancel()] : [cancel(), finish()];
        const outcomes = (await Promise.all(order)).filter((outcome) => outcome !== 'refused');
        return { id, outcomes };
      }),
    );
    for (const { id, outcomes } of races) {
      expect(outcomes).toHaveLength(1);
      const row = await stored(id);
      expect(row?.status).toBe(`${outcomes[0] ?? ''}${String(partitionOf(session))}`);
      expect(row?.completedAt).toBe(outcomes[0] === 'finished' ? 1000 : 0);
    }
  });

  it('refuses the finish of a worker that lost its task, and every change of an ended one', async () => {
    const taskId = taskIdOf(await submitted(1), 0);
    await writer.claim(taskId, 'first', 1, 'h');
    await writer.retry(taskId, 1);
    await writer.claim(taskId, 'second', 1, 'h');
    await expect(writer.finish(taskId, 'first', 1)).rejects.toThrow(Refused);
    await expect(writer.heartbeat(taskId, 'first', 9)).rejects.toThrow(Refused);
    const row = await writer.finish(taskId, 'second', 5);
    expect(row).toMatchObject({ retries: 1, owner: 'second', completedAt: 5 });
    for (const late of [
      () => writer.cancel(taskId, 'pending'),
      () => writer.cancel(taskId, 'processing'),
      () => writer.fail(taskId),
      () => writer.retry(taskId, 2),
      () => writer.claim(taskId, 'third', 1, 'h'),
    ])
      await expect(late()).rejects.toThrow(Refused);
    expect(await stored(taskId)).toEqual(row);
  });

  it('makes no row out of a task that does not exist', async () => {
    const taskId = taskIdOf(newSessionId(), 0);
    await expect(writer.cancel(taskId, 'pending')).rejects.toThrow(Refused);
    await expect(writer.fail(taskId)).rejects.toThrow(Refused);
    expect(await stored(taskId)).toBeUndefined();
  });

  it('counts and lists a session by state, and leaves others out', async () => {
    const session = await submitted(60);
    await submitted(3);
    await writer.claim(taskIdOf(session, 7), 'w', 1, 'h');
    expect(await reader.count(session, 'pending', live())).toBe(59);
    expect(await reader.count(session, undefined, live())).toBe(60);
    const pages: TaskItem[] = [];
    for await (const page of reader.sessionPages(session, 'processing', live()))
      pages.push(...page);
    expect(pages).toMatchObject([
      { taskId: taskIdOf(session, 7), status: statusOf('processing', session), owner: undefined },
    ]);
  });

  it('reads 1,000 tasks by id in 10 batch reads', async () => {
    const session = await submitted(1000);
    const ids = tasksOf(session, 1000).map(({ taskId }) => taskId);
    calls.length = 0;
    const found = await reader.items([...ids, ...ids], live());
    expect(found.size).toBe(1000);
    expect(calls.filter(({ kind }) => kind === 'table-read')).toHaveLength(10);
  });

  it('finds what is there beside ids that no row can have', async () => {
    const session = await submitted(1);
    const found = await reader.items(['', taskIdOf(session, 0), 'x'.repeat(2049)], live());
    expect([...found.keys()]).toEqual([taskIdOf(session, 0)]);
    expect(await reader.items([''], live())).toEqual(new Map());
  });

  it('keeps its connections: none is closed under a call that goes out', async () => {
    const response = await fetch(dynamo.endpoint);
    await response.text();
    expect(response.headers.get('keep-alive')).toBeNull();
  });

  it('finds active sessions by their task ids, and says when it did not look at all of them', async () => {
    const session = await submitted(5);
    const all = await reader.active(5000, live());
    expect(all.sessions).toContain(session);
    expect(all.truncated).toBe(false);
    expect((await reader.active(1, live())).truncated).toBe(true);
  });

  it('stops reading when the caller has gone', async () => {
    const gone = new AbortController();
    gone.abort(new Error('gone'));
    await expect(reader.count('s', undefined, gone.signal)).rejects.toThrow('gone');
  });
});

describe('a table that can not be used', () => {
  it('is unavailable where nothing answers, and says which', async () => {
    const nowhere = { endpoint: 'http://127.0.0.1:1' } as LocalDynamoDb;
    const connection = await connections['the official client'](nowhere);
    await expect(new TableReader(connection).describe(live())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: `The state table "${table}" does not answer.`,
    });
    connection.close();
  });

  it('is unavailable where its thread has ended, also to the calls that are under way', async () => {
    const dynamo = await startDynamoDb(undefined);
    const connection = connectLocally({ table, dynamo });
    const reader = new TableReader(connection);
    await reader.create(live());
    const answers = Array.from({ length: 50 }, () => reader.describe(live()));
    const settled = Promise.allSettled(answers);
    await dynamo.stop();
    for (const answer of await settled)
      if (answer.status === 'rejected')
        expect(answer.reason).toMatchObject({ code: 'UNAVAILABLE' });
    await expect(reader.describe(live())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('is not waited for beyond the limit of a call, nor after the caller has gone', async () => {
    const silent = { call: () => new Promise<never>(() => undefined) };
    const late = new TableReader(connectLocally({ table, dynamo: silent, callMs: 10 }));
    await expect(late.describe(live())).rejects.toMatchObject({ code: 'TIMED_OUT' });
    const caller = new AbortController();
    const waiting = new TableReader(connectLocally({ table, dynamo: silent }));
    const answer = waiting.describe(caller.signal);
    caller.abort(new Error('gone'));
    await expect(answer).rejects.toThrow('gone');
  });

  it('is unavailable where it does not exist', async () => {
    const dynamo = await startDynamoDb(undefined);
    const connection = await connections['the official client'](dynamo);
    await expect(new TableReader(connection).describe(live())).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('does not exist') as string,
    });
    connection.close();
    await dynamo.stop();
  });
});

const refused = (error: unknown): string => {
  if (error instanceof Refused) return 'refused';
  throw error;
};
