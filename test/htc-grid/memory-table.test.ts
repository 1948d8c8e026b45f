/** The table in memory answers as dynalite does, to whatever is written and read. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Refused } from '../../src/grids/htc-grid/calls.js';
import type { Connection } from '../../src/grids/htc-grid/connection.js';
import { unitsOf } from '../../src/grids/htc-grid/connection.js';
import { connectLocally } from '../../src/grids/htc-grid/connection-local.js';
import type { LocalDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { startDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import type { TaskItem } from '../../src/grids/htc-grid/item.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { nativeStates, partitionOf, statusOf, taskIdOf } from '../../src/grids/htc-grid/status.js';
import { heartbeatQuery, sessionQuery } from '../../src/grids/htc-grid/table-queries.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { TableWriter } from '../../src/grids/htc-grid/table-writer.js';
import { HandClock } from '../streams/hand-clock.js';
import { MemoryTable } from './memory-table.js';
import { live, tasksOf } from './support.js';

const table = 'htc_tasks_state_table-compared';
let dynamo: LocalDynamoDb;
let real: Connection;
beforeAll(async () => {
  dynamo = await startDynamoDb(undefined);
  real = connectLocally({ table, dynamo });
  await new TableReader(real).create(live());
});
afterAll(async () => {
  real.close();
  await dynamo.stop();
});

const tasks = 5;
const deeds = {
  claim: (writer: TableWriter, id: string, n: number) =>
    writer.claim(id, `pod-${String(n % 2)}`, 1_700_000_000 + n, 'handle'),
  heartbeat: (writer: TableWriter, id: string, n: number) =>
    writer.heartbeat(id, `pod-${String(n % 2)}`, 1_700_000_000 + n),
  finish: (writer: TableWriter, id: string, n: number) =>
    writer.finish(id, `pod-${String(n % 2)}`, 1_700_000_000_000 + n),
  retry: (writer: TableWriter, id: string, n: number) => writer.retry(id, n),
  cancel: (writer: TableWriter, id: string, n: number) =>
    writer.cancel(id, n % 2 === 0 ? 'pending' : 'processing'),
  fail: (writer: TableWriter, id: string) => writer.fail(id),
};
const deed = fc.record({
  do: fc.constantFrom(...(Object.keys(deeds) as (keyof typeof deeds)[])),
  task: fc.nat(tasks - 1),
  n: fc.nat(40),
});

/** What an update came to: the row after it, or that it was refused. */
const outcome = (update: Promise<TaskItem>): Promise<TaskItem | 'refused'> =>
  update.catch((error: unknown) => {
    if (error instanceof Refused) return 'refused' as const;
    throw error;
  });

const byId = (items: readonly TaskItem[]) =>
  items.toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1));

/** All that can be read of a session, in an order of its own. */
async function everythingOf(connection: Connection, session: string) {
  const reader = new TableReader(connection);
  const ids = Array.from({ length: tasks + 1 }, (_, n) => taskIdOf(session, n));
  const pages = async (states: Parameters<TableReader['sessionPages']>[1]) => {
    const found: TaskItem[] = [];
    for await (const page of reader.sessionPages(session, states, live())) found.push(...page);
    return byId(found);
  };
  const stamped = (state: (typeof nativeStates)[number], range: object) =>
    reader
      .byHeartbeat(state, partitionOf(session), range, live())
      .then(({ items }) => byId(items.filter(({ taskId }) => taskId.startsWith(session))));
  return {
    all: await pages(undefined),
    ended: await pages(['cancelled', 'finished']),
    open: await pages(['pending', 'processing']),
    one: await Promise.all(nativeStates.map(pages)),
    counts: await Promise.all(nativeStates.map((state) => reader.count(session, state, live()))),
    rows: byId([...(await reader.items(ids, live(), { consistent: true })).values()]),
    stamped: await Promise.all(nativeStates.map((state) => stamped(state, {}))),
    late: await stamped('finished', { fromSec: 1_700_000_020, beforeSec: 1_700_000_030 }),
  };
}

it('gives the same rows, index entries and refusals, whatever happens to the tasks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { maxLength: 30 }), async (all) => {
      const session = newSessionId();
      const memory = new MemoryTable(new HandClock());
      const writers = [real, memory].map((connection) => new TableWriter(connection));
      for (const writer of writers) await writer.insert(tasksOf(session, tasks), live());
      for (const { do: name, task, n } of all) {
        const [theirs, ours] = await Promise.all(
          writers.map((writer) => outcome(deeds[name](writer, taskIdOf(session, task), n))),
        );
        expect(ours).toEqual(theirs);
      }
      expect(await everythingOf(memory, session)).toEqual(await everythingOf(real, session));
    }),
    { numRuns: 25, seed: 20_261_122 },
  );
});

it('charges for queries what DynamoDB charges, within a twentieth', async () => {
  const session = newSessionId();
  const memory = new MemoryTable(new HandClock());
  const many = tasksOf(session, 2000);
  for (const connection of [real, memory]) await new TableWriter(connection).insert(many, live());
  const units = async (connection: Connection) => {
    const queries = [
      sessionQuery(connection.table, session, undefined),
      heartbeatQuery(connection.table, 'pending', partitionOf(session), {}),
    ];
    const answers = await Promise.all(queries.map((query) => connection.send('Query', query)));
    return answers.map((answer) => unitsOf(answer) ?? NaN);
  };
  const theirs = await units(real);
  for (const [n, ours] of (await units(memory)).entries())
    expect(ours / (theirs[n] ?? NaN)).toBeCloseTo(1, 1);
  expect(memory.row(taskIdOf(session, 0))?.['task_status']).toEqual({
    S: statusOf('pending', session),
  });
});
