/** From a record of the log to an event of the graph: its type, the state that follows, and the job's part of it. */
import { Ad } from '../../../classad/ad.js';
import type { JobEventEntry, JobEventType } from '../../job-logs.js';
import type { JobKey } from '../../jobs.js';
import type { NativeRecord } from '../../row.js';
import type { WorkState } from '../../state.js';
import { AdRecord } from '../attributes.js';
import { shownDetail } from '../event-detail.js';
import type { HiddenNames } from '../hidden.js';
import { stateOf } from '../job-state.js';
import type { LogRecord } from './record.js';

/** The type, and the JobStatus that follows: the one in ad information is of around the event and misleads. */
const kinds: Readonly<Record<number, readonly [JobEventType, number | undefined]>> = {
  0: ['SUBMITTED', 1],
  1: ['STARTED', 2],
  4: ['EVICTED', 1],
  5: ['TERMINATED', 4],
  9: ['REMOVED', 3],
  10: ['SUSPENDED', 7],
  11: ['RESUMED', 2],
  12: ['HELD', 5],
  13: ['RELEASED', 1],
  33: ['EDITED', undefined],
};
const held = 5;

/** What events call by names that are not the job's: in a job ad they are missing or mean something else. */
const ofEvent: ReadonlySet<string> = new Set(
  [
    ...['Cluster', 'Proc', 'Subproc', 'EventTime', 'EventTypeNumber', 'MyType', 'Info'],
    ...['TriggerEventTypeName', 'TriggerEventTypeNumber', 'SubmitHost', 'LogNotes', 'UserNotes'],
    ...['Warnings', 'ExecuteHost', 'ExecuteProps', 'SlotName', 'Reason', 'Attribute', 'Value'],
    ...['Cpus', 'Disk', 'GPUs', 'Memory', 'Size', 'Type', 'Host', 'NumberOfPIDs', 'ErrorMsg'],
    ...['Message', 'Daemon', 'ToE', 'ReturnValue', 'TerminatedNormally', 'TerminatedBySignal'],
    ...['TerminatedAndRequeued', 'Checkpointed', 'CoreFile', 'SentBytes', 'ReceivedBytes'],
    ...['TotalSentBytes', 'TotalReceivedBytes', 'RunLocalUsage', 'RunRemoteUsage'],
    ...['TotalLocalUsage', 'TotalRemoteUsage', 'TimeExecuteUsage', 'TimeSlotBusyUsage'],
    // Of the job these are expressions or of another time.
    ...['MemoryUsage', 'DiskUsage', 'CpusUsage', 'ResidentSetSize', 'ProportionalSetSize'],
    ...['RequestCpus', 'RequestDisk', 'RequestMemory', 'RequestGPUs'],
  ].map((name) => name.toLowerCase()),
);
/** Told by other fields of the graph's event. */
const untold: ReadonlySet<string> = new Set(
  ['Cluster', 'Proc', 'Subproc', 'EventTime', 'EventTypeNumber', 'MyType'].map((name) =>
    name.toLowerCase(),
  ),
);

export class LogEntry implements JobEventEntry {
  readonly type: JobEventType;
  readonly at: number;
  readonly owner: string | null;
  readonly state: WorkState | null;

  constructor(
    readonly gridName: string,
    readonly key: JobKey,
    private readonly log: LogRecord,
    private readonly hidden: HiddenNames,
    readonly seenAt: number,
  ) {
    const ad = new Ad(log.raw);
    const [type, status] = kindOf(log, ad);
    this.type = type;
    this.at = log.at;
    this.owner = ad.string('Owner');
    this.state = status === undefined ? null : stateAfter(status, ad);
  }

  get place() {
    return this.log.place;
  }

  get inOrder() {
    return this.log.inOrder;
  }

  /** What the event tells, by its own names. */
  get detail(): Readonly<Record<string, unknown>> {
    const record = new AdRecord(new Ad(this.log.raw), this.hidden);
    const detail: Record<string, unknown> = {};
    for (const name of record.names()) {
      if (untold.has(name.toLowerCase()) || (this.log.adInfo && !isTold(name))) continue;
      const { redacted, expression, value } = record.attribute(name);
      if (!redacted) detail[name] = expression ?? value;
    }
    return shownDetail(detail, this.hidden);
  }

  get record(): NativeRecord {
    const { raw, clusterId, procId } = this.log;
    const [, status] = kindOf(this.log, new Ad(raw));
    const own = Object.entries(raw).filter(([name]) => {
      const lower = name.toLowerCase();
      return !ofEvent.has(lower) && lower !== 'jobstatus';
    });
    const ad = new Ad({
      ...Object.fromEntries(own),
      ClusterId: clusterId,
      ProcId: procId,
      ...(status === undefined ? {} : { JobStatus: status }),
    });
    return new AdRecord(ad, this.hidden);
  }
}

/** Attributes of the job that ad information adds are in the record, not in what the event tells. */
const isTold = (name: string): boolean =>
  ofEvent.has(name.toLowerCase()) || /^HoldReason/i.test(name);

function kindOf({ number }: LogRecord, ad: Ad): readonly [JobEventType, number | undefined] {
  const [type, status] = kinds[number] ?? ['OTHER', undefined];
  // Submitted on hold: no event of the hold follows.
  if (number === 0 && ad.number('JobStatus') === held) return [type, held];
  return [type, status];
}

function stateAfter(status: number, ad: Ad): WorkState {
  const code = ad.number('ReturnValue');
  return stateOf(
    new Ad({
      JobStatus: status,
      HoldReasonCode: ad.number('HoldReasonCode'),
      ExitBySignal: ad.boolean('TerminatedNormally') === false,
      ...(code === null ? {} : { ExitCode: code }),
    }),
  );
}

/** The schedd that an event names, where it carries a GlobalJobId (`schedd#cluster.proc#time`). */
export function scheddOf({ raw }: LogRecord): string | undefined {
  const [schedd, ...rest] = new Ad(raw).string('GlobalJobId')?.split('#') ?? [];
  return rest.length > 0 && schedd ? schedd : undefined;
}

export const isEnd = ({ type }: JobEventEntry): boolean =>
  type === 'TERMINATED' || type === 'REMOVED';
