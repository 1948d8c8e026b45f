/** What one source contributed to one answer. */
import type { ErrorCode } from '../errors.js';

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
