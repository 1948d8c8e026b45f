/** The machine of the embedded pool: its slots, and what of each is taken. */
import { arch, release } from 'node:os';
import { Expression, type Ad } from '../../../classad/ad.js';
import type { JobKey } from '../../jobs.js';
import { adOf } from './attributes.js';

export interface Resources {
  readonly cpus: number;
  readonly memoryMb: number;
  readonly diskKb: number;
}

/** Who runs in a slot. */
export interface Occupant {
  readonly key: JobKey;
  readonly globalId: string;
  readonly owner: string;
  readonly user: string;
}

export interface Slot {
  readonly name: string;
  readonly id: number;
  readonly kind: 'Static' | 'Partitionable' | 'Dynamic';
  readonly total: Resources;
  /** Epoch milliseconds of the last change between Claimed and Unclaimed. */
  since: number;
  occupant: Occupant | undefined;
}

export interface MachineSettings {
  readonly machine: string;
  readonly resources: Resources;
  /** Slots of equal size; undefined: one that is cut as jobs need it. */
  readonly slots: number | undefined;
  /** An expression: which jobs the machine takes. */
  readonly start: string;
}

/** The text HTCondor has for the processor. */
const architecture = ({ x64: 'X86_64', arm64: 'aarch64' } as Partial<Record<string, string>>)[
  arch()
];
export const platform = { Arch: architecture ?? arch().toUpperCase(), OpSys: 'LINUX' } as const;

export class Slots {
  /** Static slots, or the one that is cut. */
  readonly #whole: readonly Slot[];
  readonly #pieces = new Map<number, Slot>();

  constructor(
    readonly settings: MachineSettings,
    private readonly startedAt: number,
  ) {
    const { machine, resources, slots } = settings;
    this.#whole = Array.from({ length: slots ?? 1 }, (_, i) => ({
      name: `slot${i + 1}@${machine}`,
      id: i + 1,
      kind: slots === undefined ? 'Partitionable' : 'Static',
      total: slots === undefined ? resources : share(resources, slots, i),
      since: startedAt,
      occupant: undefined,
    }));
  }

  get all(): readonly Slot[] {
    return [...this.#whole, ...this.#pieces.values()];
  }

  /** Where a job could start, if it asks for no more than `free`. */
  candidates(): readonly Slot[] {
    return this.#whole.filter((slot) => slot.occupant === undefined && this.free(slot).cpus > 0);
  }

  free(slot: Slot): Resources {
    return slot.kind === 'Partitionable'
      ? [...this.#pieces.values()].reduce((left, { total }) => less(left, total), slot.total)
      : slot.total;
  }

  /** The slot the job runs in: the one asked for, or a piece of it; undefined where the request doesn't fit. */
  claim(slot: Slot, request: Resources, occupant: Occupant, now: number): Slot | undefined {
    if (slot.occupant !== undefined || !fits(request, this.free(slot))) return undefined;
    if (slot.kind !== 'Partitionable') {
      slot.occupant = occupant;
      slot.since = now;
      return slot;
    }
    let id = 1;
    while (this.#pieces.has(id)) id += 1;
    const name = slot.name.replace('@', `_${id}@`);
    const piece: Slot = { name, id, kind: 'Dynamic', total: request, since: now, occupant };
    this.#pieces.set(id, piece);
    return piece;
  }

  release(slot: Slot, now: number): void {
    if (slot.kind === 'Dynamic') this.#pieces.delete(slot.id);
    else {
      slot.occupant = undefined;
      slot.since = now;
    }
  }

  /** The Machine ad of a slot. */
  ad(slot: Slot, now: number): Ad {
    const { machine, resources, start } = this.settings;
    const { occupant, kind, total } = slot;
    const free = this.free(slot);
    const claimed = occupant !== undefined;
    return adOf({
      MyType: 'Machine',
      TargetType: 'Job',
      Name: slot.name,
      Machine: machine,
      ...platform,
      OpSysAndVer: 'LINUX',
      UtsnameRelease: release(),
      State: claimed ? 'Claimed' : 'Unclaimed',
      Activity: claimed ? 'Busy' : 'Idle',
      EnteredCurrentState: seconds(slot.since),
      EnteredCurrentActivity: seconds(slot.since),
      SlotID: kind === 'Dynamic' ? 1 : slot.id,
      ...(kind === 'Dynamic' && { DSlotID: slot.id, DynamicSlot: true }),
      ...(kind === 'Partitionable' && {
        PartitionableSlot: true,
        NumDynamicSlots: this.#pieces.size,
      }),
      SlotType: kind,
      SlotWeight: new Expression('Cpus'),
      Cpus: free.cpus,
      Memory: free.memoryMb,
      Disk: free.diskKb,
      GPUs: 0,
      TotalSlotCpus: total.cpus,
      TotalSlotMemory: total.memoryMb,
      TotalSlotDisk: total.diskKb,
      TotalCpus: resources.cpus,
      TotalMemory: resources.memoryMb,
      TotalDisk: resources.diskKb,
      DetectedCpus: resources.cpus,
      DetectedMemory: resources.memoryMb,
      LoadAvg: claimed ? total.cpus : 0,
      TotalLoadAvg: this.all.reduce((sum, { occupant: o, total: t }) => sum + (o ? t.cpus : 0), 0),
      HasFileTransfer: false,
      FileSystemDomain: machine,
      UidDomain: machine,
      Start: new Expression(start),
      Requirements: new Expression('START'),
      Rank: 0,
      ...(occupant && {
        RemoteOwner: occupant.user,
        RemoteUser: occupant.user,
        ClientMachine: machine,
        JobId: `${occupant.key.clusterId}.${occupant.key.procId}`,
        GlobalJobId: occupant.globalId,
        JobStart: seconds(slot.since),
      }),
      DaemonStartTime: seconds(this.startedAt),
      LastHeardFrom: seconds(now),
      MyCurrentTime: seconds(now),
      EmbeddedPool: true,
    });
  }
}

export const seconds = (ms: number): number => Math.floor(ms / 1000);

export const fits = (request: Resources, free: Resources): boolean =>
  request.cpus <= free.cpus && request.memoryMb <= free.memoryMb && request.diskKb <= free.diskKb;

const less = (a: Resources, b: Resources): Resources => ({
  cpus: a.cpus - b.cpus,
  memoryMb: a.memoryMb - b.memoryMb,
  diskKb: a.diskKb - b.diskKb,
});

/** The first slots take what can't be shared equally. */
function share(all: Resources, count: number, at: number): Resources {
  const part = (n: number): number => Math.floor(n / count) + (at < n % count ? 1 : 0);
  return { cpus: part(all.cpus), memoryMb: part(all.memoryMb), diskKb: part(all.diskKb) };
}
