/** The two queries of the state table, one for each index; each page tells what it cost. */
import type { QueryInput } from '@aws-sdk/client-dynamodb';
import { attributes } from './item.js';
import type { NativeState } from './status.js';
import { statusOf } from './status.js';
import { heartbeatIndex, sessionIndex } from './table-definition.js';

/** One state, or all between two in the order of their names: cancelled, failed, finished, pending, processing. */
export type StateRange = NativeState | readonly [from: NativeState, to: NativeState] | undefined;

export function sessionQuery(table: string, session: string, states: StateRange): QueryInput {
  const query = {
    TableName: table,
    IndexName: sessionIndex,
    ReturnConsumedCapacity: 'TOTAL' as const,
  };
  if (states === undefined)
    return {
      ...query,
      KeyConditionExpression: '#session = :session',
      ExpressionAttributeNames: { '#session': attributes.sessionId },
      ExpressionAttributeValues: { ':session': { S: session } },
    };
  const names = { '#session': attributes.sessionId, '#status': attributes.status };
  if (typeof states === 'string')
    return {
      ...query,
      KeyConditionExpression: '#session = :session AND #status = :status',
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: {
        ':session': { S: session },
        ':status': { S: statusOf(states, session) },
      },
    };
  return {
    ...query,
    KeyConditionExpression: '#session = :session AND #status BETWEEN :from AND :to',
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: {
      ':session': { S: session },
      ':from': { S: statusOf(states[0], session) },
      ':to': { S: statusOf(states[1], session) },
    },
  };
}

/** Heartbeat stamps in epoch seconds, `beforeSec` excluded. */
export interface HeartbeatRange {
  readonly fromSec?: number;
  readonly beforeSec?: number;
  readonly limit?: number;
}

/** Later than any stamp. */
const never = 1e12;

export const heartbeatQuery = (
  table: string,
  state: NativeState,
  partition: number,
  { fromSec = 0, beforeSec = never, limit }: HeartbeatRange,
): QueryInput => ({
  TableName: table,
  IndexName: heartbeatIndex,
  ReturnConsumedCapacity: 'TOTAL',
  KeyConditionExpression: '#status = :status AND #beat BETWEEN :from AND :to',
  ExpressionAttributeNames: { '#status': attributes.status, '#beat': attributes.heartbeatSec },
  ExpressionAttributeValues: {
    ':status': { S: state + String(partition) },
    ':from': { N: String(fromSec) },
    ':to': { N: String(beforeSec - 1) },
  },
  ...(limit === undefined ? {} : { Limit: limit }),
});
