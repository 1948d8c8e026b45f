/** Rows of the state table as rows of the graph: exactly the fields that were asked for. */
import type { Projection } from '../../query/plan.js';
import { encodeId } from '../id.js';
import { isTerminal } from '../state.js';
import type { TaskRow } from '../tasks.js';
import type { Beside, FieldName } from './fields.js';
import { fieldNames, isField, taskFields } from './fields.js';
import type { TaskItem } from './item.js';
import { indexOf, parseStatus } from './status.js';

export interface RowContext {
  readonly grid: string;
  beside(item: TaskItem): Beside;
}

/** Everything the table and the registry answer; `failure` needs the outputs, so it is asked for by name. */
export const rowFields: Projection = {
  fields: new Set<string>(fieldNames.filter((name) => name !== 'failure')),
  attributes: new Set(),
};

export function taskRow(item: TaskItem, fields: ReadonlySet<string>, context: RowContext): TaskRow {
  const beside = context.beside(item);
  const status = parseStatus(item.status);
  const row: TaskRow = {
    __typename: 'Task',
    id: encodeId('Task', context.grid, item.taskId),
    gridName: context.grid,
    idKey: idKeyOf(context.grid, item),
    nativeId: item.taskId,
    sessionId: item.sessionId,
    state: status.state,
    nativeState: status.native,
    terminal: isTerminal(status.state),
    owner: beside.owner,
    index: indexOf(item.taskId),
  };
  const asked: Record<string, unknown> = {};
  for (const name of fields)
    if (isField(name) && isReadable(name, item, beside))
      asked[name] = taskFields[name].decode(item, beside);
  return Object.assign(row, asked);
}

const idKeyOf = (
  grid: string,
  item: Pick<TaskItem, 'taskId' | 'sessionId'>,
): readonly (string | number)[] => [grid, item.sessionId, indexOf(item.taskId) ?? -1];

/** A finished task's failure is not known before its output was looked at: the field stays absent then. */
function isReadable(name: FieldName, item: TaskItem, beside: Beside): boolean {
  return (
    name !== 'failure' ||
    beside.functionError !== undefined ||
    parseStatus(item.status).known !== 'finished'
  );
}
