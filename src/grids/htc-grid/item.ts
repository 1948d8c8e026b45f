/** One row of the state table, checked where it enters; attributes an index leaves out are undefined. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { NativeState } from './status.js';
import { sessionOf, statusOf } from './status.js';

export type RawItem = Readonly<Record<string, AttributeValue>>;

export interface TaskItem {
  readonly taskId: string;
  readonly sessionId: string;
  /** As stored: state name and partition. */
  readonly status: string;
  readonly owner: string | undefined;
  readonly retries: number | undefined;
  /** Epoch milliseconds. */
  readonly submittedAt: number | undefined;
  /** Epoch milliseconds; 0 until the task finished, and for good where it was cancelled or failed. */
  readonly completedAt: number | undefined;
  readonly priority: number | undefined;
  /** Epoch seconds; 0 before the first claim. */
  readonly heartbeatSec: number | undefined;
}

/** The names of the attributes as stored. */
export const attributes = {
  taskId: 'task_id',
  sessionId: 'session_id',
  parentSessionId: 'parent_session_id',
  submittedAt: 'submission_timestamp',
  completedAt: 'task_completion_timestamp',
  status: 'task_status',
  owner: 'task_owner',
  retries: 'retries',
  definition: 'task_definition',
  queueHandle: 'sqs_handler_id',
  heartbeatSec: 'heartbeat_expiration_timestamp',
  priority: 'task_priority',
} as const;

/** What the grid writes for "no owner" and "no queue handle". */
export const nobody = 'None';

/** Undefined for an item without the two attributes that every row and index entry has. */
export function decodeItem(raw: RawItem): TaskItem | undefined {
  const taskId = text(raw[attributes.taskId]);
  const status = text(raw[attributes.status]);
  if (taskId === undefined || status === undefined) return undefined;
  return {
    taskId,
    status,
    // Rows that a cancel made of nothing have no session id (docs/grids/htc-grid.md, "State machine").
    sessionId: text(raw[attributes.sessionId]) ?? sessionOf(taskId),
    owner: text(raw[attributes.owner]),
    retries: integer(raw[attributes.retries]),
    submittedAt: integer(raw[attributes.submittedAt]),
    completedAt: integer(raw[attributes.completedAt]),
    priority: integer(raw[attributes.priority]),
    heartbeatSec: integer(raw[attributes.heartbeatSec]),
  };
}

/** What the session index holds of a task. */
export const indexEntry = (taskId: string, state: NativeState): TaskItem => ({
  taskId,
  sessionId: sessionOf(taskId),
  status: statusOf(state, sessionOf(taskId)),
  owner: undefined,
  retries: undefined,
  submittedAt: undefined,
  completedAt: undefined,
  priority: undefined,
  heartbeatSec: undefined,
});

function text(value: AttributeValue | undefined): string | undefined {
  return value?.S;
}

function integer(value: AttributeValue | undefined): number | undefined {
  if (value?.N === undefined) return undefined;
  const number = Number(value.N);
  return Number.isSafeInteger(number) ? number : undefined;
}
