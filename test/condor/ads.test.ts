import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { adsOf } from '../../src/grids/condor/ads-stream.js';
import { slotRows } from '../../src/grids/condor/ads.js';
import { alwaysHidden, HiddenNames } from '../../src/grids/condor/hidden.js';
import { machineProjection, machinesOf } from '../../src/grids/condor/machines.js';
import { adTypes, type AdType, type SlotRow } from '../../src/grids/jobs.js';
import type { SourceNotes } from '../../src/query/source.js';
import { Ad } from '../../src/classad/ad.js';
import { describeReal } from '../real/index.js';
import { foundAgain } from './found-again.js';
import { field, opened, scanned, selecting, signal } from './pool.js';

const slot = (name: string, raw: Record<string, unknown>, hidden = alwaysHidden): SlotRow => {
  const ad = new Ad({ Name: name, Machine: 'host', ...raw });
  const row = slotRows({ name: 'g' }, machineProjection, hidden)(ad);
  if (row === undefined) throw new Error('The ad has no name.');
  return row;
};

describe('a machine sums up its slots', () => {
  test('dynamic slots are pieces of their parent, not more of it', () => {
    const [machine] = machinesOf('g', [
      slot('slot1@host', {
        SlotType: 'Partitionable',
        State: 'Unclaimed',
        Cpus: 1,
        Memory: 100,
        TotalSlotCpus: 8,
        TotalSlotMemory: 1000,
        TotalSlotGPUs: 2,
        LastHeardFrom: 5,
      }),
      slot('slot1_1@host', {
        SlotType: 'Dynamic',
        State: 'Claimed',
        Cpus: 4,
        TotalSlotCpus: 4,
        LastHeardFrom: 9,
      }),
      slot('slot1_2@host', { SlotType: 'Dynamic', State: 'Unclaimed', Cpus: 3, TotalSlotCpus: 3 }),
    ]);
    expect(machine).toMatchObject({ cpus: 8, memoryMb: 1000, gpus: 2, busyCpus: 4 });
    expect(machine?.lastHeardFrom).toBe(9000);
    expect(machine?.slots).toHaveLength(3);
  });

  test('what is hidden of a slot is in no sum, also where its whole ad was read', () => {
    const hidden = new HiddenNames(['arch', 'OpSys', 'TotalSlotMemory', 'LastHeardFrom']);
    const raw = { Arch: 'X86_64', OpSys: 'LINUX', TotalSlotMemory: 7, LastHeardFrom: 5 };
    expect(machinesOf('g', [slot('slot1@host', raw, hidden)])).toMatchObject([
      { arch: null, os: null, memoryMb: 0, lastHeardFrom: null },
    ]);
  });

  test('static slots add up', () => {
    const [machine] = machinesOf('g', [
      slot('slot1@host', { SlotType: 'Static', State: 'Claimed', Cpus: 2, Memory: 10 }),
      slot('slot2@host', { SlotType: 'Static', State: 'Unclaimed', Cpus: 2, Memory: 10 }),
    ]);
    expect(machine).toMatchObject({ cpus: 4, memoryMb: 20, gpus: 0, busyCpus: 2 });
  });

  test('the captured slots give one machine', () => {
    const output = readFileSync(
      new URL('../fixtures/htcondor/condor_status.slot.json', import.meta.url),
    );
    const ads = adsOf(output, 'json');
    expect(ads.length).toBeGreaterThan(0);
    expect(ads.every((ad) => ad.string('Name')?.endsWith(`@${ad.string('Machine')}`))).toBe(true);
  });
});

const partsOf = (id: string) =>
  JSON.parse(Buffer.from(id, 'base64url').toString()) as readonly string[];
const keyOf = (id: string) => {
  const [, , type, name = ''] = partsOf(id);
  return { type: type as AdType, name };
};

