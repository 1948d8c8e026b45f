/** What the schedd writes into the ad of a job: who it is, what a run of it used and printed. */
import { Expression } from '../../../classad/ad.js';
import type { JobKey } from '../../jobs.js';
import type { Attributes } from './attributes.js';
import { type Job, jobId } from './job.js';
import type { Usage } from './group-usage.js';
import type { Slot } from './slots.js';
import type { Exit } from './starter.js';

export function usageOf(
  { ad }: Job,
  { startedAt, slot }: { readonly startedAt: number; readonly slot: Slot },
  nowMs: number,
  usage: Usage | undefined,
): Attributes {
  const spent = Math.max(0, nowMs - startedAt) / 1000;
  const sum = (name: string, more: number): number => (ad.number(name) ?? 0) + more;
  return {
    RemoteHost: undefined,
    CurrentHosts: 0,
    LastRemoteHost: slot.name,
    LastRemoteWallClockTime: spent,
    RemoteWallClockTime: sum('RemoteWallClockTime', spent),
    CumulativeSlotTime: sum('CumulativeSlotTime', spent * slot.total.cpus),
    ...(usage && {
      RemoteUserCpu: sum('RemoteUserCpu', usage.userSeconds),
      RemoteSysCpu: sum('RemoteSysCpu', usage.systemSeconds),
      CpusUsage: spent > 0 ? (usage.userSeconds + usage.systemSeconds) / spent : 0,
      ImageSize: usage.peakKb,
      ResidentSetSize: usage.peakKb,
      MemoryUsage: new Expression('((ResidentSetSize + 1023) / 1024)'),
    }),
  };
}

export function identityOf(key: JobKey, now: number): Attributes {
  return {
    ClusterId: key.clusterId,
    ProcId: key.procId,
    GlobalJobId: `${key.schedd}#${jobId(key)}#${now}`,
    QDate: now,
    EnteredCurrentStatus: now,
  };
}

/** Kept in the ad, since the pool writes no files. */
export const printed = ({ stdout, stderr }: Exit): Attributes => ({
  EmbeddedStdout: stdout,
  EmbeddedStderr: stderr,
});

export const defined = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
