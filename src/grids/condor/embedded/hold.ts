/** A job on hold: why, and what its ad says of it. */
import type { AdValue } from '../../../classad/ad.js';
import type { Attributes } from './attributes.js';
import type { Job } from './job.js';

export interface Hold {
  readonly reason: string;
  readonly code: number;
  readonly subCode: number;
}

export const heldFor = ({ reason, code, subCode }: Hold): Attributes => ({
  HoldReason: reason,
  HoldReasonCode: code,
  HoldReasonSubCode: subCode,
});

export const notHeld: Attributes = {
  HoldReason: undefined,
  HoldReasonCode: undefined,
  HoldReasonSubCode: undefined,
};

/** The holds of the job with one more. */
export function countedHold(job: Job, code: number): Attributes {
  const name = holdNames[code] ?? 'Other';
  const counts = (job.ad.get('NumHoldsByReason') ?? {}) as Readonly<Record<string, AdValue>>;
  return {
    ...job.up('NumHolds', ...(code === 1 ? [] : ['NumSystemHolds'])),
    NumHoldsByReason: { ...counts, [name]: Number(counts[name] ?? 0) + 1 },
  };
}

/** Names of the codes that the pool uses, for NumHoldsByReason. */
const holdNames: Readonly<Record<number, string>> = {
  1: 'UserRequest',
  3: 'JobPolicy',
  6: 'FailedToCreateProcess',
  46: 'JobDurationExceeded',
  47: 'JobExecuteExceeded',
};
