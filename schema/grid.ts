/** Grids, their health, and what each contributed to an answer. */
import { Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { capabilities } from '../src/grids/grid.js';
import { closedEnum } from './enums.js';
import { Node } from './node.js';
import { DateTime } from './scalars.js';

export const GridKind = closedEnum(['HTC_GRID', 'HTCONDOR']);
registerEnumType(GridKind, {
  name: 'GridKind',
  description: 'What runs behind a grid.',
  valuesConfig: {
    HTC_GRID: { description: 'HTC-Grid (AWS): sessions of tasks in a DynamoDB state table.' },
    HTCONDOR: { description: 'HTCondor: jobs in the queues of schedds, machines in a collector.' },
  },
});

export const HealthStatus = closedEnum(['OK', 'DEGRADED', 'DOWN', 'UNKNOWN']);
registerEnumType(HealthStatus, {
  name: 'HealthStatus',
  description: 'How a grid or a part of it is.',
  valuesConfig: {
    OK: { description: 'It answers.' },
    DEGRADED: { description: 'It answers in part.' },
    DOWN: { description: 'It does not answer.' },
    UNKNOWN: { description: 'Nobody has asked yet, or it does not say.' },
  },
});

export const Capability = closedEnum(capabilities);
registerEnumType(Capability, {
  name: 'Capability',
  description:
    'What a grid can do through this server. What is not listed answers CAPABILITY_MISSING.',
  valuesConfig: {
    SUBMIT: { description: 'Take new work.' },
    CANCEL: { description: 'Cancel what has not ended.' },
    HOLD: { description: 'Hold jobs.' },
    RELEASE: { description: 'Release held jobs.' },
    REMOVE: { description: 'Remove jobs.' },
    EDIT: { description: 'Edit attributes of queued jobs.' },
    HISTORY: { description: 'List work that has left the queue.' },
    STREAM: { description: 'Stream completions.' },
    RESUME: { description: 'Take up a stream again at a cursor.' },
    RAW_CONSTRAINT: { description: 'Filter by an expression in its own language.' },
    OUTPUT: { description: 'Show inputs and outputs of work.' },
  },
});

export const SourceStatus = closedEnum(['OK', 'PARTIAL', 'UNAVAILABLE', 'TIMED_OUT', 'FORBIDDEN']);
registerEnumType(SourceStatus, {
  name: 'SourceStatus',
  description: 'How a source took part in an answer.',
  valuesConfig: {
    OK: { description: 'It answered in full (but see `truncated`).' },
    PARTIAL: { description: 'It gave rows and then failed: what it gave is in the answer.' },
    UNAVAILABLE: { description: 'It did not answer; nothing of it is in the answer.' },
    TIMED_OUT: { description: 'It did not answer within its deadline.' },
    FORBIDDEN: { description: 'It refused this server.' },
  },
});

@ObjectType({ description: 'One part of a grid that health is known of.', simpleResolvers: true })
export class ComponentHealth {
  @Field(() => String, { description: 'Which part: a daemon, a table, a data plane.' })
  readonly name!: string;

  @Field(() => HealthStatus, { description: 'How that part is.' })
  readonly status!: keyof typeof HealthStatus;

  @Field(() => String, {
    nullable: true,
    description: 'What was seen, in words; null when there is nothing to say.',
  })
  readonly detail!: string | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'How many of it there are, such as slots or workers; null where it is not counted.',
  })
  readonly count!: number | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Since when it is not well; null where it is, and where that is not known.',
  })
  readonly since!: number | null;
}

@ObjectType({
  description: 'How a grid is, asked when the field is selected.',
  simpleResolvers: true,
})
export class GridHealth {
  @Field(() => HealthStatus, { description: 'The grid as a whole.' })
  readonly status!: keyof typeof HealthStatus;

  @Field(() => DateTime, { description: 'When it was asked.' })
  readonly checkedAt!: number;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it last answered; null if it never did since this server started.',
  })
  readonly lastOkAt!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Milliseconds the answer took; null when none came.',
  })
  readonly latencyMs!: number | null;

  @Field(() => [ComponentHealth], {
    description: 'Its parts, with what is wrong where something is.',
  })
  readonly components!: readonly ComponentHealth[];
}

@ObjectType({
  implements: Node,
  description: 'A compute grid behind this server.',
  simpleResolvers: true,
})
export class Grid implements Node {
  @Field(() => ID, { description: 'Global id of the grid.' })
  readonly id!: string;

  @Field(() => String, { description: 'The name it has in the configuration; used in filters.' })
  readonly name!: string;

  @Field(() => GridKind, { description: 'What runs behind it.' })
  readonly kind!: keyof typeof GridKind;

  @Field(() => Boolean, {
    description: 'True for a grid that runs inside this server and ends with it.',
  })
  readonly embedded!: boolean;

  @Field(() => [Capability], { description: 'What it can do through this server.' })
  readonly capabilities!: readonly (keyof typeof Capability)[];
}

@ObjectType({ description: 'Why a source gave nothing, or not all.', simpleResolvers: true })
export class SourceError {
  @Field(() => String, { description: 'A code of the closed list of error codes.' })
  readonly code!: string;

  @Field(() => String, { description: 'What was expected, what came, what to do.' })
  readonly message!: string;

  @Field(() => Boolean, { description: 'Whether the same question may be answered later.' })
  readonly retryable!: boolean;

  @Field(() => Int, {
    nullable: true,
    description: 'Milliseconds after which to ask again; null where that is not known.',
  })
  readonly retryAfterMs!: number | null;
}

@ObjectType({
  description: 'What one grid, or one part of it, contributed to one answer.',
  simpleResolvers: true,
})
export class SourceReport {
  readonly gridName!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'Which part of the grid: a schedd, where a pool has several; "streamCursor" where that lacks the grid; null for the whole grid.',
  })
  readonly part!: string | null;

  @Field(() => SourceStatus, { description: 'How it took part.' })
  readonly status!: keyof typeof SourceStatus;

  @Field(() => Int, { description: 'Rows of this page that came from it.' })
  readonly returned!: number;

  @Field(() => Float, {
    nullable: true,
    description: 'Records it looked at; null where it does not tell.',
  })
  readonly scanned!: number | null;

  @Field(() => Boolean, {
    description: 'True when a limit cut what it looked at: counts are then lower bounds.',
  })
  readonly truncated!: boolean;

  @Field(() => DateTime, {
    nullable: true,
    description: 'How fresh: when the grid gave this data; null when it gave none.',
  })
  readonly asOf!: number | null;

  @Field(() => Int, { description: 'Milliseconds from asking to the last row.' })
  readonly latencyMs!: number;

  @Field(() => String, {
    nullable: true,
    description:
      'The expression or key condition that the grid itself evaluated; null when it sent everything.',
  })
  readonly pushedDown!: string | null;

  @Field(() => SourceError, {
    nullable: true,
    description: 'What went wrong; null when all went well.',
  })
  readonly error!: SourceError | null;
}
