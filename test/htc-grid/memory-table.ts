/**
 * A state table in memory, by a clock in the test's hand: the calls that readers and writers make, answered and charged as
 * DynamoDB does (memory-table.test.ts holds it against dynalite). Its indexes can lag, its answers can be late and
 * then tell of the moment of the call, its calls can fail.
 */
import type {
  AttributeValue,
  BatchGetItemInput,
  BatchWriteItemInput,
  QueryInput,
  QueryOutput,
  UpdateItemInput,
} from '@aws-sdk/client-dynamodb';
import { GridError } from '../../src/errors.js';
import { Refused } from '../../src/grids/htc-grid/calls.js';
import type { Connection, Operation, Operations } from '../../src/grids/htc-grid/connection.js';
import type { RawItem } from '../../src/grids/htc-grid/item.js';
import { pause } from '../../src/streams/clock.js';
import { heartbeatIndex, sessionIndex } from '../../src/grids/htc-grid/table-definition.js';
import type { Clock } from '../../src/streams/index.js';

type Written = (now: RawItem, before: RawItem | undefined) => void;

/** What each index holds of a row, its keys first. */
const projected = {
  [sessionIndex]: ['session_id', 'task_status', 'task_id'],
  [heartbeatIndex]: [
    'task_status',
    'heartbeat_expiration_timestamp',
    'task_id',
    'task_owner',
    'task_priority',
  ],
} as const;
type Index = keyof typeof projected;

const pageBytes = 1_048_576;

