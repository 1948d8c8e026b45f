/** The ads of a collector: daemons, submitters, accounting and whatever else advertises itself. */
import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import { adTypes } from '../src/grids/jobs.js';
import { groupedConnectionOf } from './connection.js';
import { closedEnum } from './enums.js';
import { AdAggregates } from './group.js';
import { Node } from './node.js';
import { DateTime } from './scalars.js';

export const AdType = closedEnum(adTypes);
export type AdType = keyof typeof AdType;
registerEnumType(AdType, {
  name: 'AdType',
  description: 'Which ads of the collector.',
  valuesConfig: {
    ANY: { description: 'All of them.' },
    COLLECTOR: { description: 'Collectors.' },
    MASTER: { description: 'Masters: one a host.' },
    NEGOTIATOR: { description: 'Negotiators.' },
    SCHEDD: { description: 'Schedds.' },
    STARTD: { description: 'Startd daemons: one a machine, not its slots.' },
    SLOT: { description: 'Slots.' },
    SUBMITTER: { description: 'Submitters: users with jobs.' },
    ACCOUNTING: { description: 'Accounting records.' },
    GRID_RESOURCE: { description: 'Grid resources.' },
    DEFRAG: { description: 'Defragmentation daemons.' },
    GENERIC: { description: 'Ads of the type Generic.' },
    LICENSE: { description: 'Licences.' },
    HAD: { description: 'High-availability daemons.' },
    CREDD: { description: 'Credential daemons.' },
  },
});

@ObjectType({
  implements: Node,
  description: 'Any ad of the collector: daemons, submitters, accounting, generic.',
  simpleResolvers: true,
})
export class PoolAd implements Node {
  @Field(() => ID, { description: 'Global id of the ad.' })
  readonly id!: string;
  @Field(() => String, { description: 'The name it advertises. From Name.' })
  readonly name!: string;
  @Field(() => String, { description: 'The type it advertises. From MyType.' })
  readonly type!: string;
  @Field(() => DateTime, {
    nullable: true,
    description:
      'When the collector last heard of it. From LastHeardFrom; null when it does not say.',
  })
  readonly lastHeardFrom!: number | null;
}

export const {
  Connection: PoolAdConnection,
  Group: PoolAdGroup,
  Groups: PoolAdGroups,
} = groupedConnectionOf('PoolAd', () => PoolAd, AdAggregates, 'ads');
