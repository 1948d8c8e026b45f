/** The state table as HTC-Grid deploys it: keys, indexes and what the indexes hold. */
import type { CreateTableInput } from '@aws-sdk/client-dynamodb';
import { attributes } from './item.js';

export const sessionIndex = 'gsi_session_index';
export const heartbeatIndex = 'gsi_ttl_index';

export const tableDefinition = (name: string): CreateTableInput => ({
  TableName: name,
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [
    { AttributeName: attributes.taskId, AttributeType: 'S' },
    { AttributeName: attributes.sessionId, AttributeType: 'S' },
    { AttributeName: attributes.status, AttributeType: 'S' },
    { AttributeName: attributes.heartbeatSec, AttributeType: 'N' },
  ],
  KeySchema: [{ AttributeName: attributes.taskId, KeyType: 'HASH' }],
  GlobalSecondaryIndexes: [
    {
      IndexName: sessionIndex,
      KeySchema: [
        { AttributeName: attributes.sessionId, KeyType: 'HASH' },
        { AttributeName: attributes.status, KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: [attributes.taskId] },
    },
    {
      IndexName: heartbeatIndex,
      KeySchema: [
        { AttributeName: attributes.status, KeyType: 'HASH' },
        { AttributeName: attributes.heartbeatSec, KeyType: 'RANGE' },
      ],
      Projection: {
        ProjectionType: 'INCLUDE',
        NonKeyAttributes: [attributes.taskId, attributes.owner, attributes.priority],
      },
    },
  ],
});
