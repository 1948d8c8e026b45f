/** Hosts of a pool and their slots. */
import { Field, Float, ID, ObjectType } from 'type-graphql';
import { groupedConnectionOf } from './connection.js';
import { AdAggregates } from './group.js';
import { Node } from './node.js';
import { DateTime } from './scalars.js';

@ObjectType({
  implements: Node,
  description: 'A slot of a machine: where a job can run.',
  simpleResolvers: true,
})
export class Slot implements Node {
  @Field(() => ID, { description: 'Global id of the slot.' })
  readonly id!: string;
  @Field(() => String, { description: 'The name of the slot, such as "slot1_3@host". From Name.' })
  readonly name!: string;
  @Field(() => String, { nullable: true })
  readonly slotType!: string | null;
  @Field(() => String, { nullable: true })
  readonly state!: string | null;
  @Field(() => String, { nullable: true })
  readonly activity!: string | null;
  @Field(() => Float, { nullable: true })
  readonly cpus!: number | null;
  @Field(() => Float, { nullable: true })
  readonly memoryMb!: number | null;
  @Field(() => Float, { nullable: true })
  readonly diskKb!: number | null;
  @Field(() => Float, { nullable: true })
  readonly gpus!: number | null;
  @Field(() => Float, { nullable: true })
  readonly loadAverage!: number | null;
}

@ObjectType({
  implements: Node,
  description: 'A host of a pool, with its slots.',
  simpleResolvers: true,
})
export class Machine implements Node {
  @Field(() => ID, { description: 'Global id of the machine.' })
  readonly id!: string;
  @Field(() => String, { description: 'The host name. From Machine of its slots.' })
  readonly name!: string;
  @Field(() => String, {
    nullable: true,
    description: 'The processor family, such as X86_64. From Arch; null when no slot says.',
  })
  readonly arch!: string | null;
  @Field(() => String, {
    nullable: true,
    description: 'The operating system and version. From OpSysAndVer; null when no slot says.',
  })
  readonly os!: string | null;
  @Field(() => Float, {
    description: 'Processors that its slots offer altogether. From Cpus and TotalSlotCpus.',
  })
  readonly cpus!: number;
  @Field(() => Float, {
    description: 'Memory that its slots offer altogether, MiB. From Memory and TotalSlotMemory.',
  })
  readonly memoryMb!: number;
  @Field(() => Float, {
    description: 'GPUs that its slots offer altogether. From GPUs and TotalSlotGPUs.',
  })
  readonly gpus!: number;
  @Field(() => Float, { description: 'Processors of slots that are claimed.' })
  readonly busyCpus!: number;
  @Field(() => DateTime, {
    nullable: true,
    description: 'When the collector last heard of a slot of it. From LastHeardFrom.',
  })
  readonly lastHeardFrom!: number | null;
  @Field(() => [Slot], { description: 'Its slots: partitionable, static and dynamic.' })
  readonly slots!: readonly Slot[];
}

export const {
  Connection: MachineConnection,
  Group: MachineGroup,
  Groups: MachineGroups,
} = groupedConnectionOf('Machine', () => Machine, AdAggregates, 'machines');
export const {
  Connection: SlotConnection,
  Group: SlotGroup,
  Groups: SlotGroups,
} = groupedConnectionOf('Slot', () => Slot, AdAggregates, 'slots');
