/** A session as a row of the graph: what this server recorded of it, nulls for one that was submitted elsewhere. */
import { encodeId } from '../id.js';
import type { SessionRow } from '../tasks.js';
import type { SessionEntry } from './registry.js';

export function sessionRow(
  grid: string,
  session: string,
  entry: SessionEntry | undefined,
): SessionRow {
  return {
    __typename: 'Session',
    id: encodeId('Session', grid, session),
    gridName: grid,
    idKey: [grid, session],
    nativeId: session,
    owner: entry?.owner ?? null,
    submittedAt: entry?.submittedAt ?? null,
    submission:
      entry === undefined
        ? null
        : {
            state: entry.state,
            expected: entry.expected,
            accepted: entry.accepted,
            error: entry.error,
          },
  };
}
