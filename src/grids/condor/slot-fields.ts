/** The table from a slot's fields to attributes of its Machine ad. */
import type { Ad } from '../../classad/ad.js';
import type { JobKey, SlotRow } from '../jobs.js';
import { number, text, type Field, type FieldTable } from './field.js';

type SlotFields = Required<
  Omit<SlotRow, '__typename' | 'id' | 'gridName' | 'idKey' | 'record' | 'name' | 'machineName'>
>;

/** Fetched with every slot. */
export const slotKeyAttributes = ['Name', 'Machine'] as const;

export const slotFields: { readonly [K in keyof SlotFields]: Field<SlotFields[K]> } = {
  slotType: text('SlotType', {
    meaning: 'Partitionable (a parent that is cut as needed), Dynamic (a piece of it) or Static.',
    nullWhen: 'when the slot does not say',
  }),
  state: text('State', {
    meaning:
      'What the slot is used for: Owner, Unclaimed, Matched, Claimed, Preempting, Backfill or Drained.',
    nullWhen: 'when the slot does not say',
  }),
  activity: text('Activity', {
    meaning:
      'What it does in that state: Idle, Busy, Suspended, Vacating, Killing, Benchmarking or Retiring.',
    nullWhen: 'when the slot does not say',
  }),
  cpus: number('Cpus', {
    meaning: 'Cores; of a partitionable slot those that are left.',
    unit: 'cores',
    nullWhen: 'when the slot does not say',
  }),
  memoryMb: number('Memory', {
    meaning: 'Memory; of a partitionable slot what is left.',
    unit: 'MiB',
    nullWhen: 'when the slot does not say',
  }),
  diskKb: number('Disk', {
    meaning: 'Disk; of a partitionable slot what is left.',
    unit: 'KiB',
    nullWhen: 'when the slot does not say',
  }),
  gpus: number('GPUs', {
    meaning: 'GPUs; of a partitionable slot those that are left.',
    unit: 'GPUs',
    nullWhen: 'where the machine has none to offer',
  }),
  loadAverage: number('LoadAvg', {
    meaning: 'Load of the operating system that is attributed to the slot.',
    nullWhen: 'when the slot does not say',
  }),
  jobKey: {
    attributes: ['JobId', 'GlobalJobId', 'ScheddName'],
    meaning: 'The job that runs there.',
    nullWhen: 'when none does, or the slot does not name its schedd',
    decode: jobOf,
    countable: false,
  },
};

export const slotTable: FieldTable = {
  ...slotFields,
  name: {
    ...text('Name', { meaning: 'The name of the slot: slot1_3@host.' }),
    whenHidden: 'shown',
  },
  machineName: {
    ...text('Machine', { meaning: 'The host that the slot belongs to.' }),
    whenHidden: 'shown',
  },
};

/** The slot names cluster and proc; the schedd stands in front of the job's global id. */
function jobOf(ad: Ad): JobKey | null {
  const id = /^(\d+)\.(\d+)$/.exec(ad.string('JobId') ?? '');
  const schedd = ad.string('GlobalJobId')?.split('#')[0] ?? ad.string('ScheddName');
  return id === null || !schedd
    ? null
    : { schedd, clusterId: Number(id[1]), procId: Number(id[2]) };
}
