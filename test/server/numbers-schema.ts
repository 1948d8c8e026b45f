/** A schema with one stream, over a log of numbers that belong to people, for tests of how streams are shared. */
import { buildSchema, type GraphQLSchema } from 'graphql';
import { maySee } from '../../src/access/caller.js';
import type { OperationRequest } from '../../src/server/operation.js';
import { guardRoots } from '../../src/server/rules.js';
import {
  type AppendLog,
  type DeliveryInput,
  follow,
  mapFrames,
  resolveDelivery,
  resolveStart,
  type StreamFrame,
  type StreamStartInput,
} from '../../src/streams/index.js';

export interface Owned {
  readonly n: number;
  readonly owner: string;
}

/** What was done for all subscribers together. */
export interface Done {
  subscribed: number;
  executed: number;
}

export const numbersQuery = /* GraphQL */ `
  subscription Numbers($start: StreamStart, $delivery: Delivery, $padding: Int) {
    numbers(start: $start, delivery: $delivery, padding: $padding) {
      kind
      cursor
      numbers
      padding
      end {
        reason
      }
    }
  }
`;

export interface NumbersFrame {
  readonly kind: string;
  readonly cursor: string;
  readonly numbers: readonly number[];
  readonly end: { readonly reason: string } | null;
}

interface Args {
  readonly start?: StreamStartInput;
  readonly delivery?: DeliveryInput;
  readonly padding?: number;
}

type Event = StreamFrame & { readonly numbers: readonly number[] };

export function numbersSchema(log: AppendLog<Owned>, ends: AbortSignal, done: Done): GraphQLSchema {
  const schema = buildSchema(/* GraphQL */ `
    input StreamStart {
      now: Boolean
      snapshot: Boolean
      after: String
    }
    input Delivery {
      maxBatch: Int
      maxWaitMs: Int
      minIntervalMs: Int
      heartbeatMs: Int
    }
    type End {
      reason: String!
    }
    type Frame {
      kind: String!
      cursor: String!
      numbers: [Int!]!
      padding: String
      end: End
    }
    type Query {
      ok: Boolean
    }
    type Subscription {
      numbers(start: StreamStart, delivery: Delivery, padding: Int): Frame!
    }
  `);
  Object.assign(schema.getQueryType()?.getFields()['ok'] ?? {}, {
    resolve: () => true,
    extensions: { rule: 'anyone' },
  });
  Object.assign(schema.getSubscriptionType()?.getFields()['numbers'] ?? {}, {
    extensions: { rule: 'own' },
    subscribe(_: unknown, { start, delivery }: Args, { caller, signal, resume }: OperationRequest) {
      done.subscribed += 1;
      const expiresAt = resume?.expiresAt ?? caller.expiresAt;
      const frames = follow([log], {
        start: resume?.after
          ? { kind: 'after', cursor: resume.after }
          : resolveStart(start ?? { now: true }),
        delivery: resolveDelivery(delivery),
        signal,
        ends,
        keep: (entries) => entries.filter(({ owner }) => maySee(caller, owner)),
        ...(resume?.until === undefined ? {} : { until: resume.until }),
        ...(expiresAt === null ? {} : { expiresAt }),
      });
      return mapFrames(frames, ({ entries, ...frame }): Event => ({
        ...frame,
        numbers: entries.map(({ n }) => n),
      }));
    },
    resolve(frame: Event, { padding }: Args) {
      done.executed += 1;
      return { ...frame, padding: frame.numbers.length > 0 ? '.'.repeat(padding ?? 0) : null };
    },
  });
  guardRoots(schema);
  return schema;
}
