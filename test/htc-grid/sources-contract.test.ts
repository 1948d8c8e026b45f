/** One contract of completion sources: every end is told once, whatever is lost, repeated, late, or dead. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseStatus } from '../../src/grids/htc-grid/status.js';
import type { Completion } from '../../src/grids/tasks.js';
import type { CompletionLog } from '../../src/streams/log.js';
import { describeReal } from '../real/index.js';
import { patient, sessionIn } from './session-in.js';
import { collect, live } from './support.js';
import type { Table, World } from './worlds.js';
import { hubWorld, keyspaceWorld, pollWorld, startTable, streamWorld } from './worlds.js';

let at: Table;
beforeAll(async () => {
  at = await startTable();
});
afterAll(async () => {
  await at.stop();
});

const ids = (entries: readonly Completion[]) => entries.map(({ taskId }) => taskId).sort();

async function has(log: CompletionLog<Completion>, entries: number): Promise<void> {
  await vi.waitFor(() => {
    expect(log.lost).toBeUndefined();
    expect(log.end).toBeGreaterThanOrEqual(entries);
  }, patient);
}

function contract(open: () => Promise<World>) {
  let world: World;
  let stopLogs: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    world = await open();
  });
  afterEach(async () => {
    await stopLogs?.();
    stopLogs = undefined;
  });
  afterAll(async () => {
    await world.stop();
  });
  const followed = async (tasks: number, before: number, expected: number | null = tasks) => {
    const made = await sessionIn(world, tasks, { expected: expected ?? undefined });
    stopLogs = () => made.logs.stop();
    for (const id of made.taskIds.slice(0, before)) await world.finish(id);
    const log = await made.logs.follow(made.session, live());
    return { ...made, log };
  };

  it('tells what ended before, during and after attaching, each task once, as the table has it', async () => {
    const { taskIds, log, session } = await followed(60, 10);
    for (const [index, id] of taskIds.entries())
      if (index >= 10) await (index % 7 === 0 ? world.cancel(id) : world.finish(id));
    const entries = await collect(log);
    expect(ids(entries)).toEqual([...taskIds].sort());
    const rows = await world.reader.items(taskIds, live());
    for (const { taskId, state } of entries)
      expect(state).toBe(parseStatus(rows.get(taskId)?.status ?? '').state);
    expect(session).toBe(entries[0]?.taskId.split('_')[0]);
  });

  it('tells once what is told again, late, or of something else', async () => {
    const { taskIds, log } = await followed(12, 3, 13);
    for (const id of taskIds.slice(3, 9)) await world.finish(id);
    await has(log, 9);
    for (const id of taskIds.slice(0, 9)) await world.repeat(id);
    await world.repeat('somebody-elses_0');
    for (const id of taskIds.slice(9)) await world.finish(id);
    await has(log, 12);
    for (const id of taskIds) await world.repeat(id);
    expect(ids(log.read(0, 100))).toEqual([...taskIds].sort());
  });

  it('loses nothing where its notifications are lost', async () => {
    const { taskIds, log } = await followed(12, 2);
    await world.silence(true);
    for (const id of taskIds.slice(2, 7)) await world.finish(id);
    await world.cancel(taskIds[7] ?? '');
    await world.silence(false);
    for (const id of taskIds.slice(8)) await world.finish(id);
    expect(ids(await collect(log))).toEqual([...taskIds].sort());
  });

  it('loses nothing where it dies in the middle and is there again', async () => {
    const { taskIds, log } = await followed(30, 2);
    for (const id of taskIds.slice(2, 10)) await world.finish(id);
    await world.kill();
    for (const id of taskIds.slice(10, 20)) await world.finish(id);
    await has(log, 20);
    await world.revive();
    for (const id of taskIds.slice(20)) await world.finish(id);
    expect(ids(await collect(log))).toEqual([...taskIds].sort());
  });

  it('tells an end that changed, and a task that was submitted again, with revisions of their own', async () => {
    const { taskIds, log, rows, logs, session } = await followed(4, 1, null);
    const [first = '', second = ''] = taskIds;
    await world.finish(second);
    await has(log, 2);
    await world.cancel(first);
    await has(log, 3);
    const [row] = rows.filter(({ taskId }) => taskId === second);
    if (row !== undefined)
      await world.writer.insert([{ ...row, submittedAt: Date.now() + 1000 }], live());
    await world.claim(second);
    if (world.noticesOpen)
      await vi.waitFor(() => {
        expect(logs.peek(session)?.stateOf(second)).toBe('processing');
      }, patient);
    await world.end(second);
    // A hint is lost while its source is attached again after the test before, and polls don't see this end.
    if (!world.noticesOpen)
      await vi.waitFor(async () => {
        await world.repeat(second);
        expect(log.end).toBe(4);
      }, patient);
    await has(log, 4);
    const entries = log.read(0, 10);
    expect(entries.map(({ taskId, state }) => [taskId, state])).toEqual([
      [first, 'SUCCEEDED'],
      [second, 'SUCCEEDED'],
      [first, 'CANCELLED'],
      [second, 'SUCCEEDED'],
    ]);
    expect(new Set(entries.map(({ taskId, revision }) => taskId + revision)).size).toBe(4);
  });
}

describe('a poll alone', () => {
  contract(() => pollWorld(at));
});
describe('events of this process', () => {
  contract(() => hubWorld(at));
});
describe('a DynamoDB stream', () => {
  contract(() => streamWorld(at));
});
describeReal('redis', 'Redis keyspace notifications', (redis) => {
  contract(() => keyspaceWorld(at, redis));
});
