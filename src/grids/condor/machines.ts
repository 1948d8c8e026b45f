/** Machines as the sum of their slots. */
import type { Projection } from '../../query/plan.js';
import { encodeId } from '../id.js';
import type { MachineRow, SlotRow } from '../jobs.js';
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

/** Of slots that were read with `machineProjection`: what their records hide, the sums do not tell. */
export function machinesOf(gridName: string, slots: readonly SlotRow[]): readonly MachineRow[] {
  const byMachine = new Map<string, SlotRow[]>();
  for (const slot of slots) {
    const list = byMachine.get(slot.machineName);
    if (list === undefined) byMachine.set(slot.machineName, [slot]);
    else list.push(slot);
  }
  return [...byMachine].map(([name, list]) => machineOf(gridName, name, list));
}

function machineOf(gridName: string, name: string, slots: readonly SlotRow[]): MachineRow {
  // A dynamic slot is a piece of its partitionable parent: it would be counted twice.
  const whole = slots.filter(({ slotType }) => slotType !== 'Dynamic');
  const total = (attribute: string, left: (slot: SlotRow) => number | null | undefined): number =>
    whole.reduce((sum, slot) => sum + (numberOf(slot, attribute) ?? left(slot) ?? 0), 0);
  const text = (attribute: string): string | null =>
    slots
      .map(({ record }) => record?.value(attribute))
      .find((value) => typeof value === 'string') ?? null;
  const heard = slots.map((slot) => numberOf(slot, 'LastHeardFrom') ?? 0).filter((at) => at > 0);
  const record = (whole[0] ?? slots[0])?.record;
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
      .filter(({ state, slotType }) => state === 'Claimed' && slotType !== 'Partitionable')
      .reduce((sum, { cpus }) => sum + (cpus ?? 0), 0),
    lastHeardFrom: heard.length === 0 ? null : Math.max(...heard) * 1000,
    slots,
    ...(record && { record }),
  };
}

function numberOf({ record }: SlotRow, attribute: string): number | undefined {
  const value = record?.value(attribute);
  return typeof value === 'number' ? value : undefined;
}
