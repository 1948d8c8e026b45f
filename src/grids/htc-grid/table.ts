/** What can be read from a state table: sessions by index, rows by id, what is active. */
import type { KeysAndAttributes, QueryInput, QueryOutput } from '@aws-sdk/client-dynamodb';
import { backoff } from './backoff.js';
import { Refused, throttledError } from './calls.js';
import { chunksOf, eachOf } from './concurrency.js';
import type { Connection } from './connection.js';
import type { RawItem, TaskItem } from './item.js';
import { attributes, decodeItem } from './item.js';
import type { NativeState } from './status.js';
import { partitions, sessionOf } from './status.js';
import { tableDefinition } from './table-definition.js';
import type { HeartbeatRange, StateRange } from './table-queries.js';
import { heartbeatQuery, sessionQuery } from './table-queries.js';

/** DynamoDB's own limit of keys in one BatchGetItem. */
const batchGetLimit = 100;
/** DynamoDB's own limit of a partition key. */
const maxKeyBytes = 2048;
/** Batch reads at once for one caller: readers leave capacity to the workers. */
const parallelBatches = 4;
const parallelQueries = 8;
/** Rounds in which a batch read may come back incomplete before it is given up as throttled. */
const batchRounds = 7;
/** The same as time: a reader is told within this and one more read that the table is throttled. */
const batchPatienceMs = 8000;

/** Sessions that have work now; `truncated` where the index held more than was read. */
export interface ActiveSessions {
  readonly sessions: ReadonlySet<string>;
  readonly scanned: number;
  readonly truncated: boolean;
}

export interface TableDescription {
  readonly status: string;
  /** What every change is told in, where an operator has switched it on; `view` is what it holds of rows. */
  readonly stream: { readonly arn: string; readonly view: string | undefined } | undefined;
}

export class TableReader {
  constructor(private readonly connection: Connection) {}

