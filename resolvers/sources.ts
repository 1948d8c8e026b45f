/** The sources of a list over several grids; a grid that can't even say what it has becomes a report. */
import type { GridError } from '../src/errors.js';
import { asGridError } from '../src/errors.js';
import type { AnyGrid } from '../src/grids/grid.js';
import type { GridRegistry } from '../src/grids/registry.js';
import type { StringMatch } from '../schema/match.js';
import type { Source } from '../src/query/source.js';

/** The grid's name as a filter gives it alone; UNKNOWN_GRID for names nobody configured. */
export function namedGrid(
  grids: GridRegistry,
  match: StringMatch | null | undefined,
): string | undefined {
  for (const name of [match?.eq, ...(match?.in ?? [])]) if (name != null) grids.get(name);
  return match?.eq ?? (match?.in?.length === 1 ? match.in[0] : undefined);
}

export async function sourcesOf<G extends AnyGrid, Row>(
  grids: readonly G[],
  open: (grid: G) => Promise<readonly Source<Row>[]> | readonly Source<Row>[],
): Promise<readonly Source<Row>[]> {
  const opened = await Promise.all(
    grids.map(async (grid) => {
      try {
        return await open(grid);
      } catch (error) {
        return [silent<Row>(grid, asGridError(error))];
      }
    }),
  );
  return opened.flat();
}

/** A source that could not be opened: asking it gives the reason. */
function silent<Row>({ name, kind }: AnyGrid, error: GridError): Source<Row> {
  return {
    grid: name,
    part: undefined,
    deadlineMs: 60_000,
    known: (ref) => ('field' in ref ? { gridName: name, kind }[ref.field] : undefined),
    // eslint-disable-next-line require-yield -- its one step is to fail
    async *scan() {
      throw error;
    },
  };
}
