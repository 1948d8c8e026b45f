/** Pending rows whose retries are used up and whose message is gone: found by a filter, and counted in health. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RawItem } from '../../src/grids/htc-grid/item.js';
import { stuckTasks } from '../../src/grids/htc-grid/stuck-tasks.js';
import type { Graph } from '../graph/open-graph.js';
import { openGraph } from '../graph/open-graph.js';
import { HandClock } from '../streams/hand-clock.js';
import type { Deployment } from './deployed.js';
import { deploy } from './deployed.js';
import { deferred, live, tasksOf } from './support.js';

describe('a task that real HTC-Grid left in its dead-letter queue', () => {
  let deployment: Deployment;
  let graph: Graph;
  let stuck: RawItem;

  beforeAll(async () => {
    deployment = await deploy();
    graph = await openGraph([await deployment.open()]);
    const file = new URL('../fixtures/htc-grid/retries-until-dlq.json', import.meta.url);
    const { steps } = JSON.parse(await readFile(file, 'utf8')) as {
      readonly steps: readonly { readonly item: RawItem }[];
    };
    const captured = steps.at(-1)?.item;
    if (captured === undefined) throw new Error('The capture has no steps.');
    // The capture is young: an hour later nothing else has changed.
    stuck = {
      ...captured,
      submission_timestamp: { N: String(Date.now() - 7_200_000) },
      heartbeat_expiration_timestamp: { N: String(Math.floor(Date.now() / 1000) - 3700) },
    };
    const retried: RawItem = {
      ...stuck,
      task_id: { S: `${String(stuck['session_id']?.S)}_7777` },
      retries: { N: '1' },
      submission_timestamp: { N: String(Date.now() - 60_000) },
      heartbeat_expiration_timestamp: { N: String(Math.floor(Date.now() / 1000) - 20) },
    };
    await deployment.put([stuck, retried]);
    await deployment.writer.insert(tasksOf('18a45134-e5fd-11f1-8152-02fc00000001', 5), live());
  });
  afterAll(async () => {
    await graph.stop();
    await deployment.stop();
  });

  it('is pending with four retries, and found by attempts and submission', async () => {
    const { data, errors } = await graph.answer<
      { readonly tasks: { readonly nodes: readonly object[] } },
      object
    >(
      `query ($before: DateTime!) { tasks(filter: { state: { in: [QUEUED] }, attempts: { gte: 4 }, submitted: { before: $before } }) {
        nodes { nativeId nativeState attempts worker } } }`,
      { before: new Date(Date.now() - 3_600_000).toISOString() },
    );
    expect(errors).toEqual([]);
    expect(data?.tasks.nodes).toEqual([
      { nativeId: stuck['task_id']?.S, nativeState: 'pending', attempts: 4, worker: null },
    ]);
  });

  it('is counted in health, and those that wait for a worker are not', async () => {
    // Health waits a second for the count; what comes later stands in the next answer.
    await vi.waitFor(
      async () => {
        const { data } = await graph.answer<
          {
            readonly grids: readonly {
              readonly health: { readonly components: readonly { readonly name: string }[] };
            }[];
          },
          object
        >(`{ grids { health { status components { name status count detail } } } }`, {});
        const health = data?.grids[0]?.health;
        expect(health).toMatchObject({ status: 'OK' });
        expect(health?.components.find(({ name }) => name === 'stuck tasks')).toEqual({
          name: 'stuck tasks',
          status: 'OK',
          count: 1,
          detail: expect.stringContaining(
            'pending tasks whose last claim ran out over 60 minutes ago',
          ) as string,
        });
      },
      { timeout: 20_000 },
    );
  });
});

describe('the count of stuck tasks', () => {
  function counter() {
    const clock = new HandClock();
    const asked: object[] = [];
    const answer = { count: 3, truncated: false };
    const state = { spared: false, held: undefined as Promise<void> | undefined };
    const component = stuckTasks({
      clock,
      spared: () => state.spared,
      reader: {
        countByHeartbeat: async (_state, range) => {
          asked.push(range);
          await state.held;
          return answer;
        },
      },
    });
    return { clock, asked, answer, state, component };
  }

  it('asks for stamps after 0 and over an hour old, a bounded number, once a minute', async () => {
    const { clock, asked, component } = counter();
    const now = Math.floor(clock.now() / 1000);
    expect(await component.check(live())).toMatchObject({ count: 3 });
    await component.check(live());
    expect(asked).toEqual([{ fromSec: 1, beforeSec: now - 3600, limit: 100 }]);
    await clock.advance(60_000);
    await component.check(live());
    expect(asked).toHaveLength(2);
  });

  it('says that it is a least where an index holds more', async () => {
    const { answer, component } = counter();
    answer.truncated = true;
    expect((await component.check(live())).detail).toMatch(/^at least/);
  });

  it('leaves a throttled table alone, and keeps health waiting for a second at most', async () => {
    const { clock, asked, state, component } = counter();
    state.spared = true;
    expect(await component.check(live())).toMatchObject({ status: 'UNKNOWN', count: null });
    expect(asked).toEqual([]);
    state.spared = false;
    const hold = deferred<void>();
    state.held = hold.promise;
    const waiting = component.check(live());
    await clock.advance(1000);
    expect(await waiting).toMatchObject({ status: 'UNKNOWN', count: null });
    hold.resolve();
    await clock.advance(0);
    expect(await component.check(live())).toMatchObject({ status: 'OK', count: 3 });
    expect(clock.timers).toBe(0);
  });
});
