/** Names and status encoding of the state table (docs/grids/htc-grid.md, "Status encoding"). */
import { createHash } from 'node:crypto';
import { GridError } from '../../errors.js';
import type { WorkState } from '../state.js';

export const partitions = 32;

/** The states a current HTC-Grid writes, in the order in which a task can pass them. */
export const nativeStates = ['pending', 'processing', 'finished', 'failed', 'cancelled'] as const;
export type NativeState = (typeof nativeStates)[number];

const workStateOf = {
  pending: 'QUEUED',
  processing: 'RUNNING',
  finished: 'SUCCEEDED',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
} as const satisfies Record<NativeState, WorkState>;

/** State names of earlier releases; `inconsistent` and anything else stay UNKNOWN. */
const earlier: Readonly<Record<string, NativeState>> = { retrying: 'pending' };

export interface Status {
  /** The state's name as the table has it, without the partition. */
  readonly native: string;
  /** The same as one of today's five states; undefined where it is none. */
  readonly known: NativeState | undefined;
  readonly state: WorkState;
}

/** MD5 of the session id as a big-endian integer modulo 32: the low five bits of the last byte. */
export function partitionOf(sessionId: string): number {
  const digest = createHash('md5').update(sessionId, 'utf8').digest();
  return digest.readUInt8(15) % partitions;
}

export const statusOf = (state: NativeState, sessionId: string): string =>
  state + String(partitionOf(sessionId));

/** The status of a row: digits (and what may part them from the name) are the partition. */
export function parseStatus(text: string): Status {
  const native = text.replace(/[-_]?\d+$/, '');
  const known = nativeStates.find((state) => state === native) ?? earlier[native];
  return { native, known, state: known === undefined ? 'UNKNOWN' : workStateOf[known] };
}

export const workState = (state: NativeState): WorkState => workStateOf[state];

export const taskIdOf = (sessionId: string, index: number): string =>
  `${sessionId}_${String(index)}`;

/** The part of a task id that every conditional update takes for the session. */
export function sessionOf(taskId: string): string {
  const cut = taskId.indexOf('_');
  return cut < 0 ? taskId : taskId.slice(0, cut);
}

/** A task's place in its submission; null for an id of another form. */
export function indexOf(taskId: string): number | null {
  const digits = /^[^_]*_(\d{1,15})$/.exec(taskId)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** True where tasks of such a session can be claimed at all; with `_` in it they get two partitions. */
export const isSessionId = (text: string): boolean => /^[A-Za-z0-9-]{1,64}$/.test(text);

export function checkSessionId(text: string): void {
  if (isSessionId(text)) return;
  throw new GridError(
    'BAD_USER_INPUT',
    `A session id has 1 to 64 letters, digits and "-" (never "_"); got ${JSON.stringify(text.slice(0, 80))}.`,
  );
}
