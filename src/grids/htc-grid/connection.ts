/** The calls the state table takes, in DynamoDB's own words; who carries them is behind this interface. */
import type {
  BatchGetItemInput,
  BatchGetItemOutput,
  BatchWriteItemInput,
  BatchWriteItemOutput,
  CreateTableInput,
  CreateTableOutput,
  DescribeTableInput,
  DescribeTableOutput,
  QueryInput,
  QueryOutput,
  UpdateItemInput,
  UpdateItemOutput,
} from '@aws-sdk/client-dynamodb';
import type { CallKind } from './calls.js';

export interface Operations {
  readonly Query: { readonly input: QueryInput; readonly output: QueryOutput };
  readonly BatchGetItem: { readonly input: BatchGetItemInput; readonly output: BatchGetItemOutput };
  readonly BatchWriteItem: {
    readonly input: BatchWriteItemInput;
    readonly output: BatchWriteItemOutput;
  };
  readonly UpdateItem: { readonly input: UpdateItemInput; readonly output: UpdateItemOutput };
  readonly DescribeTable: {
    readonly input: DescribeTableInput;
    readonly output: DescribeTableOutput;
  };
  readonly CreateTable: { readonly input: CreateTableInput; readonly output: CreateTableOutput };
}
export type Operation = keyof Operations;

export const kindOf = {
  Query: 'table-read',
  BatchGetItem: 'table-read',
  DescribeTable: 'table-read',
  BatchWriteItem: 'table-write',
  UpdateItem: 'table-write',
  CreateTable: 'table-write',
} as const satisfies Record<Operation, CallKind>;

export interface Connection {
  readonly table: string;
  /** The words for this table in messages. */
  readonly label: string;
  /** Rejects with a `GridError`, or with `Refused` where the condition of an update does not hold. */
  send<O extends Operation>(
    operation: O,
    input: Operations[O]['input'],
    signal?: AbortSignal,
  ): Promise<Operations[O]['output']>;
  close(): void;
}

export const labelOf = (table: string): string => `The state table "${table}"`;

interface Consumed {
  readonly CapacityUnits?: number;
}

/** What a read cost, as the table says where it was asked to. */
export function unitsOf(answer: object): number | undefined {
  if (!('ConsumedCapacity' in answer)) return undefined;
  const consumed = answer.ConsumedCapacity as Consumed | readonly Consumed[] | undefined;
  if (consumed === undefined) return undefined;
  const each = 'length' in consumed ? consumed : [consumed];
  return each.reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
}
