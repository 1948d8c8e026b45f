/** What one source contributed to one answer. */
import type { ErrorCode, GridError } from '../errors.js';

export type SourceStatus = 'OK' | 'PARTIAL' | 'UNAVAILABLE' | 'TIMED_OUT' | 'FORBIDDEN';

export interface SourceReport {
  readonly gridName: string;
  readonly part: string | null;
  readonly status: SourceStatus;
  readonly returned: number;
  readonly scanned: number | null;
  readonly truncated: boolean;
  readonly asOf: number | null;
  readonly latencyMs: number;
  readonly pushedDown: string | null;
  readonly error: SourceError | null;
}

export interface SourceError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
}

/** Of a part of a grid that was asked for something else than rows, and did not give it. */
export const missing = (gridName: string, part: string, error: GridError): SourceReport => ({
  gridName,
  part,
  status: statusOf(error, false),
  returned: 0,
  scanned: null,
  truncated: false,
  asOf: null,
  latencyMs: 0,
  pushedDown: null,
  error: describe(error),
});

export function statusOf({ code }: GridError, contributed: boolean): SourceStatus {
  if (contributed) return 'PARTIAL';
  return code === 'TIMED_OUT' || code === 'FORBIDDEN' ? code : 'UNAVAILABLE';
}

export const describe = (error: GridError): SourceError => ({
  code: error.code,
  message: error.message,
  retryable: error.retryable,
  retryAfterMs: error.retryAfterMs ?? null,
});
