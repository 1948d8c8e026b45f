import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AppendLog, type EntriesFrame } from '../../src/streams/index.js';
import { HandClock } from './hand-clock.js';
import { subscribe, type Subscriber } from './subscriber.js';
import { propertySeed } from '../property-seed.js';

interface Entry {
  readonly id: string;
  readonly revision: number;
}
type Frame = EntriesFrame<Entry>;

const ids = ['a/0', 'a/1', 'b/0', 'b/1'] as const;
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('append'),
      ids: fc.array(fc.constantFrom(...ids), { minLength: 1, maxLength: 9 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('pull') }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.constantFrom(10, 60, 2_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconnect') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart') }) },
);

/** Logs a and b, rebuilt by `restart` from the latest revision of each item, as a state table would. */
class World {
  readonly clock = new HandClock();
  readonly revisions = new Map<string, number>();
  readonly sent: Entry[] = [];
  readonly frames: Frame[] = [];
  logs: AppendLog<Entry>[];
  subscriber: Subscriber<Frame>;

  constructor(
    readonly maxBatch: number,
    readonly limit: number | undefined,
  ) {
    this.logs = this.#fresh();
    this.subscriber = this.#open();
  }

  append(names: readonly string[]): void {
    for (const id of names) {
      const entry = { id, revision: (this.revisions.get(id) ?? 0) + 1 };
      this.revisions.set(id, entry.revision);
      this.sent.push(entry);
      this.logs.find((log) => id.startsWith(log.name))?.append([entry]);
    }
  }

  async pull(): Promise<Frame | undefined> {
    const frame = await this.subscriber.poll();
    if (frame) this.frames.push(frame);
    return frame;
  }

  async reconnect(): Promise<void> {
    await this.subscriber.source.return();
    this.subscriber = this.#open(this.frames.at(-1)?.cursor);
  }

  async restart(): Promise<void> {
    this.logs = this.#fresh();
    for (const [id, revision] of this.revisions) {
      this.logs.find((log) => id.startsWith(log.name))?.append([{ id, revision }]);
    }
    await this.reconnect();
  }

  async drain(): Promise<void> {
    for (const log of this.logs) log.finish();
    for (;;) {
      const frame = await this.pull();
      if (frame?.kind === 'END') break;
      if (!frame) await this.clock.advance(100);
    }
    await this.subscriber.source.return();
  }

  #fresh(): AppendLog<Entry>[] {
    return ['a', 'b'].map(
      (name) => new AppendLog(name, this.limit === undefined ? {} : { limit: this.limit }),
    );
  }

  #open(cursor?: string): Subscriber<Frame> {
    return subscribe(this.logs, {
      clock: this.clock,
      start: cursor === undefined ? { kind: 'snapshot' } : { kind: 'after', cursor },
      delivery: { maxBatch: this.maxBatch, maxWaitMs: 50, heartbeatMs: 1_000 },
    });
  }
}

async function live(
  steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
  world: World,
) {
  for (const next of steps) {
    if ('ids' in next) world.append(next.ids);
    else if ('ms' in next) await world.clock.advance(next.ms);
    else if (next.do === 'pull') await world.pull();
    else if (next.do === 'reconnect') await world.reconnect();
    else await world.restart();
  }
  await world.drain();
}

/** Frames up to each GAP: within a stretch nothing may come twice or in another order. */
function stretches(frames: readonly Frame[]): readonly Frame[][] {
  const all: Frame[][] = [[]];
  for (const frame of frames) {
    if (frame.kind === 'GAP') all.push([]);
    all.at(-1)?.push(frame);
  }
  return all;
}

function expectOrderPerItem(frames: readonly Frame[]): void {
  for (const stretch of stretches(frames)) {
    const last = new Map<string, number>();
    for (const { id, revision } of stretch.flatMap((frame) => frame.entries)) {
      expect(revision).toBeGreaterThan(last.get(id) ?? 0);
      last.set(id, revision);
    }
  }
}

it('any interleaving of appends, pulls and reconnects delivers every (id, revision) once and in order per item', async () => {
  const steps = fc
    .array(step, { maxLength: 40 })
    .map((all) => all.filter((s) => s.do !== 'restart'));
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 7 }), async (list, maxBatch) => {
      const world = new World(maxBatch, undefined);
      await live(list, world);
      expect(world.frames.some((frame) => frame.kind === 'GAP')).toBe(false);
      expectOrderPerItem(world.frames);
      const got = world.frames.flatMap((frame) => frame.entries);
      expect(got).toHaveLength(world.sent.length);
      expect(new Set(got)).toEqual(new Set(world.sent));
      expect(world.frames.every((frame) => frame.entries.length <= maxBatch)).toBe(true);
    }),
    { numRuns: 150, seed: propertySeed },
  );
});

it('with restarts every item still arrives in its latest revision, in order, and each break is a GAP', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (list) => {
      const world = new World(3, undefined);
      await live(list, world);
      expectOrderPerItem(world.frames);
      const got = world.frames.flatMap((frame) => frame.entries);
      for (const [id, revision] of world.revisions) {
        expect(got).toContainEqual({ id, revision });
      }
    }),
    { numRuns: 150, seed: propertySeed },
  );
});

it('with rings what was not delivered is covered by a GAP, and the newest entries always arrive', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (list) => {
      const world = new World(3, 5);
      // Without any frame there is no position to fall behind from.
      await world.pull();
      await live(
        list.filter((s) => s.do !== 'restart'),
        world,
      );
      const got = new Set(world.frames.flatMap((frame) => frame.entries));
      const missed = world.sent.filter((entry) => !got.has(entry));
      const gaps = world.frames.filter((frame) => frame.kind === 'GAP').length;
      if (missed.length > 0) expect(gaps).toBeGreaterThan(0);
      for (const log of world.logs) {
        for (const entry of log.read(log.start, 5)) expect(got).toContain(entry);
      }
    }),
    { numRuns: 150, seed: propertySeed },
  );
});
