/** A whole submission: inputs, payload and rows, against the way of the Python connector and its Lambda. */
import { inputKey } from '../../src/grids/htc-grid/data-plane.js';
import { chunksOf } from '../../src/grids/htc-grid/concurrency.js';
import { connectLocally } from '../../src/grids/htc-grid/connection-local.js';
import { startDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { encodeInput } from '../../src/grids/htc-grid/encoding.js';
import { openEmbedded } from '../../src/grids/htc-grid/index.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { taskIdOf } from '../../src/grids/htc-grid/status.js';
import { storedSubmission } from '../../src/grids/htc-grid/stored.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { TableWriter } from '../../src/grids/htc-grid/table-writer.js';
import type { Bench } from '../bench.js';
import { farRedis } from '../far-redis.js';
import { inTurns, ratio, timed } from '../measure.js';

/** DynamoDB's limit of rows in one batch, as many as the Lambda writes at once. */
const batch = 25;

export const submission: Bench = {
  name: 'submission',
  about:
    'a session of 1 KB tasks submitted over a Redis with 1 ms delay, against one put after another',
  async run({ quick }) {
    const tasks = quick ? 500 : 10_000;
    const far = await farRedis();
    const { host, port, client } = far;
    // Nobody works on the tasks: that is not what is measured.
    const workers = { concurrency: 0, expiryCheckMs: 3_600_000 };
    const grid = await openEmbedded({ name: 'local', data: { host, port }, run: () => 0, workers });
    const dynamo = await startDynamoDb(undefined);
    const connection = connectLocally({ table: 'htc_tasks_state_table-peer', dynamo });
    await new TableReader(connection).create(undefined);
    const writer = new TableWriter(connection);
    const payloads = Array.from({ length: tasks }, (_, n) => ({ n, text: 'x'.repeat(1000) }));
    // One after another takes as long for each: a tenth of them says it, and lets more rounds show how steady it is.
    const some = payloads.slice(0, tasks / 10);
    const { signal } = new AbortController();
    const request = { payloads, priority: undefined, owner: 'bench', idempotencyKey: undefined };

    /** connector.py puts each input, then the payload; the Lambda writes batch after batch. Its messages are left out. */
    const oneByOne = async (): Promise<void> => {
      const session = newSessionId();
      const ids = some.map((_, index) => taskIdOf(session, index));
      for (const [index, payload] of some.entries())
        await client.set(inputKey(taskIdOf(session, index)), encodeInput(payload));
      await client.set(...storedSubmission(session, session, ids, 0, Date.now()));
      const submittedAt = Date.now();
      for (const chunk of chunksOf(ids, batch))
        await writer.insert(
          chunk.map((taskId) => ({ taskId, sessionId: session, priority: 0, submittedAt })),
          undefined,
        );
    };
    try {
      const times = await inTurns(
        {
          oneByOne: async () => 10 * (await timed(oneByOne)),
          ours: () => timed(() => grid.submit({ ...request, dryRun: false }, signal)),
        },
        quick ? 1 : 7,
      );
      return [
        ratio(
          `${String(tasks)} tasks of 1 KB as the Python connector submits them, times submitTasks`,
          [times.oneByOne, times.ours],
          'ms',
          { atLeast: 4 },
        ),
      ];
    } finally {
      await grid.stop();
      connection.close();
      await dynamo.stop();
      await far.stop();
    }
  },
};
