/** The ads of the daemons that the embedded pool stands for: they run in this process. */
import type { Ad } from '../../../classad/ad.js';
import type { AdType } from '../../jobs.js';
import { adOf, type Attributes } from './attributes.js';
import { status, type Job } from './job.js';
import type { Negotiator } from './negotiator.js';
import type { Schedd } from './schedd.js';
import { platform, seconds, type Slots } from './slots.js';

export interface Daemons {
  readonly poolName: string;
  readonly machine: string;
  readonly version: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly schedd: Schedd;
  readonly slots: Slots;
  readonly negotiator: Negotiator;
}

/** The ads of one type now; types that such a pool can't have are empty. */
export function adsOf(daemons: Daemons, type: AdType, now: number): readonly Ad[] {
  switch (type) {
    case 'ANY':
      return (
        ['COLLECTOR', 'MASTER', 'NEGOTIATOR', 'SCHEDD', 'SLOT', 'SUBMITTER'] as const
      ).flatMap((each) => adsOf(daemons, each, now));
    case 'COLLECTOR':
      return [daemonAd(daemons, now, 'Collector', collector(daemons))];
    case 'MASTER':
      return [daemonAd(daemons, now, 'DaemonMaster', { RealUid: process.getuid?.() ?? 0 })];
    case 'NEGOTIATOR':
      return [daemonAd(daemons, now, 'Negotiator', lastCycle(daemons))];
    case 'SCHEDD':
      return [daemonAd(daemons, now, 'Scheduler', schedd(daemons))];
    case 'STARTD':
      return [daemonAd(daemons, now, 'StartD', startd(daemons))];
    case 'SLOT':
      return daemons.slots.all.map((slot) => daemons.slots.ad(slot, now));
    case 'SUBMITTER':
      return submitters(daemons, now);
    case 'ACCOUNTING':
    case 'GRID_RESOURCE':
    case 'DEFRAG':
    case 'GENERIC':
    case 'LICENSE':
    case 'HAD':
    case 'CREDD':
      return [];
    default:
      return type satisfies never;
  }
}

const daemonAd = (daemons: Daemons, now: number, myType: string, more: Attributes): Ad =>
  adOf({
    MyType: myType,
    Name: daemons.machine,
    Machine: daemons.machine,
    CondorVersion: daemons.version,
    DaemonStartTime: seconds(daemons.startedAt),
    LastHeardFrom: seconds(now),
    MyCurrentTime: seconds(now),
    EmbeddedPool: true,
    ...more,
  });

const collector = ({ poolName, schedd: { queue }, slots }: Daemons): Attributes => {
  const all = slots.all.filter(({ kind }) => kind !== 'Partitionable');
  return {
    Name: `embedded@${poolName}`,
    HostsTotal: slots.all.length,
    HostsClaimed: all.filter(({ occupant }) => occupant !== undefined).length,
    HostsUnclaimed: slots.all.filter(({ occupant }) => occupant === undefined).length,
    HostsOwner: 0,
    SubmitterAds: new Set([...queue.all].map(({ owner }) => owner)).size,
    IdleJobs: count(queue.all, status.idle),
    RunningJobs: count(queue.all, status.running),
  };
};

const schedd = ({ schedd: { settings, queue } }: Daemons): Attributes => ({
  Name: settings.name,
  TotalJobAds: queue.size,
  TotalIdleJobs: count(queue.all, status.idle),
  TotalRunningJobs: count(queue.all, status.running),
  TotalHeldJobs: count(queue.all, status.held),
  TotalRemovedJobs: count(queue.all, status.removed),
  NumUsers: new Set([...queue.all].map(({ owner }) => owner)).size,
  MaxJobsRunning: settings.slots.settings.resources.cpus,
});

const startd = ({ slots }: Daemons): Attributes => ({
  ...platform,
  TotalSlots: slots.all.length,
  TotalCpus: slots.settings.resources.cpus,
  TotalMemory: slots.settings.resources.memoryMb,
});

/** Numbers end in 0: the latest cycle. */
const lastCycle = ({ negotiator: { last } }: Daemons): Attributes =>
  last === undefined
    ? {}
    : {
        LastNegotiationCycleEnd0: seconds(last.endedAt),
        LastNegotiationCycleTime0: seconds(last.endedAt),
        LastNegotiationCycleDuration0: 0,
        LastNegotiationCycleMatches0: last.matches,
        LastNegotiationCycleRejections0: last.rejections,
        LastNegotiationCycleNumIdleJobs0: last.idle,
        LastNegotiationCycleActiveSubmitterCount0: last.owners,
      };

function submitters(daemons: Daemons, now: number): readonly Ad[] {
  const byUser = new Map<string, Job[]>();
  for (const job of daemons.schedd.queue.all) {
    const user = job.ad.string('User') ?? job.owner;
    const jobs = byUser.get(user);
    if (jobs === undefined) byUser.set(user, [job]);
    else jobs.push(job);
  }
  return [...byUser].map(([user, jobs]) =>
    daemonAd(daemons, now, 'Submitter', {
      Name: user,
      ScheddName: daemons.schedd.settings.name,
      IdleJobs: count(jobs, status.idle),
      RunningJobs: count(jobs, status.running),
      HeldJobs: count(jobs, status.held),
    }),
  );
}

function count(jobs: Iterable<Job>, wanted: number): number {
  let found = 0;
  for (const job of jobs) if (job.status === wanted) found += 1;
  return found;
}
