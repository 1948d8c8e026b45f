/** Reads what condor_hold, condor_release and condor_rm say of each job (docs/grids/htcondor.md, "Acting"). */
import type { ActionStatus } from '../../action.js';

export interface Said {
  readonly status: ActionStatus;
  readonly message: string | null;
}

interface Rule {
  /** Names the job as `cluster.proc` in its one group. */
  readonly says: RegExp;
  readonly status: ActionStatus;
  readonly message: string | null;
}

const id = String.raw`(\d+\.\d+)`;
const rules: readonly Rule[] = [
  {
    says: new RegExp(`^Job ${id} (?:held|released|marked for removal)$`),
    status: 'DONE',
    message: null,
  },
  {
    says: new RegExp(`^Job ${id} already held$`),
    status: 'ALREADY_DONE',
    message: 'The job is held.',
  },
  {
    says: new RegExp(`^Job ${id} already marked for removal$`),
    status: 'ALREADY_DONE',
    message: 'The job is being removed.',
  },
  {
    says: new RegExp(`^Job ${id} not held to be released$`),
    status: 'BAD_STATE',
    message: 'The job is not held.',
  },
  {
    says: new RegExp(`^Job ${id} not found$`),
    status: 'NOT_FOUND',
    message: 'The job has left the queue.',
  },
  {
    says: new RegExp(`^Permission denied to .* job ${id}$`),
    status: 'FORBIDDEN',
    message: 'The pool does not let the account that acts do that to this job.',
  },
];

/** By `cluster.proc`. A job that is named twice keeps what was said first: the second time it is done already. */
export function outcomesIn(output: string): ReadonlyMap<string, Said> {
  const found = new Map<string, Said>();
  for (const raw of output.split('\n')) {
    const line = raw.trim();
    for (const { says, status, message } of rules) {
      const job = says.exec(line)?.[1];
      if (job === undefined) continue;
      if (!found.has(job)) found.set(job, { status, message });
      break;
    }
  }
  return found;
}