describeReal('pool', 'ads of the real pool', (pool) => {
  test('a slot names the job that runs in it, and its machine is busy with it', async () => {
    const { port } = opened(pool);
    const clusterId = await pool.submit(
      'alice',
      'executable=/bin/sleep\narguments=infinity\ntransfer_executable=false\npriority=60\nrequest_memory=64MB\nqueue\n',
    );
    onTestFinished(() => pool.remove(`ClusterId == ${clusterId}`));
    const notes: SourceNotes = {};
    await vi.waitFor(
      async () => {
        const slots = await scanned(port.slots(), {
          filter: { op: 'eq', ref: field('state'), value: 'Claimed' },
          projection: selecting(['state', 'cpus', 'slotType', 'jobKey']),
          notes,
        });
        const mine = slots.find(({ jobKey }) => jobKey?.clusterId === clusterId);
        expect(mine).toMatchObject({
          jobKey: { schedd: pool.scheddName, clusterId, procId: 0 },
          slotType: 'Dynamic',
          machineName: 'pool.example.test',
          cpus: 1,
        });
      },
      { timeout: 100_000, interval: 300 },
    );
    expect(notes.pushedDown).toBe('(State =?= "Claimed")');

    const [machine, ...others] = await scanned(port.machines());
    expect(others).toEqual([]);
    expect(machine).toMatchObject({ name: 'pool.example.test', arch: 'X86_64', cpus: 4 });
    expect(machine?.busyCpus).toBeGreaterThanOrEqual(1);
    expect(machine?.busyCpus).toBeLessThanOrEqual(4);
    const busy = { op: 'gt', ref: field('busyCpus'), value: 100 } as const;
    expect(await scanned(port.machines(), { filter: busy })).toEqual([]);
  });

  test.each(adTypes)('ads of type %s are listed and found again', async (type) => {
    const { port } = opened(pool);
    const ads = await scanned(port.ads(type));
    const always = [
      'ANY',
      'COLLECTOR',
      'MASTER',
      'NEGOTIATOR',
      'SCHEDD',
      'STARTD',
      'SLOT',
      'SUBMITTER',
      'ACCOUNTING',
    ];
    expect(ads.length > 0, type).toBe(always.includes(type));
    for (const ad of ads) {
      const [kind, grid, , name] = partsOf(ad.id);
      expect([kind, grid]).toEqual(['PoolAd', 'condor']);
      expect(name?.startsWith(ad.name)).toBe(true);
    }
    await foundAgain(
      async () => (await scanned(port.ads(type))).map(({ id }) => id),
      async (ids) => (await port.findAds(ids.map(keyOf), signal)).map((ad) => ad?.id),
    );
  });

  test('an ad keeps its id whatever list it was found in', async () => {
    const { port } = opened(pool);
    const [schedd] = await scanned(port.ads('SCHEDD'));
    const any = await scanned(port.ads('ANY'));
    expect(any.map(({ id }) => id)).toContain(schedd?.id);
    expect(new Set(any.map(({ id }) => id)).size).toBe(any.length);
  });

  test('slots, machines and ads are found by name, in the order of the names', async () => {
    const { port } = opened(pool);
    const names = ['slot1@pool.example.test', 'nosuch', 'a" || true || "'];
    const slots = await port.findSlots(names, selecting(['cpus']), signal);
    expect(slots).toMatchObject([{ name: names[0] }, undefined, undefined]);
    const machines = await port.findMachines(['nosuch', 'pool.example.test'], signal);
    expect(machines).toMatchObject([undefined, { name: 'pool.example.test' }]);
  });

  test('ads are found by type and name, with a command for each type', async () => {
    const { port, commands } = opened(pool);
    const [schedd] = await scanned(port.ads('SCHEDD'));
    const name = schedd?.name ?? '';
    const keys = [
      { type: 'SCHEDD', name: '" || true || "' },
      { type: 'SCHEDD', name },
      { type: 'SCHEDD', name: 'nosuch' },
      { type: 'MASTER', name },
      { type: 'SCHEDD', name },
    ] as const;
    commands.length = 0;
    const found = await port.findAds(keys, signal);
    expect(found.map((ad) => ad?.type)).toEqual([
      ...[undefined, 'Scheduler', undefined],
      ...['DaemonMaster', 'Scheduler'],
    ]);
    expect(commands.filter(({ kind }) => kind === 'status')).toHaveLength(2);
  });

  test('every submitter of every schedd is an ad of its own', async () => {
    const { port } = opened(pool);
    const submitters = await scanned(port.ads('SUBMITTER'));
    expect(new Set(submitters.map(({ id }) => id)).size).toBe(submitters.length);
    const { id = '' } = submitters.find(({ name }) => name.startsWith('alice@')) ?? {};
    expect(await port.findAds([keyOf(id)], signal)).toMatchObject([{ id, type: 'Submitter' }]);
  });
});