  /** Entries of a session, a page of up to 1 MB at a time: task id, session id and status only. */
  async *sessionPages(
    session: string,
    states: StateRange,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<TaskItem[]> {
    const query = sessionQuery(this.connection.table, session, states);
    for await (const page of this.#pages(query, signal)) yield decodeAll(page.Items ?? []);
  }

  /** The number of a session's tasks, of one state where it is given. */
  async count(
    session: string,
    state: NativeState | undefined,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    let sum = 0;
    const query: QueryInput = {
      ...sessionQuery(this.connection.table, session, state),
      Select: 'COUNT',
    };
    for await (const page of this.#pages(query, signal)) sum += page.Count ?? 0;
    return sum;
  }

  /** Whole rows by task id; ids without a row, and what can be no id, are missing from the answer. */
  async items(
    ids: readonly string[],
    signal: AbortSignal | undefined,
    options: { readonly consistent?: boolean } = {},
  ): Promise<Map<string, TaskItem>> {
    const found = new Map<string, TaskItem>();
    const batches = chunksOf([...new Set(ids)].filter(canBeKey), batchGetLimit);
    await eachOf(batches, parallelBatches, async (batch) => {
      for (const item of await this.#batch(batch, options.consistent === true, signal))
        found.set(item.taskId, item);
    });
    return found;
  }

  /** Rows of one state by heartbeat stamp (a claimed task's time to live), oldest first; up to `limit`. */
  async byHeartbeat(
    state: NativeState,
    partition: number,
    range: HeartbeatRange,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly items: readonly TaskItem[]; readonly more: boolean }> {
    const items: TaskItem[] = [];
    const query = heartbeatQuery(this.connection.table, state, partition, range);
    for await (const page of this.#pages(query, signal)) {
      items.push(...decodeAll(page.Items ?? []));
      if (range.limit !== undefined && items.length >= range.limit)
        return { items, more: page.LastEvaluatedKey !== undefined };
    }
    return { items, more: false };
  }

  /** How many rows of one state have such a stamp; `limit` is for each partition. */
  async countByHeartbeat(
    state: NativeState,
    range: HeartbeatRange & { readonly limit: number },
    signal: AbortSignal | undefined,
  ): Promise<{ readonly count: number; readonly truncated: boolean }> {
    const { table } = this.connection;
    let count = 0;
    let truncated = false;
    await eachOf(Array(partitions).keys(), parallelQueries, async (partition) => {
      const query = heartbeatQuery(table, state, partition, range);
      const page = await this.connection.send('Query', { ...query, Select: 'COUNT' }, signal);
      count += page.Count ?? 0;
      truncated ||= page.LastEvaluatedKey !== undefined;
    });
    return { count, truncated };
  }

  /**
   * Sessions with pending or processing tasks. No index lists sessions: 64 queries on the heartbeat
   * index, at most `perQuery` entries each, give their ids by the prefix of the task ids.
   */
  async active(perQuery: number, signal: AbortSignal | undefined): Promise<ActiveSessions> {
    const sessions = new Set<string>();
    let scanned = 0;
    let truncated = false;
    const queries = (['processing', 'pending'] as const).flatMap((state) =>
      Array.from({ length: partitions }, (_, partition) => ({ state, partition })),
    );
    await eachOf(queries, parallelQueries, async ({ state, partition }) => {
      const { items, more } = await this.byHeartbeat(state, partition, { limit: perQuery }, signal);
      for (const item of items) sessions.add(sessionOf(item.taskId));
      scanned += items.length;
      truncated ||= more;
    });
    return { sessions, scanned, truncated };
  }

  /** Answers when the table can be used; refuses one without the two indexes. */
  async describe(signal: AbortSignal | undefined): Promise<TableDescription> {
    const input = { TableName: this.connection.table };
    const { Table: table } = await this.connection.send('DescribeTable', input, signal);
    const { StreamEnabled: isOn, StreamViewType: view } = table?.StreamSpecification ?? {};
    const arn = isOn === true ? table?.LatestStreamArn : undefined;
    return {
      status: table?.TableStatus ?? 'UNKNOWN',
      stream: arn === undefined ? undefined : { arn, view },
    };
  }

  /** Creates the table where there is none; for grids of this process only. */
  async create(signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.connection.send('CreateTable', tableDefinition(this.connection.table), signal);
    } catch (error) {
      // It is there already.
      if (!(error instanceof Refused)) throw error;
    }
    await backoff({ rounds: 40, firstMs: 5, mostMs: 100 }, signal, async () => {
      return (await this.describe(signal)).status === 'ACTIVE' ? true : undefined;
    });
  }

  async *#pages(query: QueryInput, signal: AbortSignal | undefined): AsyncGenerator<QueryOutput> {
    let from: QueryInput['ExclusiveStartKey'];
    do {
      const input = from === undefined ? query : { ...query, ExclusiveStartKey: from };
      const page: QueryOutput = await this.connection.send('Query', input, signal);
      from = page.LastEvaluatedKey;
      yield page;
    } while (from !== undefined);
  }

  /** One batch of at most 100; keys that a throttled table left out are asked again, later and later. */
  async #batch(
    ids: readonly string[],
    consistent: boolean,
    signal: AbortSignal | undefined,
  ): Promise<TaskItem[]> {
    const { table, label } = this.connection;
    const found: TaskItem[] = [];
    let request: KeysAndAttributes = {
      Keys: ids.map((id) => ({ [attributes.taskId]: { S: id } })),
      ConsistentRead: consistent,
    };
    const startedAt = performance.now();
    const done = await backoff(
      { rounds: batchRounds, firstMs: 25, mostMs: 1000 },
      signal,
      async () => {
        if (performance.now() - startedAt > batchPatienceMs) throw throttledError(label);
        const input = {
          RequestItems: { [table]: request },
          ReturnConsumedCapacity: 'TOTAL' as const,
        };
        const answer = await this.connection.send('BatchGetItem', input, signal);
        found.push(...decodeAll(answer.Responses?.[table] ?? []));
        const rest = answer.UnprocessedKeys?.[table];
        if (rest?.Keys === undefined || rest.Keys.length === 0) return true;
        request = rest;
        return undefined;
      },
    );
    if (done === undefined) throw throttledError(label);
    return found;
  }
}

/** DynamoDB refuses a whole batch for one key that no row can have. */
const canBeKey = (id: string): boolean => id !== '' && Buffer.byteLength(id) <= maxKeyBytes;

function decodeAll(raw: readonly RawItem[]): TaskItem[] {
  return raw.map(decodeItem).filter((item) => item !== undefined);
}
