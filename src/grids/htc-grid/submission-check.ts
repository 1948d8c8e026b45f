/** What may be submitted, and by what a repeated submission is told from another one under the same key. */
import { createHash } from 'node:crypto';
import { GridError } from '../../errors.js';
import type { SubmitTasks } from '../tasks.js';

export interface SubmissionLimits {
  /** Tasks in one submission. @default 10_000 */
  readonly maxPayloads?: number;
  /** Bytes of one payload as JSON. @default 1_048_576 */
  readonly maxPayloadBytes?: number;
  /** Priorities are 0 to this, larger first. @default 9 */
  readonly maxPriority?: number;
  /** Tasks that may wait in the queue. @default 1_000_000 */
  readonly maxQueued?: number;
}

export const submissionDefaults = {
  maxPayloads: 10_000,
  maxPayloadBytes: 1024 * 1024,
  maxPriority: 9,
  maxQueued: 1_000_000,
} as const satisfies Required<SubmissionLimits>;

const maxKeyLength = 200;

/** Refuses what the grid could not run; gives a hash of what it is asked to run. */
export function checkedHash(
  { payloads, priority, idempotencyKey }: SubmitTasks,
  limits: Required<SubmissionLimits> & { readonly queued: () => number },
): string {
  const { maxPayloads, maxPayloadBytes, maxPriority, maxQueued, queued } = limits;
  if (payloads.length === 0) throw invalid('A session needs at least one payload; got none.');
  if (payloads.length > maxPayloads)
    throw invalid(
      `A submission has at most ${String(maxPayloads)} payloads; got ${String(payloads.length)}. Submit several sessions.`,
    );
  if (queued() + payloads.length > maxQueued)
    throw new GridError(
      'TOO_MANY_REQUESTS',
      `${String(queued())} tasks wait in the queue, at most ${String(maxQueued)} may; submit later.`,
    );
  if (
    priority !== undefined &&
    !(Number.isInteger(priority) && priority >= 0 && priority <= maxPriority)
  )
    throw invalid(`A priority is 0 to ${String(maxPriority)}; got ${String(priority)}.`);
  if (
    idempotencyKey !== undefined &&
    (idempotencyKey === '' || idempotencyKey.length > maxKeyLength)
  )
    throw invalid(`An idempotency key has 1 to ${String(maxKeyLength)} characters.`);
  const hash = createHash('sha256').update(String(priority ?? 0));
  for (const [index, payload] of payloads.entries()) {
    const json: string | undefined = JSON.stringify(payload);
    if (json === undefined) throw invalid(`Payload ${String(index)} is not a JSON value.`);
    const bytes = Buffer.byteLength(json);
    if (bytes > maxPayloadBytes)
      throw invalid(
        `Payload ${String(index)} has ${String(bytes)} bytes as JSON, at most ${String(maxPayloadBytes)} may be sent.`,
      );
    hash.update('\n').update(json);
  }
  return hash.digest('base64url');
}

const invalid = (message: string): GridError => new GridError('BAD_USER_INPUT', message);