export class MemoryTable implements Connection {
  readonly label = 'The table in memory';
  /** How long an index is behind the rows. */
  lagMs = 0;
  /** How long an answer is under way. */
  answerMs = 0;
  /** Calls that fail from now on. */
  failures = 0;
  /** Of all reads. */
  units = 0;
  /** Answers of DescribeTable have this in them. */
  described: object = {};
  readonly #rows = new Map<string, RawItem>();
  /** Rows as the indexes have them; those of a session, or of a status, together. */
  readonly #indexed = new Map<string, RawItem>();
  readonly #placed = new Map<string, Set<string>>();
  #late: { readonly at: number; readonly item: RawItem }[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly written: Written = () => undefined,
    readonly table = 'memory',
  ) {}

  row(taskId: string): RawItem | undefined {
    return this.#rows.get(taskId);
  }

  /** Writes a whole row. */
  put(item: RawItem): void {
    const id = idOf(item);
    const before = this.#rows.get(id);
    this.#rows.set(id, item);
    const at = this.clock.uptime() + this.lagMs;
    // An index takes changes in their order.
    this.#late.push({ at: Math.max(at, this.#late.at(-1)?.at ?? 0), item });
    this.written(item, before);
  }

  async send<O extends Operation>(
    operation: O,
    input: Operations[O]['input'],
    signal?: AbortSignal,
  ): Promise<Operations[O]['output']> {
    signal?.throwIfAborted();
    const fails = this.failures > 0;
    if (fails) this.failures--;
    const answer = fails ? undefined : this.#answer(operation, input);
    if (this.answerMs > 0) await pause(this.clock, this.answerMs, signal);
    if (answer === undefined) throw new GridError('UNAVAILABLE', 'The table does not answer.');
    return answer;
  }

  close(): void {
    this.#rows.clear();
  }

  #answer(operation: Operation, input: object): object {
    switch (operation) {
      case 'Query':
        return this.#query(input as QueryInput);
      case 'BatchGetItem':
        return this.#get(input as BatchGetItemInput);
      case 'BatchWriteItem':
        for (const { PutRequest: put } of (input as BatchWriteItemInput).RequestItems?.[
          this.table
        ] ?? [])
          if (put?.Item !== undefined) this.put(put.Item);
        return {};
      case 'UpdateItem':
        return this.#update(input as UpdateItemInput);
      case 'DescribeTable':
        return { Table: { TableStatus: 'ACTIVE', ...this.described } };
      case 'CreateTable':
        return {};
      default:
        return operation satisfies never;
    }
  }

  #query(input: QueryInput): QueryOutput {
    this.#catchUp();
    const index = input.IndexName as Index;
    const [partition, range] = projected[index];
    const names = input.ExpressionAttributeNames ?? {};
    const values = input.ExpressionAttributeValues ?? {};
    const tests = (input.KeyConditionExpression ?? '').split(/ AND (?!:)/).map((condition) => {
      const [name = '', operator, low = '', , high = ''] = condition.split(' ');
      const key = names[name] ?? '';
      const [from, to] = [values[low], values[operator === '=' ? low : high]].map(scalar);
      return { key, from, to };
    });
    const { from: held } = tests.find(({ key }) => key === partition) ?? {};
    const wanted = (item: RawItem) =>
      tests.every(({ key, from = '', to = '' }) => {
        const value = scalar(item[key]);
        return value !== undefined && value >= from && value <= to;
      });
    const found = [...(this.#placed.get(`${index} ${String(held)}`) ?? [])]
      .map((id) => this.#indexed.get(id))
      .filter((item) => item !== undefined)
      .filter(wanted)
      .map((item) => only(item, projected[index]))
      .sort((a, b) => compare(scalar(a[range]), scalar(b[range])) || compare(idOf(a), idOf(b)));
    const last = input.ExclusiveStartKey?.['task_id']?.S;
    const start = last === undefined ? 0 : found.findIndex((item) => idOf(item) === last) + 1;
    let bytes = 0;
    const page: RawItem[] = [];
    for (const item of found.slice(start)) {
      if (page.length === input.Limit || bytes + sizeOf(item) > pageBytes) break;
      bytes += sizeOf(item);
      page.push(item);
    }
    const more = start + page.length < found.length ? page.at(-1) : undefined;
    return {
      ...(input.Select === 'COUNT' ? {} : { Items: page }),
      Count: page.length,
      ConsumedCapacity: { CapacityUnits: this.#charge(Math.max(1, Math.ceil(bytes / 4096)) / 2) },
      ...(more === undefined ? {} : { LastEvaluatedKey: { ...more } }),
    };
  }

  #get(input: BatchGetItemInput): object {
    const { Keys: keys = [], ConsistentRead: consistent } = input.RequestItems?.[this.table] ?? {};
    const found = keys.map((key) => this.#rows.get(idOf(key))).filter((item) => item !== undefined);
    const blocks = found.reduce((sum, item) => sum + Math.ceil(sizeOf(item) / 4096), 0);
    // What is not there is charged as well.
    const units = (blocks + keys.length - found.length) / (consistent === true ? 1 : 2);
    return {
      Responses: { [this.table]: found },
      UnprocessedKeys: {},
      ConsumedCapacity: [{ CapacityUnits: this.#charge(units) }],
    };
  }

  #update(input: UpdateItemInput): object {
    const names = input.ExpressionAttributeNames ?? {};
    const values = input.ExpressionAttributeValues ?? {};
    const pairs = (text: string, between: RegExp) =>
      text.split(between).map((pair) => {
        const [name = '', value = ''] = pair.trim().split(' = ');
        return [names[name] ?? name, values[value]] as const;
      });
    const id = idOf(input.Key ?? {});
    const before = this.#rows.get(id) ?? { task_id: { S: id } };
    const holds = (
      input.ConditionExpression === undefined ? [] : pairs(input.ConditionExpression, / AND /)
    ).every(([name, value]) => scalar(before[name]) === scalar(value));
    if (!holds) throw new Refused('The condition does not hold.');
    const sets = pairs((input.UpdateExpression ?? '').replace(/^SET /, ''), /,/);
    const now = { ...before, ...Object.fromEntries(sets) } as RawItem;
    this.put(now);
    return { Attributes: now };
  }

  #charge(units: number): number {
    this.units += units;
    return units;
  }

  #catchUp(): void {
    const now = this.clock.uptime();
    const due = this.#late.findIndex(({ at }) => at > now);
    for (const { item } of this.#late.splice(0, due < 0 ? this.#late.length : due)) {
      const id = idOf(item);
      for (const place of placesOf(this.#indexed.get(id))) this.#placed.get(place)?.delete(id);
      for (const place of placesOf(item)) {
        const there = this.#placed.get(place);
        if (there === undefined) this.#placed.set(place, new Set([id]));
        else there.add(id);
      }
      this.#indexed.set(id, item);
    }
  }
}

const idOf = (item: RawItem): string => item['task_id']?.S ?? '';
const scalar = (value: AttributeValue | undefined): string | number | undefined =>
  value?.N === undefined ? value?.S : Number(value.N);
const compare = (a: string | number = '', b: string | number = ''): number =>
  a < b ? -1 : a > b ? 1 : 0;

/** Where the indexes have a row: only where it has both keys. */
const placesOf = (item: RawItem = {}): readonly string[] =>
  Object.entries(projected).flatMap(([index, [partition, range]]) =>
    item[partition] === undefined || item[range] === undefined
      ? []
      : [`${index} ${String(scalar(item[partition]))}`],
  );

const only = (item: RawItem, names: readonly string[]): RawItem =>
  Object.fromEntries(
    names.flatMap((name) => (item[name] === undefined ? [] : [[name, item[name]]])),
  );

/** Names and values, as DynamoDB counts them; numbers roughly. */
const sizeOf = (item: RawItem): number =>
  Object.entries(item).reduce(
    (sum, [name, { S: text, N: digits }]) =>
      sum +
      name.length +
      (text === undefined ? Math.ceil((digits ?? '').length / 2) + 1 : text.length),
    0,
  );
