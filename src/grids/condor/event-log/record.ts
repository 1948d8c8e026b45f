/** One record of an event log, whatever form it was written in. */
import { Ad } from '../../../classad/ad.js';
import type { EventPlace } from '../../job-logs.js';
import { jsonRecord } from './json.js';
import { textRecord } from './text.js';
import { xmlRecord } from './xml.js';

/** What each form gives: attributes by the names of the JSON form, as `Ad` takes them. */
export type RawRecord = Readonly<Record<string, unknown>>;

export interface LogRecord {
  /** The number of the event; of the trigger, where the record is the ad information of another. */
  readonly number: number;
  /** Whether it is ad information (28): what the trigger told, and attributes of the job. */
  readonly adInfo: boolean;
  readonly clusterId: number;
  readonly procId: number;
  /** Epoch milliseconds; times without a zone are local ones of this host. */
  readonly at: number;
  readonly raw: RawRecord;
  /** Where it ends in the log; of twins the first. Undefined where the file is not to be recognized. */
  readonly place?: EventPlace | undefined;
  /** Whether nothing that comes later can stand before its place. */
  readonly inOrder?: boolean | undefined;
}

const adInformation = 28;

/** Undefined for what is no event of a job: headers of files, events of clusters, damaged records. */
export function parseRecord(text: string, nowMs: number): LogRecord | undefined {
  const raw = rawOf(text, nowMs);
  if (raw === undefined) return undefined;
  const ad = new Ad(raw);
  const number = ad.number('EventTypeNumber');
  const clusterId = ad.number('Cluster');
  const procId = ad.number('Proc');
  const at = timeOf(ad.string('EventTime') ?? '');
  if (number === null || at === undefined) return undefined;
  if (clusterId === null || procId === null || clusterId < 1 || procId < 0) return undefined;
  const adInfo = number === adInformation;
  const trigger = adInfo ? ad.number('TriggerEventTypeNumber') : number;
  return trigger === null ? undefined : { number: trigger, adInfo, clusterId, procId, at, raw };
}

function rawOf(text: string, nowMs: number): RawRecord | undefined {
  if (text.startsWith('{')) return jsonRecord(text);
  return text.startsWith('<') ? xmlRecord(text) : textRecord(text, nowMs);
}

/** `2026-11-21T22:45:32.533Z`, or the same without the Z as local time. */
function timeOf(text: string): number | undefined {
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
