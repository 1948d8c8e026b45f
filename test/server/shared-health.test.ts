/** How the grids are, told to equal subscribers: each event is executed once for all of them. */
import { buildSchema, parse } from 'graphql';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { GraphContext } from '../../resolvers/context.js';
import { streamOptions } from '../../resolvers/stream-options.js';
import type { Caller } from '../../src/access/caller.js';
import type { AnyGrid, HealthStatus } from '../../src/grids/grid.js';
import { type GridState, HealthWatch } from '../../src/grids/health-watch.js';
import { createMetrics } from '../../src/server/metrics.js';
import type { OperationRequest } from '../../src/server/operation.js';
import type { EncodedFrame } from '../../src/server/streams/encoded-frame.js';
import { Member, type Outlet } from '../../src/server/streams/member.js';
import { Streams } from '../../src/server/streams/streams.js';
import { type ChangedFrame, values } from '../../src/streams/index.js';
import { HandClock } from '../streams/hand-clock.js';

const ada: Caller = { identity: 'ada', roles: ['admin'], scopes: [], expiresAt: null };
const patience = { timeout: 20_000 };

/** A subscriber that reads when the test says so. */
class Reader implements Outlet {
  readonly told: string[] = [];
  ready = true;
  #waiting: (() => void)[] = [];

  onReady(act: () => void): void {
    this.#waiting.push(act);
  }
  write({ text }: EncodedFrame): void {
    this.told.push((JSON.parse(text) as { data: { health: string } }).data.health);
  }
  reads(): void {
    this.ready = true;
    for (const act of this.#waiting.splice(0)) act();
  }
}

function open() {
  const clock = new HandClock();
  const status = new Map<string, HealthStatus>([
    ['a', 'OK'],
    ['b', 'OK'],
  ]);
  const grids = [...status.keys()].map((name) => ({
    name,
    health: async () => ({
      ...{ status: status.get(name), components: [] },
      ...{ checkedAt: 0, lastOkAt: null, latencyMs: 1 },
    }),
  }));
  const watch = new HealthWatch(grids as unknown as readonly AnyGrid[], { clock });
  let executed = 0;
  const schema = buildSchema('type Query { ok: Int } type Subscription { health: String }');
  Object.assign(schema.getSubscriptionType()?.getFields()['health'] ?? {}, {
    subscribe: (_root: unknown, _args: unknown, context: GraphContext) => {
      watch.hold(context.signal);
      return values(watch, { ...streamOptions({}, context), clock });
    },
    resolve: ({ value: { grid, health } }: ChangedFrame<GridState>) => {
      executed += 1;
      return `${grid.name} ${health.status}`;
    },
  });
  const draining = new AbortController().signal;
  const streams = new Streams({
    makeContext: (request: OperationRequest) => ({ ...request, ends: draining }),
    draining,
    metrics: createMetrics(),
    logFault: ({ error }) => {
      throw error;
    },
  });
  const readers: { readonly reader: Reader; readonly member: Member }[] = [];
  onTestFinished(() => readers.forEach(({ member }) => member.end()));
  return {
    clock,
    executed: () => executed,
    change: async (name: string, to: HealthStatus) => {
      status.set(name, to);
      await clock.advance(5000);
    },
    subscribe: async () => {
      const reader = new Reader();
      const signal = new AbortController().signal;
      const args = { schema, document: parse('subscription { health }') };
      const member = await streams.subscribe(
        { key: 'health', caller: ada, requestId: 'test', signal, args },
        reader,
      );
      if (!(member instanceof Member)) throw new Error(JSON.stringify(member));
      readers.push({ reader, member });
      await vi.waitFor(() => expect(new Set(reader.told).size).toBe(2), patience);
      return { reader, member };
    },
  };
}

const last = ({ told }: Reader) => told.at(-1);

it('each event is executed once for all, who gets what there is at first by itself', async () => {
  const { subscribe, change, executed } = open();
  const all = [await subscribe(), await subscribe(), await subscribe()];
  expect(executed()).toBe(6);
  for (const { reader } of all) expect(reader.told.toSorted()).toEqual(['a OK', 'b OK']);
  await change('b', 'DOWN');
  for (const { reader } of all)
    await vi.waitFor(() => expect(last(reader)).toBe('b DOWN'), patience);
  expect(executed()).toBe(7);
  await change('a', 'DEGRADED');
  for (const { reader } of all)
    await vi.waitFor(() => expect(last(reader)).toBe('a DEGRADED'), patience);
  expect(executed()).toBe(8);
});

it('one that does not read holds up nobody, and has the last state of each once it does', async () => {
  const { subscribe, change } = open();
  const [slow, quick] = [await subscribe(), await subscribe()];
  slow.reader.ready = false;
  for (const to of ['DOWN', 'DEGRADED', 'OK', 'DOWN'] as const) {
    await change('a', to);
    await vi.waitFor(() => expect(last(quick.reader)).toBe(`a ${to}`), patience);
  }
  expect(slow.reader.told).toHaveLength(2);
  slow.reader.reads();
  await vi.waitFor(() => expect(last(slow.reader)).toBe('a DOWN'), patience);
});

it('who comes while others watch is told how the grids are, and nobody is watched for once all have left', async () => {
  const { subscribe, change, clock } = open();
  const first = await subscribe();
  await change('b', 'DOWN');
  const second = await subscribe();
  expect(second.reader.told.toSorted()).toEqual(['a OK', 'b DOWN']);
  first.member.end();
  await change('a', 'DOWN');
  await vi.waitFor(() => expect(last(second.reader)).toBe('a DOWN'), patience);
  second.member.end();
  await vi.waitFor(() => expect(clock.timers).toBe(0), patience);
});
