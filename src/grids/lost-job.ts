/** The row of a job that has left the queue and of which no history tells: what is still known of it. */
import { encodeId } from './id.js';
import type { JobCompletion } from './job-logs.js';
import type { JobFields, JobRow } from './jobs.js';
import type { NativeRecord } from './row.js';

export function lostJob({
  gridName,
  key,
  owner,
  ownerHidden = false,
  revision,
}: JobCompletion): JobRow {
  const { schedd, clusterId, procId } = key;
  const fields: JobFields = {
    revision,
    nativeId: `${clusterId}.${procId}`,
    state: 'UNKNOWN',
    nativeState: 'Unknown',
    terminal: false,
    owner: ownerHidden ? null : owner,
    attempts: 0,
    submittedAt: null,
    startedAt: null,
    endedAt: null,
    waitMs: null,
    runMs: null,
    failure: {
      kind: 'LOST',
      message: 'It left the queue and no history tells how.',
      exitCode: null,
      signal: null,
      holdCode: null,
      holdSubcode: null,
    },
    origin: 'HISTORY',
    batchName: null,
    command: null,
    arguments: null,
    universe: null,
    priority: null,
    accountingGroup: null,
    requestCpus: null,
    requestMemoryMb: null,
    requestDiskKb: null,
    requestGpus: null,
    remoteHost: null,
    holdReason: null,
    holdCode: null,
    exitCode: null,
    machineName: null,
  };
  return {
    __typename: 'Job',
    id: encodeId('Job', gridName, schedd, clusterId, procId),
    gridName,
    idKey: [gridName, schedd, clusterId, procId],
    ...key,
    ...fields,
    ownedBy: owner,
    record: empty,
  };
}

const empty: NativeRecord = {
  value: () => undefined,
  attribute: (name) => ({
    name,
    defined: false,
    redacted: false,
    expression: null,
    value: null,
  }),
  json: () => ({}),
  satisfies: () => false,
  names: () => [],
};
