/**
 * A session that runs in simulated time on a simulated table: workers claim, renew and finish by the
 * clock, the two indexes are queried as DynamoDB answers, and every query tells what it costs.
 */
import type { QueryInput, QueryOutput } from '@aws-sdk/client-dynamodb';
import { unitsOf } from '../../src/grids/htc-grid/connection.js';
import type { Connection } from '../../src/grids/htc-grid/connection.js';
import { partitionOf, statusOf, taskIdOf } from '../../src/grids/htc-grid/status.js';

export const session = '18a45134-e5fd-11f1-8152-02fc00000001';
const refreshSec = 5;
const offsetSec = 30;
const pageBytes = 1_048_576;
const statuses = {
  pending: statusOf('pending', session),
  processing: statusOf('processing', session),
  finished: statusOf('finished', session),
};

interface Task {
  readonly id: string;
  readonly claimAtMs: number;
  readonly finishAtMs: number;
}

export class SimulatedSession {
  readonly #tasks: readonly Task[];
  units = 0;
  queries = 0;

  /** @param taskMs how long each task runs; tasks finish evenly over `spanMs` */
  constructor(
    tasks: number,
    readonly spanMs: number,
    taskMs: number,
    private readonly now: () => number,
    private readonly startMs: number,
  ) {
    this.#tasks = Array.from({ length: tasks }, (_, index) => {
      const finishAtMs = ((index + 1) * spanMs) / tasks;
      return {
        id: taskIdOf(session, index),
        claimAtMs: Math.max(0, finishAtMs - taskMs),
        finishAtMs,
      };
    });
  }

  get connection(): Connection {
    return {
      table: 'simulated',
      label: 'The simulated table',
      close: () => undefined,
      send: async (operation, input) => {
        if (operation !== 'Query') throw new Error(`A poll needs no ${operation}.`);
        const answer = this.#query(input as QueryInput);
        this.units += unitsOf(answer) ?? 0;
        this.queries++;
        return answer;
      },
    };
  }

  /** What the Python connector's poll costs: all that has ended, in three queries, each time. */
  connectorPoll(): number {
    const at = this.now() - this.startMs;
    const finished = Math.floor((Math.min(at, this.spanMs) * this.#tasks.length) / this.spanMs);
    const none = 2 * unitsFor(0);
    return none + unitsFor(finished * this.#bytes('finished', 'session'));
  }

  #query(input: QueryInput): QueryOutput {
    const values = input.ExpressionAttributeValues ?? {};
    const byHeartbeat = input.IndexName === 'gsi_ttl_index';
    const wanted = (task: Task) => {
      const status = statuses[this.#stateOf(task)];
      if (byHeartbeat) {
        const beat = this.#heartbeatOf(task);
        return (
          status === values[':status']?.S &&
          beat >= Number(values[':from']?.N) &&
          beat <= Number(values[':to']?.N)
        );
      }
      if (values[':status'] !== undefined) return status === values[':status'].S;
      return status >= (values[':from']?.S ?? '') && status <= (values[':to']?.S ?? '~');
    };
    const from = Number(input.ExclusiveStartKey?.['place']?.N ?? 0);
    const found = this.#tasks.filter(wanted);
    const bytes = this.#bytes('finished', byHeartbeat ? 'heartbeat' : 'session');
    const page = found.slice(from, from + Math.floor(pageBytes / bytes));
    return {
      Items: page.map((task) => ({
        task_id: { S: task.id },
        task_status: { S: statuses[this.#stateOf(task)] },
        ...(byHeartbeat
          ? { heartbeat_expiration_timestamp: { N: String(this.#heartbeatOf(task)) } }
          : { session_id: { S: session } }),
      })),
      ConsumedCapacity: { CapacityUnits: unitsFor(page.length * bytes) },
      ...(from + page.length < found.length
        ? { LastEvaluatedKey: { place: { N: String(from + page.length) } } }
        : {}),
    };
  }

  #stateOf({ claimAtMs, finishAtMs }: Task): 'pending' | 'processing' | 'finished' {
    const at = this.now() - this.startMs;
    return at >= finishAtMs ? 'finished' : at >= claimAtMs ? 'processing' : 'pending';
  }

  /** Of the last renewal before now or before the end, in epoch seconds. */
  #heartbeatOf({ claimAtMs, finishAtMs }: Task): number {
    const at = Math.min(this.now() - this.startMs, finishAtMs);
    if (at < claimAtMs) return 0;
    const renewals = Math.floor((at - claimAtMs) / (refreshSec * 1000));
    return Math.floor((this.startMs + claimAtMs) / 1000) + renewals * refreshSec + offsetSec;
  }

  /** Names and values of an entry, as DynamoDB charges them. */
  #bytes(state: string, index: 'session' | 'heartbeat'): number {
    const status = 'task_status'.length + state.length + String(partitionOf(session)).length;
    const task = 'task_id'.length + session.length + 5;
    return index === 'session'
      ? status + task + 'session_id'.length + session.length
      : status +
          task +
          'heartbeat_expiration_timestamp'.length +
          7 +
          'task_owner'.length +
          'htc-agent-5d8f9c7b6-abcde'.length +
          'task_priority'.length +
          1;
  }
}

/** Eventually consistent: half a unit for each 4 KB begun. */
const unitsFor = (bytes: number): number => Math.max(1, Math.ceil(bytes / 4096)) / 2;
