/**
 * A source: one part of one grid (a schedd's queue, a session index) that can be listed. The engine
 * in `list.ts` asks for the cheapest thing that answers the plan; only `scan` must be there.
 */
import type { Predicate, Read, Ref, Value } from './predicate.js';
import type { PageRequest, Projection } from './plan.js';

/** Values by row: how the engine reads a row without knowing its shape. */
export interface RowType<Row> {
  readonly read: Read<Row>;
  /** The row's place in id order; comparable element by element across all sources of a list. */
  readonly idKey: (row: Row) => readonly (string | number)[];
}

/** What the grid told about one answer, filled while the rows are read. */
export interface SourceNotes {
  /** Records the grid looked at, where it is known. */
  scanned?: number;
  /** True when a limit cut the rows: the answer is then a lower bound. */
  truncated?: boolean;
  /** The expression or key condition that the grid itself evaluated. */
  pushedDown?: string;
  /** Epoch milliseconds: when the grid gave the data. */
  asOfMs?: number;
  /** A failure after which the rows read so far still stand: status PARTIAL. */
  partial?: Error;
}

export interface SourceRequest {
  /** The whole filter of the list, with the source's known refs decided. */
  readonly filter: Predicate;
  readonly notes: SourceNotes;
  readonly signal: AbortSignal;
}

/** A row that stands for `count` rows alike in the refs that were asked for. */
export interface Tally<Row> {
  readonly row: Row;
  readonly count: number;
}

/** Rows of one page in id order, at most `limit`, and whether more lie on either side within the filter. */
export interface Window<Row> {
  readonly rows: readonly Row[];
  readonly more: { readonly before: boolean; readonly after: boolean };
}

export interface Source<Row> {
  readonly grid: string;
  /** A schedd, where a pool has several; also tells queue from history. */
  readonly part: string | undefined;
  /** How long the source may take before it is reported as TIMED_OUT; widening may take as long again. */
  readonly deadlineMs: number;
  /** The value of a ref that is the same for every row of the source (grid, kind, schedd), else undefined. */
  known(ref: Ref): Value;
  /** Throws where the grid keeps one of these refs from clients: what a client filters, orders, groups or sums up by. */
  admits?(refs: readonly Ref[], signal: AbortSignal): Promise<void>;
  /** Rows that one list may read of it, where the grid limits that; `scan` stops there by itself. */
  readonly maxRows?: number;
  /** Every row that passes the filter, in any order; the filter is applied in full, here or in the grid. */
  scan(request: SourceRequest & { readonly projection: Projection }): AsyncIterable<Row>;
  /**
   * Counts made by the grid, by the given refs; undefined where the grid can't count by them. Nothing
   * is read before the first batch is taken: the engine may still prefer a scan.
   */
  tally?(
    request: SourceRequest & { readonly by: readonly Ref[] },
  ): AsyncIterable<readonly Tally<Row>[]> | undefined;
  /** One page in id order without reading the rest; undefined where that is not cheaper than a scan. */
  window?(
    request: SourceRequest & { readonly page: PageRequest; readonly projection: Projection },
  ): Promise<Window<Row>> | undefined;
  /** The same rows again with more of their fields; a row that is gone in between stays as it is. */
  widen?(
    rows: readonly Row[],
    request: Pick<SourceRequest, 'signal'> & { readonly projection: Projection },
  ): Promise<readonly Row[]>;
}
