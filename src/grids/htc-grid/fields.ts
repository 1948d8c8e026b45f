/**
 * The one table from the fields of a task to the attributes of its row: what to read for a field,
 * how to decode it, and what it means.
 */
import type { TaskFields } from '../tasks.js';
import type { Failure } from '../state.js';
import { isTerminal } from '../state.js';
import { attributes, nobody } from './item.js';
import type { TaskItem } from './item.js';
import { indexOf, parseStatus } from './status.js';
import { timedOutType } from './task-error.js';

/** What is known about a task beside its row. */
export interface Beside {
  /** The identity recorded at the session's submission. */
  readonly owner: string | null;
  /** Epoch milliseconds of what this server saw happen. */
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  /** The function's error out of the output; undefined where the output was not read. */
  readonly functionError: FunctionError | 'OUTPUT_LOST' | null | undefined;
}

export interface FunctionError {
  readonly type: string | null;
  readonly message: string;
}

export interface TaskField<Value> {
  readonly description: string;
  /** Attributes of the row that are read for it. */
  readonly attributes: readonly string[];
  readonly unit: 'ms' | 'epoch ms' | null;
  /** When the field is null, as it goes on after the word "Null"; null where it never is. */
  readonly whenNull: string | null;
  decode(item: TaskItem, beside: Beside): Value;
}

type FieldTable = { readonly [Name in keyof TaskFields]: TaskField<TaskFields[Name]> };

const plain = { unit: null, whenNull: null } as const;
const startOf = (beside: Beside): number | null => beside.startedAt ?? null;

function endOf(item: TaskItem, beside: Beside): number | null {
  if (!isTerminal(parseStatus(item.status).state)) return null;
  if (item.completedAt !== undefined && item.completedAt > 0) return item.completedAt;
  return beside.endedAt ?? null;
}

export const taskFields: FieldTable = {
  nativeId: {
    ...plain,
    description: 'The task id: session id, "_" and the position in the submission.',
    attributes: [attributes.taskId],
    decode: (item) => item.taskId,
  },
  sessionId: {
    ...plain,
    description: 'The session the task was submitted with.',
    attributes: [attributes.sessionId],
    decode: (item) => item.sessionId,
  },
  state: {
    ...plain,
    description:
      'Where the task is: pending is QUEUED, processing RUNNING, finished SUCCEEDED (also when the function raised an error: see failure), failed FAILED, cancelled CANCELLED.',
    attributes: [attributes.status],
    decode: (item) => parseStatus(item.status).state,
  },
  nativeState: {
    ...plain,
    description: 'The state as the state table names it, without the partition number.',
    attributes: [attributes.status],
    decode: (item) => parseStatus(item.status).native,
  },
  terminal: {
    ...plain,
    description: 'True in SUCCEEDED, FAILED and CANCELLED.',
    attributes: [attributes.status],
    decode: (item) => isTerminal(parseStatus(item.status).state),
  },
  owner: {
    description: 'The identity that submitted the session through this server.',
    attributes: [],
    unit: null,
    whenNull: 'where the session was submitted elsewhere',
    decode: (_item, beside) => beside.owner,
  },
  attempts: {
    ...plain,
    description:
      'How often a worker claimed the task: retries + 1 once claimed, 0 before the first claim.',
    attributes: [attributes.retries, attributes.status, attributes.heartbeatSec],
    decode: attemptsOf,
  },
  submittedAt: {
    description: 'When the row was written.',
    attributes: [attributes.submittedAt],
    unit: 'epoch ms',
    whenNull: 'where the row is a stub, made by cancelling a task that never existed',
    decode: (item) => item.submittedAt ?? null,
  },
  startedAt: {
    description: 'When a worker claimed the task; the table does not store it.',
    attributes: [],
    unit: 'epoch ms',
    whenNull: 'before that, and where this server did not see it happen',
    decode: (_item, beside) => startOf(beside),
  },
  endedAt: {
    description:
      "When the task ended, by the worker's clock; for cancelled and failed tasks when this server saw it.",
    attributes: [attributes.completedAt, attributes.status],
    unit: 'epoch ms',
    whenNull: 'before that, and where this server did not see it being cancelled or failing',
    decode: endOf,
  },
  waitMs: {
    description: 'From submission to the claim.',
    attributes: [attributes.submittedAt],
    unit: 'ms',
    whenNull: 'where startedAt is null',
    decode: (item, beside) => between(item.submittedAt ?? null, startOf(beside)),
  },
  runMs: {
    description: 'From the last claim to the end.',
    attributes: [attributes.completedAt, attributes.status],
    unit: 'ms',
    whenNull: 'where startedAt or endedAt is null',
    decode: (item, beside) => between(startOf(beside), endOf(item, beside)),
  },
  failure: {
    description:
      'Why the task did not do what was asked. FUNCTION_ERROR, TIMEOUT and OUTPUT_LOST are read from the output, and only where this field is selected.',
    attributes: [attributes.status, attributes.retries, attributes.completedAt],
    unit: null,
    whenNull: 'where nothing failed, and before the task has ended',
    decode: failureOf,
  },
  revision: {
    ...plain,
    description:
      'Changes whenever the stored row changes meaning: (id, revision) tells a repeat from news.',
    attributes: [
      attributes.status,
      attributes.retries,
      attributes.completedAt,
      attributes.submittedAt,
    ],
    decode: (item) => revisionOf(item),
  },
  index: {
    description: 'Position in the submission, from 0.',
    attributes: [attributes.taskId],
    unit: null,
    whenNull: 'where the task id has another form than <session>_<index>',
    decode: (item) => indexOf(item.taskId),
  },
  priority: {
    description: 'The priority of the submission; larger runs first.',
    attributes: [attributes.priority],
    unit: null,
    whenNull: 'where the row has none',
    decode: (item) => item.priority ?? null,
  },
  worker: {
    description: 'The worker that has the task, or that finished it.',
    attributes: [attributes.owner],
    unit: null,
    whenNull: 'while no worker has it, and where it was cancelled or failed',
    decode: (item) => (item.owner === undefined || item.owner === nobody ? null : item.owner),
  },
  heartbeatExpiresAt: {
    description: 'Until when the worker has to renew its claim, else the task is given to another.',
    attributes: [attributes.heartbeatSec],
    unit: 'epoch ms',
    whenNull: 'before the first claim',
    decode: (item) =>
      item.heartbeatSec === undefined || item.heartbeatSec === 0 ? null : item.heartbeatSec * 1000,
  },
};

