/** Streams: frames of what happened, with a cursor in each. */
import { Field, InputType, Int, InterfaceType, ObjectType, registerEnumType } from 'type-graphql';
import { closedEnum } from './enums.js';
import { DateTime, StreamCursor } from './scalars.js';
import { Session } from './session.js';
import { Task } from './task.js';
import { Progress } from './work.js';

export const FrameKind = closedEnum(['SNAPSHOT', 'SYNCED', 'CHANGES', 'HEARTBEAT', 'GAP', 'END']);
export type FrameKind = keyof typeof FrameKind;
registerEnumType(FrameKind, {
  name: 'FrameKind',
  description: 'What a frame says.',
  valuesConfig: {
    SNAPSHOT: { description: 'Items that were there before the stream was live.' },
    SYNCED: { description: 'The snapshot is complete; what follows is live.' },
    CHANGES: { description: 'Items that are news.' },
    HEARTBEAT: { description: 'Nothing happened for a while; the stream is alive.' },
    GAP: { description: 'Something could not be continued; a fresh snapshot follows.' },
    END: { description: 'The last frame; `end` says why.' },
  },
});

export const GapReason = closedEnum(['CURSOR_EXPIRED', 'SLOW_CONSUMER', 'SOURCE_LOST']);
registerEnumType(GapReason, {
  name: 'GapReason',
  description: 'Why a stream could not be continued without a snapshot.',
  valuesConfig: {
    CURSOR_EXPIRED: { description: 'The cursor is from another life of the server, or too old.' },
    SLOW_CONSUMER: { description: 'The subscriber fell behind what the server keeps.' },
    SOURCE_LOST: { description: 'What the stream is fed from broke off.' },
  },
});

export const EndReason = closedEnum(['COMPLETE', 'AUTH_EXPIRED', 'SHUTDOWN']);
registerEnumType(EndReason, {
  name: 'EndReason',
  description: 'Why a stream ended.',
  valuesConfig: {
    COMPLETE: { description: 'Everything that was followed has ended.' },
    AUTH_EXPIRED: { description: 'The token expired; come back with a new one and the cursor.' },
    SHUTDOWN: { description: 'The server stops; come back with the cursor.' },
  },
});

export const StreamCoverage = closedEnum(['SESSIONS', 'GRID', 'FOLLOWED']);
registerEnumType(StreamCoverage, {
  name: 'StreamCoverage',
  description: 'Whose ends a stream tells.',
  valuesConfig: {
    SESSIONS: { description: 'Those of the sessions that were named.' },
    GRID: { description: 'Those of all sessions of the grid.' },
    FOLLOWED: {
      description:
        'Those of sessions that somebody follows by name: the grid has no source that tells of all.',
    },
  },
});

@ObjectType({ description: 'What could not be continued.', simpleResolvers: true })
export class StreamGap {
  @Field(() => GapReason, { description: 'Why.' })
  readonly reason!: keyof typeof GapReason;
  @Field(() => String, {
    nullable: true,
    description: 'In words; null when there is nothing to add.',
  })
  readonly detail!: string | null;
}

@ObjectType({ description: 'Why a stream ended.', simpleResolvers: true })
export class StreamEnd {
  @Field(() => EndReason, { description: 'The reason.' })
  readonly reason!: keyof typeof EndReason;
}

@InterfaceType({
  description:
    'One message of a stream. A simple client reads the items; a careful one also reads kind and keeps cursor.',
  resolveType: (value: { __typename: string }) => value.__typename,
})
export abstract class StreamFrame {
  @Field(() => FrameKind, { description: 'What this frame says.' })
  readonly kind!: FrameKind;
  @Field(() => StreamCursor, {
    description: 'The position after this frame: pass it as start.after to go on from here.',
  })
  readonly cursor!: string;
  @Field(() => DateTime, { description: 'When the server made this frame.' })
  readonly emittedAt!: number;
  @Field(() => Int, {
    nullable: true,
    description: 'Milliseconds between the oldest news in it and this frame; null without news.',
  })
  readonly lagMs!: number | null;
  @Field(() => StreamGap, { nullable: true, description: 'Set in a GAP frame alone.' })
  readonly gap!: StreamGap | null;
  @Field(() => StreamEnd, { nullable: true, description: 'Set in an END frame alone.' })
  readonly end!: StreamEnd | null;
}

@ObjectType({
  implements: StreamFrame,
  description: 'Tasks that reached a terminal state.',
  simpleResolvers: true,
})
export class TaskCompletedFrame extends StreamFrame {
  @Field(() => [Task], {
    description:
      'The tasks, in the order in which they ended; empty in frames that carry no items.',
  })
  readonly tasks!: readonly Task[];
  @Field(() => Int, {
    nullable: true,
    description:
      'Tasks of the sessions that have not ended yet; null where the total is not known.',
  })
  readonly remaining!: number | null;
  @Field(() => StreamCoverage, {
    description: 'Whose ends it tells at this time; without sessions that depends on the source.',
  })
  readonly coverage!: keyof typeof StreamCoverage;
}

@ObjectType({
  implements: StreamFrame,
  description: 'How far a session is.',
  simpleResolvers: true,
})
export class SessionProgressFrame extends StreamFrame {
  @Field(() => Session, { description: 'The session.' })
  readonly session!: Session;
  @Field(() => Progress, { description: 'Its latest progress.' })
  readonly progress!: Progress;
}

@InputType({
  description: 'Where a stream starts. At most one of the three; {now: true} unless given.',
})
export class StreamStart {
  @Field(() => Boolean, { nullable: true, description: 'Only what happens from now on.' })
  readonly now?: boolean | null;
  @Field(() => Boolean, {
    nullable: true,
    description: 'Everything that has happened, then what happens.',
  })
  readonly snapshot?: boolean | null;
  @Field(() => StreamCursor, {
    nullable: true,
    description: 'What happened after this cursor, then what happens.',
  })
  readonly after?: string | null;
}

@InputType({
  description: 'How items are put into frames. The first item after quiet is sent at once.',
})
export class Delivery {
  @Field(() => Int, { defaultValue: 100, description: 'Items a frame at most, 1 to 1000.' })
  readonly maxBatch!: number;
  @Field(() => Int, {
    defaultValue: 50,
    description: 'Milliseconds that news may wait for more behind a frame under way, 0 to 10000.',
  })
  readonly maxWaitMs!: number;
  @Field(() => Int, {
    defaultValue: 0,
    description:
      'Milliseconds between frames at least, 0 to 60000: news is gathered, never dropped.',
  })
  readonly minIntervalMs!: number;
  @Field(() => Int, {
    defaultValue: 15000,
    description: 'Milliseconds of quiet after which a HEARTBEAT is sent, 1000 to 300000.',
  })
  readonly heartbeatMs!: number;
}
