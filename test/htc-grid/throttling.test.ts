/** A table that is out of capacity: asked again later and later, then said to be throttled. */
import { describe, expect, it } from 'vitest';
import type { Connection, Operations } from '../../src/grids/htc-grid/connection.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { TableWriter } from '../../src/grids/htc-grid/table-writer.js';
import { timed } from '../../src/grids/htc-grid/calls.js';
import { live, tasksOf } from './support.js';

const table = 't';

/** A connection of which only what is given answers. */
function faking(answers: {
  readonly [O in keyof Operations]?: (input: Operations[O]['input']) => Operations[O]['output'];
}): Connection {
  return {
    table,
    label: 'The state table "t"',
    send: async (operation, input) => {
      const answer = answers[operation];
      if (answer === undefined) throw new Error(`unexpected ${operation}`);
      return answer(input);
    },
    close: () => undefined,
  };
}

describe('batches that come back incomplete', () => {
  it('reads the keys that were left out until all are there', async () => {
    const rounds: number[] = [];
    const reader = new TableReader(
      faking({
        BatchGetItem: ({ RequestItems }) => {
          const keys = RequestItems?.[table]?.Keys ?? [];
          rounds.push(keys.length);
          const rest = keys.slice(40);
          return {
            Responses: {
              [table]: keys.slice(0, 40).map((key) => ({ ...key, task_status: { S: 'pending1' } })),
            },
            ...(rest.length === 0 ? {} : { UnprocessedKeys: { [table]: { Keys: rest } } }),
          };
        },
      }),
    );
    const ids = tasksOf('s', 100).map(({ taskId }) => taskId);
    expect((await reader.items(ids, live())).size).toBe(100);
    expect(rounds).toEqual([100, 60, 20]);
  });

  it('gives up as THROTTLED, with the time after which to try again', async () => {
    const reader = new TableReader(
      faking({
        BatchGetItem: ({ RequestItems }) => ({
          Responses: {},
          UnprocessedKeys: { [table]: RequestItems?.[table] ?? { Keys: [] } },
        }),
      }),
    );
    await expect(reader.items(['s_0'], live())).rejects.toMatchObject({
      code: 'THROTTLED',
      retryable: true,
      retryAfterMs: 1000,
    });
  });

  it('writes the rows that were left out until all are there', async () => {
    let refusals = 3;
    const written: unknown[] = [];
    const writer = new TableWriter(
      faking({
        BatchWriteItem: ({ RequestItems }) => {
          const requests = RequestItems?.[table] ?? [];
          const taken = refusals-- > 0 ? 10 : requests.length;
          written.push(...requests.slice(0, taken));
          const rest = requests.slice(taken);
          return rest.length === 0 ? {} : { UnprocessedItems: { [table]: rest } };
        },
      }),
    );
    const heard: string[] = [];
    await writer.insert(tasksOf('s', 60), live(), (chunk) =>
      heard.push(...chunk.map(({ taskId }) => taskId)),
    );
    expect(new Set(written).size).toBe(60);
    expect(heard).toHaveLength(60);
  });

  it('stops waiting when the caller has gone', async () => {
    const gone = new AbortController();
    const reader = new TableReader(
      faking({
        BatchGetItem: ({ RequestItems }) => {
          gone.abort(new Error('gone'));
          return { UnprocessedKeys: { [table]: RequestItems?.[table] ?? { Keys: [] } } };
        },
      }),
    );
    await expect(reader.items(['s_0'], gone.signal)).rejects.toThrow();
  });
});

describe('errors of the table', () => {
  it.each([
    ['ProvisionedThroughputExceededException', 'THROTTLED'],
    ['ThrottlingException', 'THROTTLED'],
    ['TimeoutError', 'TIMED_OUT'],
    ['ResourceNotFoundException', 'UNAVAILABLE'],
    ['UnrecognizedClientException', 'UNAVAILABLE'],
    ['SomethingElse', 'INTERNAL_SERVER_ERROR'],
  ])('%s reaches the client as %s', async (name, code) => {
    const outcomes: string[] = [];
    const failing = timed(
      'table-read',
      'The table',
      ({ outcome }) => outcomes.push(outcome),
      undefined,
      async () => {
        throw Object.assign(new Error('internal detail'), { name });
      },
    );
    await expect(failing).rejects.toMatchObject({ code });
    await expect(failing).rejects.not.toThrow(/internal detail/);
    expect(outcomes).toEqual([code === 'THROTTLED' ? 'throttled' : 'failed']);
  });
});
