/** The conditional updates that move a task from state to state (docs/grids/htc-grid.md, "State machine"). */
import type { AttributeValue, UpdateItemInput, WriteRequest } from '@aws-sdk/client-dynamodb';
import { backoff } from './backoff.js';
import { throttledError } from './calls.js';
import { chunksOf, eachOf } from './concurrency.js';
import type { Connection } from './connection.js';
import type { TaskItem } from './item.js';
import { attributes, decodeItem, nobody } from './item.js';
import type { NativeState } from './status.js';
import { sessionOf, statusOf } from './status.js';

/** DynamoDB's own limit of rows in one BatchWriteItem. */
const batchWriteLimit = 25;
const parallelBatches = 4;
const batchRounds = 8;

export interface NewTask {
  readonly taskId: string;
  readonly sessionId: string;
  readonly priority: number;
  /** Epoch milliseconds. */
  readonly submittedAt: number;
}

/** Every update answers with the row after it, and throws `Refused` where its condition does not hold. */
export class TableWriter {
  constructor(private readonly connection: Connection) {}

  /** Writes rows in batches of 25; `written` hears of each batch as it is in the table. */
  async insert(
    tasks: readonly NewTask[],
    signal: AbortSignal | undefined,
    written: (tasks: readonly NewTask[]) => void = () => undefined,
  ): Promise<void> {
    await eachOf(chunksOf(tasks, batchWriteLimit), parallelBatches, async (chunk) => {
      await this.#putAll(
        chunk.map((task) => ({ PutRequest: { Item: row(task) } })),
        signal,
      );
      written(chunk);
    });
  }

  claim(taskId: string, owner: string, heartbeatSec: number, handle: string): Promise<TaskItem> {
    return this.#update(taskId, 'pending', {
      where: { owner: nobody },
      state: 'processing',
      set: { owner, heartbeatSec, queueHandle: handle },
    });
  }

  heartbeat(taskId: string, owner: string, heartbeatSec: number): Promise<TaskItem> {
    return this.#update(taskId, 'processing', { where: { owner }, set: { heartbeatSec } });
  }

  /** @param completedAt epoch milliseconds, taken just before the call. */
  finish(taskId: string, owner: string, completedAt: number): Promise<TaskItem> {
    return this.#update(taskId, 'processing', {
      where: { owner },
      state: 'finished',
      set: { completedAt },
    });
  }

  /** Gives a task back whose worker is gone; owner and heartbeat are not compared, as upstream does. */
  retry(taskId: string, retries: number): Promise<TaskItem> {
    return this.#update(taskId, 'processing', {
      state: 'pending',
      set: { owner: nobody, retries },
    });
  }

  /**
   * Upstream cancels and fails without a condition and so overwrites finished tasks. Here both need
   * the state they leave: a task that finished in between stays finished.
   */
  cancel(taskId: string, from: 'pending' | 'processing', signal?: AbortSignal): Promise<TaskItem> {
    return this.#update(taskId, from, { state: 'cancelled', set: { owner: nobody } }, signal);
  }

  fail(taskId: string): Promise<TaskItem> {
    return this.#update(taskId, 'processing', { state: 'failed', set: { owner: nobody } });
  }

  async #update(
    taskId: string,
    from: NativeState,
    change: {
      readonly where?: { readonly owner: string };
      readonly state?: NativeState;
      readonly set: Partial<Record<keyof typeof attributes, string | number>>;
    },
    signal?: AbortSignal,
  ): Promise<TaskItem> {
    const { table } = this.connection;
    const session = sessionOf(taskId);
    const names: Record<string, string> = { '#status': attributes.status };
    const values: Record<string, AttributeValue> = { ':from': { S: statusOf(from, session) } };
    const sets: string[] = [];
    const assign = (key: keyof typeof attributes, value: string | number) => {
      names[`#${key}`] = attributes[key];
      values[`:${key}`] = typeof value === 'number' ? { N: String(value) } : { S: value };
      sets.push(`#${key} = :${key}`);
    };
    for (const [key, value] of Object.entries(change.set))
      assign(key as keyof typeof attributes, value);
    if (change.state !== undefined) assign('status', statusOf(change.state, session));
    const conditions = ['#status = :from'];
    if (change.where !== undefined) {
      names['#was'] = attributes.owner;
      values[':was'] = { S: change.where.owner };
      conditions.push('#was = :was');
    }
    const input: UpdateItemInput = {
      TableName: table,
      Key: { [attributes.taskId]: { S: taskId } },
      UpdateExpression: `SET ${sets.join(', ')}`,
      ConditionExpression: conditions.join(' AND '),
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
      ReturnValues: 'ALL_NEW',
    };
    const answer = await this.connection.send('UpdateItem', input, signal);
    const item = decodeItem(answer.Attributes ?? {});
    if (item === undefined) throw new Error(`An update of ${taskId} came back without its row.`);
    return item;
  }

  async #putAll(requests: WriteRequest[], signal: AbortSignal | undefined): Promise<void> {
    const { table, label } = this.connection;
    let rest = requests;
    const done = await backoff(
      { rounds: batchRounds, firstMs: 25, mostMs: 2000 },
      signal,
      async () => {
        const input = { RequestItems: { [table]: rest } };
        const answer = await this.connection.send('BatchWriteItem', input, signal);
        rest = answer.UnprocessedItems?.[table] ?? [];
        return rest.length === 0 ? true : undefined;
      },
    );
    if (done === undefined) throw throttledError(label);
  }
}

function row(task: NewTask): Record<string, AttributeValue> {
  const none = { S: nobody };
  const zero = { N: '0' };
  return {
    [attributes.sessionId]: { S: task.sessionId },
    [attributes.taskId]: { S: task.taskId },
    [attributes.parentSessionId]: { S: task.sessionId },
    [attributes.submittedAt]: { N: String(task.submittedAt) },
    [attributes.completedAt]: zero,
    [attributes.status]: { S: statusOf('pending', task.sessionId) },
    [attributes.owner]: none,
    [attributes.retries]: zero,
    [attributes.definition]: { S: 'none' },
    [attributes.queueHandle]: none,
    [attributes.heartbeatSec]: zero,
    [attributes.priority]: { N: String(task.priority) },
  };
}
