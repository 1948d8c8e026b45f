/** The sessions of a grid as a source of a list: few rows, filtered and paged here. */
import type { SessionRow, TaskGrid } from '../src/grids/tasks.js';
import { rows } from '../src/grids/row.js';
import { matches } from '../src/query/predicate.js';
import type { Source } from '../src/query/source.js';

const deadlineMs = 15_000;

export const sessionSource = (
  grid: TaskGrid,
  query: { readonly active: boolean | undefined },
  signal: AbortSignal,
): Source<SessionRow> => ({
  grid: grid.name,
  part: undefined,
  deadlineMs,
  known: (ref) => ('field' in ref && ref.field === 'gridName' ? grid.name : undefined),
  async *scan({ filter, notes }) {
    const { rows: found, scanned, truncated, lookedAt } = await grid.sessions(query, signal);
    Object.assign(notes, { scanned, truncated, pushedDown: lookedAt, asOfMs: Date.now() });
    for (const row of found) if (matches(filter, row, rows.read)) yield row;
  },
});
