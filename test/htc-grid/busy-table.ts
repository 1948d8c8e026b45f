/** A process that claims and gives back the tasks of a session in a table on disk until it is killed. */
import { connectLocally } from '../../src/grids/htc-grid/connection-local.js';
import { startDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { TableWriter } from '../../src/grids/htc-grid/table-writer.js';
import { tasksOf } from './support.js';

const [path, table = '', session = '', tasks] = process.argv.slice(2);
const connection = connectLocally({ table, dynamo: await startDynamoDb(path) });
const writer = new TableWriter(connection);
await new TableReader(connection).create(undefined);
const rows = tasksOf(session, Number(tasks));
await writer.insert(rows, undefined);
await Promise.all(
  rows.map(async ({ taskId }) => {
    for (let round = 1; ; round++) {
      await writer.claim(taskId, `worker-${String(round)}`, round, 'handle');
      await writer.retry(taskId, round);
      process.send?.(round);
    }
  }),
);
