/** Settings of a grid. */
import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { configDaemons } from '../src/grids/jobs.js';
import { connectionOf } from './connection.js';
import { closedEnum } from './enums.js';
import { Node } from './node.js';

export const ConfigDaemon = closedEnum(configDaemons);
export type ConfigDaemon = keyof typeof ConfigDaemon;
registerEnumType(ConfigDaemon, {
  name: 'ConfigDaemon',
  description: 'Whose configuration: that of a running daemon.',
  valuesConfig: {
    COLLECTOR: { description: 'The collector.' },
    MASTER: { description: 'The master.' },
    NEGOTIATOR: { description: 'The negotiator.' },
    SCHEDD: { description: 'The schedd.' },
    STARTD: { description: 'The startd.' },
  },
});

@ObjectType({
  implements: Node,
  description: 'One setting of a pool, as condor_config_val tells it.',
  simpleResolvers: true,
})
export class ConfigEntry implements Node {
  @Field(() => ID, { description: 'Global id of the setting.' })
  readonly id!: string;
  @Field(() => ConfigDaemon, {
    nullable: true,
    description:
      'The daemon that was asked; null for the configuration files of the host where the commands run.',
  })
  readonly daemon!: ConfigDaemon | null;
  @Field(() => String, { description: 'The name of the setting.' })
  readonly name!: string;
  @Field(() => String, { description: 'Its value with macros expanded; empty when redacted.' })
  readonly value!: string;
  @Field(() => String, {
    nullable: true,
    description: 'Its value as written; null when redacted, or where the daemon does not tell.',
  })
  readonly raw!: string | null;
  @Field(() => Boolean, {
    nullable: true,
    description: "Whether it is HTCondor's default; null where that is not told.",
  })
  readonly isDefault!: boolean | null;
  @Field(() => String, {
    nullable: true,
    description: 'The file it stands in; null for defaults and where it is not told.',
  })
  readonly file!: string | null;
  @Field(() => Int, {
    nullable: true,
    description: 'The line in that file; null where there is none.',
  })
  readonly line!: number | null;
  @Field(() => Boolean, {
    description:
      'True when the value is withheld: its name or itself says that it is a secret, or it takes in the value of one.',
  })
  readonly redacted!: boolean;
}

export const ConfigConnection = connectionOf('Config', () => ConfigEntry, 'settings');
export type ConfigConnection = InstanceType<typeof ConfigConnection>;
