/** What a job's own expressions ask for: at its exit, and periodically. */
import { Expression } from '../../../classad/ad.js';
import { status, type Job } from './job.js';
import { textOf, truth } from './evaluation.js';
import type { Hold } from './hold.js';

export type ExitWish =
  | ({ readonly kind: 'HOLD' } & Hold)
  | { readonly kind: 'REQUEUE' }
  | { readonly kind: 'COMPLETE'; readonly stays: boolean };

export type PeriodicWish =
  | ({ readonly kind: 'HOLD' } & Hold)
  | { readonly kind: 'RELEASE' | 'REMOVE'; readonly reason: string }
  | { readonly kind: 'LEAVE' };

/** on_exit_hold before on_exit_remove, as HTCondor has it; max_retries is written as the latter. */
export function onExit(job: Job): ExitWish {
  if (truth(job.ad, 'OnExitHold')) return { kind: 'HOLD', ...policyHold(job, 'OnExitHold') };
  if (job.ad.has('OnExitRemove') && !truth(job.ad, 'OnExitRemove')) return { kind: 'REQUEUE' };
  return { kind: 'COMPLETE', stays: truth(job.ad, 'LeaveJobInQueue') };
}

/** Only expressions are looked at: the constants are the defaults, which ask for nothing. */
export function periodic(job: Job): PeriodicWish | undefined {
  const asks = (name: string): boolean =>
    job.ad.get(name) instanceof Expression && truth(job.ad, name);
  const because = (name: string): string =>
    `The job attribute ${name} expression '${textOf(job.ad, name)}' evaluated to TRUE`;
  switch (job.status) {
    case status.completed:
      return truth(job.ad, 'LeaveJobInQueue') ? undefined : { kind: 'LEAVE' };
    case status.held:
      if (asks('PeriodicRemove')) return { kind: 'REMOVE', reason: because('PeriodicRemove') };
      return asks('PeriodicRelease')
        ? { kind: 'RELEASE', reason: because('PeriodicRelease') }
        : undefined;
    case status.idle:
    case status.running:
      if (asks('PeriodicRemove')) return { kind: 'REMOVE', reason: because('PeriodicRemove') };
      return asks('PeriodicHold')
        ? { kind: 'HOLD', ...policyHold(job, 'PeriodicHold') }
        : undefined;
    default:
      return undefined;
  }
}

/** Code 3, JobPolicy; reason and subcode are the job's to say. */
function policyHold({ ad }: Job, name: 'OnExitHold' | 'PeriodicHold'): Hold {
  return {
    reason:
      ad.string(`${name}Reason`) ??
      `The job attribute ${name} expression '${textOf(ad, name)}' evaluated to TRUE`,
    code: 3,
    subCode: ad.number(`${name}SubCode`) ?? 0,
  };
}
