/** A graph over a table with two sessions that others submitted, asked for pages of their tasks. */
import { encodeId } from '../../src/grids/id.js';
import { connectLocally } from '../../src/grids/htc-grid/connection-local.js';
import { startDynamoDb } from '../../src/grids/htc-grid/dynamodb-thread.js';
import { openTaskGrid } from '../../src/grids/htc-grid/index.js';
import { newSessionId } from '../../src/grids/htc-grid/session-id.js';
import { taskIdOf } from '../../src/grids/htc-grid/status.js';
import { TableReader } from '../../src/grids/htc-grid/table.js';
import { TableWriter } from '../../src/grids/htc-grid/table-writer.js';
import type { Started } from '../child.js';
import { Graph } from '../graph.js';
import { timed } from '../measure.js';

export interface TaskPagesSettings {
  readonly small: number;
  readonly large: number;
}

const name = 'prod';
const table = 'htc_tasks_state_table-pages';

const document = (total: string): string => /* GraphQL */ `
  query ($session: ID!) {
    tasks(filter: { sessions: [$session] }, first: 100) {
      ${total}
      nodes { index state attempts }
    }
  }
`;

interface Page {
  readonly tasks: { readonly totalCount?: number; readonly nodes: readonly object[] };
}

export async function start({ small, large }: TaskPagesSettings): Promise<Started> {
  const dynamo = await startDynamoDb(undefined);
  const connection = connectLocally({ table, dynamo });
  await new TableReader(connection).create(undefined);
  const writer = new TableWriter(connection);
  const submit = async (tasks: number): Promise<string> => {
    const sessionId = newSessionId();
    await writer.insert(
      Array.from({ length: tasks }, (_, index) => ({
        taskId: taskIdOf(sessionId, index),
        sessionId,
        priority: 0,
        submittedAt: Date.now(),
      })),
      undefined,
    );
    return encodeId('Session', name, sessionId);
  };
  const [ofSmall, ofLarge] = [await submit(small), await submit(large)];
  const grid = await openTaskGrid({
    name,
    table: {
      table,
      region: 'local',
      endpoint: dynamo.endpoint,
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    },
    deadlineMs: 120_000, // a slow machine is not what is measured
  });
  const graph = await Graph.over(grid);
  const page = (session: string, tasks: number, total = '') =>
    timed(async () => {
      const answer = await graph.ask<Page>(document(total), { session });
      const { nodes, totalCount = tasks } = answer.tasks;
      if (nodes.length !== 100 || totalCount !== tasks) throw new Error('Another page came.');
    });
  return {
    url: '',
    answers: {
      small: () => page(ofSmall, small),
      large: () => page(ofLarge, large),
      largeWithTotal: () => page(ofLarge, large, 'totalCount'),
    },
    async stop() {
      graph.close();
      await grid.stop();
      connection.close();
      await dynamo.stop();
    },
  };
}
