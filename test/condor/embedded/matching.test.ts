/** Who gets a slot of the embedded pool: never more than there is, both sides asked, fair between owners. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JobKey, SlotRow } from '../../../src/grids/jobs.js';
import { slotFields } from '../../../src/grids/condor/slot-fields.js';
import { HandClock } from '../../streams/hand-clock.js';
import { scanned, selecting, signal } from '../pool.js';
import { HandStarter } from './hand-starter.js';
import { embedded, only, wordsFor } from './pool.js';
import {
  openEmbeddedPool,
  type EmbeddedPoolSettings,
} from '../../../src/grids/condor/embedded/index.js';
import { propertySeed } from '../../property-seed.js';

function byHand(settings: Partial<EmbeddedPoolSettings> = {}) {
  const clock = new HandClock();
  const starter = new HandStarter();
  const pool = embedded({ clock, starter, ...settings });
  const settled = () => clock.advance(1);
  const running = () => starter.running.map(({ id }) => id);
  return { ...pool, clock, starter, settled, running };
}

const job = { executable: '/bin/true' };
const slotsOf = (port: { slots: ReturnType<typeof embedded>['port']['slots'] }) =>
  scanned<SlotRow>(port.slots(), { projection: selecting(Object.keys(slotFields)) });

describe('slots', () => {
  test('are never given more than they have, whatever happens, and jobs are never lost', async () => {
    const action = fc.oneof(
      fc.record({
        kind: fc.constant('submit' as const),
        cpus: fc.integer({ min: 0, max: 6 }),
        memory: fc.integer({ min: 0, max: 1500 }),
        count: fc.integer({ min: 1, max: 4 }),
        owner: fc.constantFrom('alice', 'bob'),
        priority: fc.integer({ min: -1, max: 1 }),
      }),
      fc.record({
        kind: fc.constantFrom('end' as const, 'fail' as const),
        which: fc.nat({ max: 20 }),
        cpus: fc.constant(0),
      }),
      fc.record({
        kind: fc.constantFrom(
          'HOLD' as const,
          'RELEASE' as const,
          'REMOVE' as const,
          'EDIT' as const,
        ),
        which: fc.nat({ max: 20 }),
        cpus: fc.integer({ min: 1, max: 6 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.option(fc.constantFrom(1, 2, 4), { nil: undefined }),
        fc.array(action, { maxLength: 40 }),
        async (slots, actions) => {
          const clock = new HandClock();
          const starter = new HandStarter();
          const port = openEmbeddedPool({
            name: 'p',
            cpus: 4,
            memoryMb: 2000,
            slots,
            clock,
            starter,
          });
          try {
            const words = wordsFor(port);
            const keys: JobKey[] = [];
            for (const each of actions) {
              if (each.kind === 'submit') {
                const { cpus, memory, count, owner, priority } = each;
                const asked = { ...job, request_cpus: cpus, request_memory: memory, priority };
                const more = { ...asked, max_retries: 1 };
                keys.push(...(await words.submit(more, { count, owner })));
              } else if (each.kind === 'end' || each.kind === 'fail') {
                const run = starter.running[each.which % (starter.running.length || 1)];
                run?.end({ code: each.kind === 'end' ? 0 : 1 });
              } else {
                const key = keys[each.which % (keys.length || 1)];
                const set = [{ name: 'RequestCpus', set: { value: each.cpus } }];
                if (key === undefined) continue;
                if (each.kind === 'EDIT') await words.act({ kind: 'EDIT', set }, key);
                else await words.act({ kind: each.kind, reason: undefined }, key);
              }
              await clock.advance(1);
              // What runs is what was asked for when it started: the slots say how much that is.
              const now = await slotsOf(port);
              const busy = now.filter(({ state }) => state === 'Claimed');
              expect(busy.length).toBe(starter.running.length);
              expect(new Set(starter.running.map(({ id }) => id)).size).toBe(busy.length);
              expect(sum(busy.map(({ cpus }) => cpus))).toBeLessThanOrEqual(4);
              expect(sum(busy.map(({ memoryMb }) => memoryMb))).toBeLessThanOrEqual(2000);
              for (const slot of now) {
                expect(slot.cpus).toBeGreaterThanOrEqual(0);
                expect(slot.memoryMb).toBeGreaterThanOrEqual(0);
              }
            }
            while (starter.running.length > 0) {
              for (const run of [...starter.running]) run.end();
              await clock.advance(1);
            }
            const found = await port.findJobs(keys, selecting(['state', 'requestCpus']), signal);
            const whole = slots === undefined ? 4 : 4 / slots;
            for (const row of found) {
              if (row === undefined || row instanceof Error) throw new Error('A job is lost.');
              // Nothing that fits is left waiting.
              if (row.state === 'QUEUED') {
                const tooLarge =
                  (row.requestCpus ?? 0) > whole ||
                  Number(row.record?.value('RequestMemory')) > 2000 / (slots ?? 1);
                expect(tooLarge).toBe(true);
              } else expect(['SUCCEEDED', 'FAILED', 'HELD', 'CANCELLED']).toContain(row.state);
            }
          } finally {
            await port.stop();
          }
        },
      ),
      { numRuns: 60, seed: propertySeed },
    );
  });

  test('that are cut come back whole', async () => {
    const { port, submit, settled, starter } = byHand({ cpus: 4, memoryMb: 1000 });
    await submit({ ...job, request_cpus: 3, request_memory: 600 });
    await settled();
    const [parent, piece] = await slotsOf(port);
    expect(parent).toMatchObject({ slotType: 'Partitionable', cpus: 1, memoryMb: 400 });
    expect(piece).toMatchObject({
      name: 'slot1_1@embedded.pool',
      slotType: 'Dynamic',
      cpus: 3,
      memoryMb: 600,
      jobKey: { schedd: 'embedded@pool', clusterId: 1, procId: 0 },
    });
    const [machine] = await scanned(port.machines());
    expect(machine).toMatchObject({ cpus: 4, memoryMb: 1000, busyCpus: 3 });
    starter.running[0]?.end();
    await settled();
    expect(await slotsOf(port)).toMatchObject([{ cpus: 4, memoryMb: 1000 }]);
  });

  test('of equal size share what there is', async () => {
    const { port } = byHand({ cpus: 5, memoryMb: 1000, slots: 2 });
    expect(await slotsOf(port)).toMatchObject([
      { name: 'slot1@embedded.pool', slotType: 'Static', cpus: 3, memoryMb: 500 },
      { name: 'slot2@embedded.pool', slotType: 'Static', cpus: 2, memoryMb: 500 },
    ]);
  });
});

describe('a match', () => {
  test.each([
    ['true', true],
    ['false', false],
    ['TARGET.Memory >= 512', true],
    ['TARGET.Memory >= 5120', false],
    ['TARGET.OpSys == "LINUX" && Memory > MY.RequestMemory', true],
    ['TARGET.NoSuchAttribute > 5', false],
    ['NoSuchFunction(1)', false],
    ['1 / 0 == 1', false],
  ])('needs the job: requirements %s', async (requirements, starts) => {
    const { submit, settled, running } = byHand({ memoryMb: 1000 });
    await submit({ ...job, requirements });
    await settled();
    expect(running()).toEqual(starts ? ['1.0'] : []);
  });

  test('needs the slot: START', async () => {
    const start = 'TARGET.Owner == "alice" && RequestMemory < 200';
    const { submit, settled, running } = byHand({ start });
    await submit(job, { owner: 'bob' });
    await submit({ ...job, request_memory: 500 });
    const last = only(await submit(job));
    await settled();
    expect(running()).toEqual([`${last.clusterId}.0`]);
  });

  test('goes to the slot of the highest rank', async () => {
    const { submit, settled, starter } = byHand({ slots: 4 });
    await submit({ ...job, rank: 'SlotID' });
    await settled();
    expect(starter.running[0]?.slot).toBe('slot4@embedded.pool');
  });

  test('follows an edit of what stood in its way', async () => {
    const { submit, settled, running, act } = byHand({ cpus: 2 });
    const key = only(await submit({ ...job, request_cpus: 3 }));
    await settled();
    expect(running()).toEqual([]);
    await act({ kind: 'EDIT', set: [{ name: 'requestcpus', set: { expression: '1 + 1' } }] }, key);
    await settled();
    expect(running()).toEqual(['1.0']);
  });
});

describe('the order', () => {
  test('is that of priority, then of age, within an owner', async () => {
    const { submit, settled, running, starter } = byHand({ cpus: 1 });
    await submit(job);
    await submit({ ...job, priority: 5 }, { count: 2 });
    await submit({ ...job, priority: -5 });
    const order: string[] = [];
    for (let i = 0; i < 4; i += 1) {
      await settled();
      order.push(...running());
      starter.running[0]?.end();
    }
    expect(order).toEqual(['2.0', '2.1', '1.0', '3.0']);
  });

  test('gives an owner of few jobs a share beside one of many', async () => {
    const { submit, settled, starter, find } = byHand({ cpus: 4 });
    await submit(job, { count: 50, owner: 'alice' });
    const rare = await submit(job, { count: 2, owner: 'bob' });
    await settled();
    expect(starter.running).toHaveLength(4);
    for (const key of rare) expect((await find(key)).state).toBe('RUNNING');
  });

  test('lets small jobs pass one that does not fit', async () => {
    const { submit, settled, running } = byHand({ cpus: 2 });
    await submit({ ...job, request_cpus: 3, priority: 10 });
    await submit(job, { count: 2 });
    await settled();
    expect(running()).toEqual(['2.0', '2.1']);
  });
});

const sum = (values: readonly (number | null | undefined)[]): number =>
  values.reduce<number>((total, value) => total + (value ?? 0), 0);
