/** The three calls that read a DynamoDB stream, in its own words. */
import { asGridError, GridError } from '../../../errors.js';
import { throttledError } from '../calls.js';
import type { RawItem } from '../item.js';

export interface StreamShard {
  readonly ShardId?: string;
  readonly ParentShardId?: string;
  /** A shard with an ending number is closed: nothing is added to it any more. */
  readonly SequenceNumberRange?: { readonly EndingSequenceNumber?: string };
}

export interface StreamRecord {
  readonly eventName?: string;
  readonly dynamodb?: {
    readonly SequenceNumber?: string;
    /** Epoch seconds. */
    readonly ApproximateCreationDateTime?: number;
    readonly NewImage?: RawItem;
    readonly OldImage?: RawItem;
  };
}

export interface StreamOperations {
  readonly DescribeStream: {
    readonly input: { readonly StreamArn: string; readonly ExclusiveStartShardId?: string };
    readonly output: {
      readonly StreamDescription?: {
        readonly StreamStatus?: string;
        readonly Shards?: readonly StreamShard[];
        readonly LastEvaluatedShardId?: string;
      };
    };
  };
  readonly GetShardIterator: {
    readonly input: {
      readonly StreamArn: string;
      readonly ShardId: string;
      readonly ShardIteratorType: 'TRIM_HORIZON' | 'LATEST' | 'AFTER_SEQUENCE_NUMBER';
      readonly SequenceNumber?: string;
    };
    readonly output: { readonly ShardIterator?: string };
  };
  readonly GetRecords: {
    readonly input: { readonly ShardIterator: string; readonly Limit: number };
    readonly output: {
      readonly Records?: readonly StreamRecord[];
      /** Absent or null behind the last record of a closed shard. */
      readonly NextShardIterator?: string | null;
    };
  };
}
export type StreamOperation = keyof StreamOperations;

export interface StreamCalls {
  /** Rejects with a `StreamRefusal` where the answer to it is another call, else with a `GridError`. */
  send<O extends StreamOperation>(
    operation: O,
    input: StreamOperations[O]['input'],
    signal: AbortSignal,
  ): Promise<StreamOperations[O]['output']>;
}

/**
 * EXPIRED: an iterator lives 15 minutes. TRIMMED: records live 24 hours. GONE: no such stream or shard.
 * DENIED: an action is not allowed. BUSY: too many calls, or readers, at once.
 */
export type Refusal = 'EXPIRED' | 'TRIMMED' | 'GONE' | 'DENIED' | 'BUSY';

const refusals: Readonly<Record<string, Refusal>> = {
  ExpiredIteratorException: 'EXPIRED',
  TrimmedDataAccessException: 'TRIMMED',
  ResourceNotFoundException: 'GONE',
  AccessDeniedException: 'DENIED',
  LimitExceededException: 'BUSY',
  ProvisionedThroughputExceededException: 'BUSY',
  ThrottlingException: 'BUSY',
  RequestLimitExceeded: 'BUSY',
};

export class StreamRefusal extends Error {
  override readonly name = 'StreamRefusal';
  constructor(
    readonly refusal: Refusal,
    cause: Error,
  ) {
    super(cause.message, { cause });
  }
}

/** The refusal that an error of DynamoDB Streams stands for; undefined for other errors. */
export function refusalOf(error: unknown): StreamRefusal | undefined {
  if (!(error instanceof Error)) return undefined;
  const refusal = refusals[error.name];
  return refusal === undefined ? undefined : new StreamRefusal(refusal, error);
}

/** Why a stream can't be read, in words. */
export function streamFailure(error: unknown): GridError {
  if (!(error instanceof StreamRefusal)) return asGridError(error);
  switch (error.refusal) {
    case 'BUSY':
      return throttledError('The stream of the state table', error);
    case 'DENIED':
      return new GridError(
        'CAPABILITY_MISSING',
        'The stream of the state table may not be read: dynamodb:DescribeStream, GetShardIterator and GetRecords on its ARN are needed.',
        { cause: error },
      );
    case 'EXPIRED':
    case 'TRIMMED':
      return new GridError(
        'UNAVAILABLE',
        `The stream of the state table can not be read on: each place in it is refused (${error.message}).`,
        { cause: error },
      );
    case 'GONE':
      return new GridError('UNAVAILABLE', 'The stream of the state table is not there any more.', {
        cause: error,
      });
    default:
      return error.refusal satisfies never;
  }
}