/** What the session index holds: for other attributes the row itself is read. */
const indexed: ReadonlySet<string> = new Set([
  attributes.taskId,
  attributes.sessionId,
  attributes.status,
]);

export type FieldName = keyof TaskFields;
export const fieldNames = Object.keys(taskFields) as readonly FieldName[];
export const isField = (name: string): name is FieldName => Object.hasOwn(taskFields, name);

/** True where the session index answers all of the fields. */
export const answeredByIndex = (fields: Iterable<string>): boolean => {
  for (const name of fields)
    if (isField(name) && taskFields[name].attributes.some((attribute) => !indexed.has(attribute)))
      return false;
  return true;
};

/**
 * State, retries and the last stamp of the row, short: the same for the same meaning of a row. Where no
 * worker finished it, that is the stamp of its submission: a task may be submitted and cancelled again.
 */
export function revisionOf(
  item: Pick<TaskItem, 'status' | 'retries' | 'completedAt'> & {
    readonly submittedAt?: number | undefined;
  },
): string {
  const { native } = parseStatus(item.status);
  const stamp = (item.completedAt || (item.submittedAt ?? 0)).toString(36);
  return `${native.slice(0, 2)}${String(item.retries ?? 0)}.${stamp}`;
}

/** The time in a revision, in epoch milliseconds; 0 where there is none. */
export const stampOf = (revision: string): number =>
  parseInt(revision.slice(revision.indexOf('.') + 1), 36) || 0;

function attemptsOf(item: TaskItem): number {
  const retries = item.retries ?? 0;
  const { state } = parseStatus(item.status);
  if (state === 'QUEUED') return retries;
  const claimed = (item.heartbeatSec ?? 0) > 0;
  return state === 'CANCELLED' && !claimed ? 0 : retries + 1;
}

function failureOf(item: TaskItem, beside: Beside): Failure | null {
  const none = { exitCode: null, signal: null, holdCode: null, holdSubcode: null };
  switch (parseStatus(item.status).known) {
    case 'cancelled':
      return { kind: 'CANCELLED', message: afterItsEnd(item), ...none };
    case 'failed':
      return {
        kind: 'RETRIES_EXHAUSTED',
        message: `No worker finished it in ${String((item.retries ?? 0) + 1)} attempts.`,
        ...none,
      };
    case 'finished': {
      const error = beside.functionError;
      if (error === null || error === undefined) return null;
      if (error === 'OUTPUT_LOST')
        return {
          kind: error,
          message:
            'It finished, but the data plane has its output no more: what the function returned, or raised, is not known.',
          ...none,
        };
      const message = error.type === null ? error.message : `${error.type}: ${error.message}`;
      return { kind: error.type === timedOutType ? 'TIMEOUT' : 'FUNCTION_ERROR', message, ...none };
    }
    case 'pending':
    case 'processing':
    case undefined:
      return null;
  }
}

/** The grid's own cancel overwrites a finished task, and leaves stamp and output as they were. */
const afterItsEnd = ({ completedAt }: TaskItem): string | null =>
  (completedAt ?? 0) > 0
    ? 'It was cancelled after it had finished; its output is as the function left it.'
    : null;

function between(from: number | null, to: number | null): number | null {
  // Stamps come from the clocks of several machines.
  return from === null || to === null ? null : Math.max(0, to - from);
}
