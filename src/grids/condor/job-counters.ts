/**
 * The schedd's own counters of each owner's jobs by status (`condor_qusers`): answered in the daemon, without a look at
 * the queue, however long it is.
 */
import { Ad } from '../../classad/ad.js';
import type { Ref } from '../../query/predicate.js';
import { GridError } from '../../errors.js';
import { collectAds, addressed, type Pool, type Schedd } from './pool.js';

/** JobStatus by the name of its counter; the counter of running jobs has those that transfer output as well. */
const statuses = {
  Idle: 1,
  Running: 2,
  Removed: 3,
  Completed: 4,
  Held: 5,
  Suspended: 7,
} as const;

/** Milliseconds until a schedd that gave no counters is asked for them again. */
const askAgainMs = 60_000;

export class JobCounters {
  private readonly without = new Map<string, number>();

  constructor(private readonly pool: Pool) {}

  /** One ad for each owner and status, as `-group-by` gives them; undefined where counters don't say it exactly. */
  async groups(
    schedd: Schedd,
    by: readonly Ref[],
    signal: AbortSignal,
  ): Promise<readonly Ad[] | undefined> {
    const saidBy = by.map(precision);
    if (saidBy.includes('none') || performance.now() < (this.without.get(schedd.name) ?? 0)) {
      return undefined;
    }
    const counted = await this.ask(schedd, signal);
    if (counted === undefined) {
      this.without.set(schedd.name, performance.now() + askAgainMs);
      return undefined;
    }
    const merged = counted.some((ad) => ad.number('JobStatus') === statuses.Running);
    return merged && saidBy.includes('status') ? undefined : counted;
  }

  private async ask(schedd: Schedd, signal: AbortSignal): Promise<readonly Ad[] | undefined> {
    const args = [...addressed(this.pool, schedd), '-long:json'];
    try {
      return countsOf(await collectAds(this.pool, { program: 'condor_qusers', args }, signal));
    } catch (error) {
      // Where the program or the right to run it is missing, the queue is asked; a busy or silent pool is not asked more.
      const code = error instanceof GridError ? error.code : undefined;
      if (signal.aborted || code === undefined || code === 'THROTTLED' || code === 'TIMED_OUT') {
        throw error;
      }
      return undefined;
    }
  }
}

/** How far counters by owner and status say a ref: always, where nobody runs, or not at all. */
function precision(ref: Ref): 'state' | 'status' | 'none' {
  const says: Readonly<Record<string, 'state' | 'status'>> = 'field' in ref ? fields : attributes;
  const name = 'field' in ref ? ref.field : ref.attribute.toLowerCase();
  return (Object.hasOwn(says, name) ? says[name] : undefined) ?? 'none';
}

const fields = {
  owner: 'state',
  state: 'state',
  terminal: 'state',
  nativeState: 'status',
} as const;
const attributes = { owner: 'state', jobstatus: 'status' } as const;

/** Undefined where the records are not what is known of them: then they are not understood. */
function countsOf(records: readonly Ad[]): readonly Ad[] | undefined {
  const owners = new Set<string>();
  const counts: Ad[] = [];
  for (const record of records) {
    const Owner = record.string('Owner');
    if (Owner === null) continue; // a project
    // Two domains may have users of one name, which the jobs would not tell apart.
    if (owners.has(Owner) || record.string('User')?.startsWith(`${Owner}@`) !== true) {
      return undefined;
    }
    owners.add(Owner);
    let sum = 0;
    for (const [name, JobStatus] of Object.entries(statuses)) {
      const JobCount =
        (record.number(`Num${name}`) ?? 0) + (record.number(`NumScheduler${name}`) ?? 0);
      sum += JobCount;
      if (JobCount > 0) counts.push(new Ad({ Owner, JobStatus, JobCount }));
    }
    const all = record.number('NumJobs');
    if (all === null || sum !== all + (record.number('NumSchedulerJobs') ?? 0)) return undefined;
  }
  return owners.size === 0 ? undefined : counts;
}
