/** The state of a job: JobStatus and what qualifies it, as values here and as conditions in the schedd. */
import type { Ad } from '../../classad/ad.js';
import type { Failure, WorkState } from '../state.js';

export const stateAttributes = ['JobStatus', 'HoldReasonCode', 'ExitBySignal', 'ExitCode'] as const;

/** Index = JobStatus. */
const nativeStates = [
  undefined,
  'Idle',
  'Running',
  'Removed',
  'Completed',
  'Held',
  'TransferringOutput',
  'Suspended',
] as const;

/** A held job whose input is still being copied into the spool waits like an idle one. */
const spoolingInput = 16;

export const nativeStateOf = (ad: Ad): string =>
  nativeStates[ad.number('JobStatus') ?? 0] ?? 'Unknown';

export function stateOf(ad: Ad): WorkState {
  switch (ad.number('JobStatus')) {
    case 1:
      return 'QUEUED';
    case 2:
    case 6:
      return 'RUNNING';
    case 3:
      return 'CANCELLED';
    case 4:
      return ad.boolean('ExitBySignal') !== true && ad.number('ExitCode') === 0
        ? 'SUCCEEDED'
        : 'FAILED';
    case 5:
      return ad.number('HoldReasonCode') === spoolingInput ? 'QUEUED' : 'HELD';
    case 7:
      return 'SUSPENDED';
    default:
      return 'UNKNOWN';
  }
}

/** Another one in each state that the job enters, the same in queue and history. */
export const revisionOf = (ad: Ad): string =>
  `${ad.number('JobStatus') ?? 0}-${ad.number('EnteredCurrentStatus') ?? 0}`;

/** Completed or removed: such a job may stay in the queue for a while. */
export const isOver = (ad: Ad): boolean => {
  const status = ad.number('JobStatus');
  return status === 3 || status === 4;
};

/** Whether JobStatus alone does not say the state: how a completed job ended, why a job is held. */
export const isQualified = (ad: Ad): boolean => {
  const status = ad.number('JobStatus');
  return status === 4 || status === 5;
};
export const qualified = '(JobStatus =?= 4 || JobStatus =?= 5)';

const succeeded = '(ExitBySignal =!= true && ExitCode =?= 0)';
const spooling = `HoldReasonCode =?= ${spoolingInput}`;
const otherStatus = '!(member(JobStatus, {1, 2, 3, 4, 5, 6, 7}) =?= true)';

export const stateCases: Readonly<Record<WorkState, string>> = {
  QUEUED: `(JobStatus =?= 1 || (JobStatus =?= 5 && ${spooling}))`,
  RUNNING: '(JobStatus =?= 2 || JobStatus =?= 6)',
  SUSPENDED: '(JobStatus =?= 7)',
  HELD: `(JobStatus =?= 5 && !(${spooling}))`,
  SUCCEEDED: `(JobStatus =?= 4 && ${succeeded})`,
  FAILED: `(JobStatus =?= 4 && !${succeeded})`,
  CANCELLED: '(JobStatus =?= 3)',
  UNKNOWN: `(${otherStatus})`,
};

export const nativeStateCases: Readonly<Record<string, string>> = Object.fromEntries([
  ...nativeStates.flatMap((name, status) =>
    name === undefined ? [] : [[name, `(JobStatus =?= ${status})`]],
  ),
  ['Unknown', `(${otherStatus})`],
]) as Record<string, string>;

export const failureAttributes = [
  ...stateAttributes,
  'ExitSignal',
  'ExitReason',
  'HoldReason',
  'HoldReasonSubCode',
  'RemoveReason',
] as const;

export function failureOf(ad: Ad): Failure | null {
  const none = { message: null, exitCode: null, signal: null, holdCode: null, holdSubcode: null };
  switch (stateOf(ad)) {
    case 'HELD':
      return {
        ...none,
        kind: 'HELD',
        message: ad.string('HoldReason'),
        holdCode: ad.number('HoldReasonCode'),
        holdSubcode: ad.number('HoldReasonSubCode'),
      };
    case 'CANCELLED':
      return { ...none, kind: 'CANCELLED', message: ad.string('RemoveReason') };
    case 'FAILED': {
      const message = ad.string('ExitReason');
      if (ad.boolean('ExitBySignal') === true) {
        return { ...none, kind: 'SIGNAL', message, signal: ad.number('ExitSignal') };
      }
      const exitCode = ad.number('ExitCode');
      return { ...none, kind: exitCode === null ? 'UNKNOWN' : 'EXIT_CODE', message, exitCode };
    }
    case 'QUEUED':
    case 'RUNNING':
    case 'SUSPENDED':
    case 'SUCCEEDED':
    case 'UNKNOWN':
      return null;
  }
}
