/** Rows: what the grids yield, as plain objects whose properties answer the graph's fields. */
import type { Constraint } from '../query/constraint.js';
import type { Ref, Satisfying, Value } from '../query/predicate.js';
import type { RowType } from '../query/source.js';
import type { Failure, WorkState } from './state.js';

/** One attribute of a grid's own record, three-valued: defined, undefined, redacted. */
export interface AttributeView {
  readonly name: string;
  readonly defined: boolean;
  readonly redacted: boolean;
  readonly expression: string | null;
  readonly value: unknown;
}

/** A grid's own record behind a row: a ClassAd, or nothing for grids without free attributes. */
export interface NativeRecord extends Satisfying {
  /** The attribute's value for filters, order and groups; missing, hidden and unevaluated ones are undefined. */
  value(name: string): Value;
  attribute(name: string): AttributeView;
  /** Whether an expression of a client is true of the record, without what is hidden. */
  satisfies(constraint: Constraint): boolean;
  /** The whole record for a client: expressions as their text, what is hidden left out. */
  json(): Readonly<Record<string, unknown>>;
  /** The names that the record holds and a client may see, sorted. */
  names(): readonly string[];
}

export interface Row {
  readonly __typename: string;
  /** The global id of the graph. */
  readonly id: string;
  readonly gridName: string;
  readonly idKey: readonly (string | number)[];
  readonly record?: NativeRecord;
}

/** The fields that tasks and jobs share; only those that were asked for are there. Times are epoch ms. */
export interface WorkFields {
  readonly nativeId: string;
  readonly state: WorkState;
  readonly nativeState: string;
  readonly terminal: boolean;
  readonly owner: string | null;
  readonly attempts: number;
  readonly submittedAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly waitMs: number | null;
  readonly runMs: number | null;
  readonly failure: Failure | null;
}

export interface WorkRow extends Row, Partial<WorkFields> {
  readonly __typename: 'Task' | 'Job';
}

/** How the query engine reads any row; `idKey.2` is the third part of its key. */
export const rows: RowType<Row> = {
  read(row: Row, ref: Ref): Value {
    if ('attribute' in ref) return row.record?.value(ref.attribute);
    if (ref.field.startsWith('idKey.')) return row.idKey[Number(ref.field.slice(6))];
    return (row as unknown as Record<string, Value>)[ref.field];
  },
  idKey: (row) => row.idKey,
};
