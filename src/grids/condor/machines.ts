/** Machines as the sum of their slots. */
import type { Ad } from '../../classad/ad.js';
import type { Projection } from '../../query/plan.js';
import { encodeId } from '../id.js';
import type { MachineRow, SlotRow } from '../jobs.js';
import { timeOf } from './field.js';
import { slotFields } from './slot-fields.js';

/** What a machine needs of each of its slots. */
export const machineProjection: Projection = {
  fields: new Set(Object.keys(slotFields)),
  attributes: new Set([
    'Arch',
    'OpSysAndVer',
    'OpSys',
    'LastHeardFrom',
    'TotalSlotCpus',
    'TotalSlotMemory',
    'TotalSlotGPUs',
  ]),
};

interface SlotAd {
  readonly ad: Ad;
  readonly slot: SlotRow;
}

export function machinesOf(gridName: string, slots: readonly SlotAd[]): readonly MachineRow[] {
  const byMachine = new Map<string, SlotAd[]>();
  for (const each of slots) {
    const list = byMachine.get(each.slot.machineName);
    if (list === undefined) byMachine.set(each.slot.machineName, [each]);
    else list.push(each);
  }
  return [...byMachine].map(([name, list]) => machineOf(gridName, name, list));
}

function machineOf(gridName: string, name: string, slots: readonly SlotAd[]): MachineRow {
  // A dynamic slot is a piece of its partitionable parent: it would be counted twice.
  const whole = slots.filter(({ slot }) => slot.slotType !== 'Dynamic');
  const total = (attribute: string, left: (slot: SlotRow) => number | null | undefined): number =>
    whole.reduce((sum, { ad, slot }) => sum + (ad.number(attribute) ?? left(slot) ?? 0), 0);
  const text = (attribute: string): string | null =>
    slots.map(({ ad }) => ad.string(attribute)).find((value) => value !== null) ?? null;
  const first = (whole[0] ?? slots[0])?.slot;
  const heard = slots.flatMap(({ ad }) => timeOf(ad, 'LastHeardFrom') ?? []);
  return {
    __typename: 'Machine',
    id: encodeId('Machine', gridName, name),
    gridName,
    idKey: [gridName, name],
    name,
    arch: text('Arch'),
    os: text('OpSysAndVer') ?? text('OpSys'),
    cpus: total('TotalSlotCpus', ({ cpus }) => cpus),
    memoryMb: total('TotalSlotMemory', ({ memoryMb }) => memoryMb),
    gpus: total('TotalSlotGPUs', ({ gpus }) => gpus),
    busyCpus: slots
      .filter(({ slot }) => slot.state === 'Claimed' && slot.slotType !== 'Partitionable')
      .reduce((sum, { slot }) => sum + (slot.cpus ?? 0), 0),
    lastHeardFrom: heard.length === 0 ? null : Math.max(...heard),
    slots: slots.map(({ slot }) => slot),
    ...(first?.record && { record: first.record }),
  };
}
