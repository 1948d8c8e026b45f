/** Ends of tasks as a stream tells them: each with its row, for those who may see it. */
import { rows } from '../src/grids/row.js';
import type { Completion, TaskGrid, TaskRow } from '../src/grids/tasks.js';
import type { Projection } from '../src/query/plan.js';
import { matches, type Predicate } from '../src/query/predicate.js';
import type { GraphContext } from './context.js';

/** An end, with its row once the filter has looked at it. */
export type TaskEnd = Completion & { readonly row?: TaskRow };

export interface TaskEndsRequest {
  readonly grid: TaskGrid;
  /** What the rows show, and what the filter reads. */
  readonly shown: Projection;
  /** What the caller may see, and asks for. */
  readonly filter: Predicate;
}

/**
 * Ends that pass the filter, each with its row: as it is now, or as the end tells it where nothing else
 * is shown. One that can't be read fails the stream.
 */
export async function taskEnds<End extends Completion>(
  ends: readonly End[],
  { grid, shown, filter }: TaskEndsRequest,
  { recent }: GraphContext,
): Promise<readonly (End & { readonly row: TaskRow })[]> {
  const told = await grid.rowsOf(ends, shown.fields);
  const keys = ends
    .filter((_, i) => told[i] === undefined)
    .map(({ taskId, revision }) => ({ id: taskId, revision }));
  const found = keys.length === 0 ? [] : ((await recent.get(grid.name)?.load(keys)) ?? []);
  const read = found.values();
  return ends.flatMap((end, i): readonly (End & { readonly row: TaskRow })[] => {
    const row = told[i] ?? read.next().value;
    if (row instanceof Error) throw row;
    return row && matches(filter, row, rows.read) ? [{ ...end, row }] : [];
  });
}

/** The log of all ends of an HTC-Grid. */
export const taskLogOf = (grid: string): string => `htc:${grid}`;
