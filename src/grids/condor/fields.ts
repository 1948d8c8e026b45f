/**
 * The one table from a job's fields to attributes: what to fetch, how to decode, what a filter compiles to,
 * and the description that the schema prints. Nothing else knows these attribute names.
 */
import type { Ad } from '../../classad/ad.js';
import type { JobFields } from '../jobs.js';
import { number, text, time, timeOf, type Fetched, type Field, type FieldTable } from './field.js';
import {
  failureAttributes,
  failureOf,
  nativeStateCases,
  nativeStateOf,
  revisionOf,
  stateAttributes,
  stateCases,
  stateOf,
} from './job-state.js';

/** Fetched with every job: without them a row has no name. */
export const jobKeyAttributes = ['ClusterId', 'ProcId'] as const;

/** JobUniverse; the numbers between are no longer in use. */
const universes: Readonly<Record<number, string>> = {
  1: 'standard',
  5: 'vanilla',
  7: 'scheduler',
  8: 'mpi',
  9: 'grid',
  10: 'java',
  11: 'parallel',
  12: 'local',
  13: 'vm',
};

const unlessExpression = 'when unset or given as an expression (read it with attribute)';

export const jobFields: { readonly [K in keyof JobFields]: Field<JobFields[K]> } = {
  nativeId: {
    attributes: [],
    meaning: 'The job id as HTCondor prints it: cluster.proc.',
    decode: (ad) => `${ad.number('ClusterId')}.${ad.number('ProcId')}`,
    whenHidden: 'shown',
    push: { type: 'jobId', expression: 'strcat(ClusterId, ".", ProcId)' },
    countable: false,
  },
  revision: {
    attributes: ['JobStatus', 'EnteredCurrentStatus'],
    meaning:
      'Changes whenever the job enters another state: (id, revision) tells a repeat from news.',
    decode: (ad) => revisionOf(ad),
    countable: false,
    whenHidden: 'shown',
  },
  state: {
    attributes: stateAttributes,
    meaning:
      'The state in the terms both grids share: Idle is QUEUED, Completed is SUCCEEDED with exit code 0 and FAILED otherwise, Removed is CANCELLED, held for spooling input is QUEUED.',
    decode: stateOf,
    whenHidden: 'shown',
    push: { type: 'cases', cases: stateCases },
  },
  nativeState: {
    attributes: ['JobStatus'],
    meaning:
      "HTCondor's own state: Idle, Running, Removed, Completed, Held, TransferringOutput, Suspended, or Unknown.",
    decode: nativeStateOf,
    whenHidden: 'shown',
    push: { type: 'cases', cases: nativeStateCases },
  },
  terminal: {
    attributes: ['JobStatus'],
    meaning: 'Whether the job is done for good: completed or removed.',
    decode: (ad) => isDone(ad),
    whenHidden: 'shown',
    push: { type: 'boolean', expression: '(JobStatus =?= 3 || JobStatus =?= 4)' },
  },
  owner: {
    ...text('Owner', { meaning: 'The account that submitted the job.' }),
    whenHidden: 'internal',
  },
  attempts: {
    attributes: ['NumJobStarts'],
    meaning: 'How often the job was started; 0 until the first start.',
    decode: (ad) => ad.number('NumJobStarts') ?? 0,
    whenHidden: { value: 0 },
    push: {
      type: 'number',
      expression: '(isInteger(NumJobStarts) || isReal(NumJobStarts) ? NumJobStarts : 0)',
    },
  },
  submittedAt: time('QDate', { meaning: 'When the job was submitted.' }),
  startedAt: {
    attributes: ['JobCurrentStartDate', 'JobStartDate'],
    meaning: 'When the latest run started.',
    nullWhen: 'before the first start',
    decode: (ad) => timeOf(ad, 'JobCurrentStartDate') ?? timeOf(ad, 'JobStartDate'),
    push: {
      type: 'time',
      expression: '((JobCurrentStartDate > 0) =?= true ? JobCurrentStartDate : JobStartDate)',
    },
  },
  endedAt: {
    attributes: ['JobStatus', 'CompletionDate', 'EnteredCurrentStatus'],
    meaning: 'When the job completed, or was removed.',
    nullWhen: 'until then',
    decode: endOf,
    push: {
      type: 'time',
      expression:
        '(JobStatus =?= 4 ? CompletionDate : JobStatus =?= 3 ? EnteredCurrentStatus : undefined)',
    },
  },
  waitMs: {
    attributes: ['QDate', 'JobStartDate'],
    meaning: 'From submission to the first start.',
    unit: 'milliseconds',
    nullWhen: 'before the first start',
    decode: (ad) => difference(timeOf(ad, 'JobStartDate'), timeOf(ad, 'QDate')),
    countable: false,
  },
  runMs: {
    attributes: ['JobStatus', 'RemoteWallClockTime', 'JobCurrentStartDate'],
    meaning: 'Wall clock time of all runs, suspension included; counts on while the job runs.',
    unit: 'milliseconds',
    nullWhen: 'before the first start',
    decode: runTime,
    countable: false,
  },
  failure: {
    attributes: failureAttributes,
    meaning: 'Why the job failed, is held or was removed.',
    nullWhen: 'unless the state is FAILED, HELD or CANCELLED',
    decode: failureOf,
    countable: false,
  },
  origin: {
    attributes: [],
    meaning: 'Where the job was found: in the queue, or in the history of jobs that have left it.',
    decode: (_ad, { origin }) => origin,
  },
  batchName: text('JobBatchName', {
    meaning: 'The name its submitter gave to the batch.',
    nullWhen: 'when none was given',
  }),
  command: text('Cmd', { meaning: 'The executable.' }),
  arguments: {
    attributes: ['Arguments', 'Args'],
    meaning: "The command line in HTCondor's own quoting: Arguments, or the older Args.",
    nullWhen: 'when there are none',
    decode: (ad) => ad.string('Arguments') ?? ad.string('Args'),
    push: { type: 'string', expression: '(isString(Arguments) ? Arguments : Args)' },
  },
  universe: {
    attributes: ['JobUniverse'],
    meaning: 'The execution environment: vanilla, scheduler, grid, java, parallel, local, vm, …',
    nullWhen: 'when HTCondor adds one that this server does not know',
    decode: (ad) => universes[ad.number('JobUniverse') ?? 0] ?? null,
    push: {
      type: 'cases',
      cases: Object.fromEntries(
        Object.entries(universes).map(([code, name]) => [name, `(JobUniverse =?= ${code})`]),
      ),
    },
  },
  priority: number('JobPrio', {
    meaning: "Priority among the same owner's jobs; a higher one runs first.",
    nullWhen: unlessExpression,
  }),
  accountingGroup: {
    attributes: ['AccountingGroup', 'AcctGroup'],
    meaning: 'The accounting group that is charged.',
    nullWhen: 'when none was given',
    decode: (ad) => ad.string('AccountingGroup') ?? ad.string('AcctGroup'),
    push: {
      type: 'string',
      expression: '(isString(AccountingGroup) ? AccountingGroup : AcctGroup)',
    },
  },
  requestCpus: number('RequestCpus', {
    meaning: 'Requested cores.',
    unit: 'cores',
    nullWhen: unlessExpression,
  }),
  requestMemoryMb: number('RequestMemory', {
    meaning: 'Requested memory.',
    unit: 'MiB',
    nullWhen: unlessExpression,
  }),
  requestDiskKb: number('RequestDisk', {
    meaning: 'Requested disk.',
    unit: 'KiB',
    nullWhen: unlessExpression,
  }),
  requestGpus: number('RequestGPUs', {
    meaning: 'Requested GPUs.',
    unit: 'GPUs',
    nullWhen: unlessExpression,
  }),
  remoteHost: text('RemoteHost', {
    meaning: 'The slot where the job runs now.',
    nullWhen: 'unless it runs',
  }),
  holdReason: {
    attributes: ['JobStatus', 'HoldReason'],
    meaning: 'Why the job is held, in words.',
    nullWhen: 'unless it is held, and for some reasons that HTCondor drops',
    decode: (ad) => (ad.number('JobStatus') === 5 ? ad.string('HoldReason') : null),
    push: { type: 'string', expression: '(JobStatus =?= 5 ? HoldReason : undefined)' },
  },
  holdCode: {
    attributes: ['JobStatus', 'HoldReasonCode'],
    meaning: 'Why the job is held, as HoldReasonCode; sites and new versions add codes.',
    nullWhen: 'unless it is held',
    decode: (ad) => (ad.number('JobStatus') === 5 ? ad.number('HoldReasonCode') : null),
    push: { type: 'number', expression: '(JobStatus =?= 5 ? HoldReasonCode : undefined)' },
  },
  exitCode: {
    attributes: ['JobStatus', 'ExitBySignal', 'ExitCode'],
    meaning: 'The exit code of a completed job.',
    nullWhen: 'until it completes, and when a signal ended it',
    decode: (ad) =>
      ad.number('JobStatus') === 4 && ad.boolean('ExitBySignal') !== true
        ? ad.number('ExitCode')
        : null,
    push: {
      type: 'number',
      expression: '(JobStatus =?= 4 && ExitBySignal =!= true ? ExitCode : undefined)',
    },
  },
  machineName: {
    attributes: ['RemoteHost', 'LastRemoteHost'],
    meaning: 'The machine where it runs, or ran last.',
    nullWhen: 'before the first start',
    decode: (ad) => hostOf(ad.string('RemoteHost') ?? ad.string('LastRemoteHost')),
  },
};

/** The same with the parts of the id, for filters, groups and orders. */
export const jobTable: FieldTable = {
  ...jobFields,
  clusterId: {
    ...number('ClusterId', { meaning: 'The number of the submission.' }),
    push: { type: 'number', expression: 'ClusterId', whole: true },
    whenHidden: 'shown',
  },
  procId: {
    ...number('ProcId', { meaning: "The job's number within its cluster." }),
    whenHidden: 'shown',
    countable: false,
  },
};

const isDone = (ad: Ad): boolean => ad.number('JobStatus') === 3 || ad.number('JobStatus') === 4;

const difference = (later: number | null, earlier: number | null): number | null =>
  later === null || earlier === null ? null : later - earlier;

/** A removed job has no CompletionDate: the change of status is its end. */
function endOf(ad: Ad): number | null {
  switch (ad.number('JobStatus')) {
    case 4:
      return timeOf(ad, 'CompletionDate');
    case 3:
      return timeOf(ad, 'EnteredCurrentStatus');
    default:
      return null;
  }
}

function runTime(ad: Ad, { atMs }: Fetched): number | null {
  const startedAt = timeOf(ad, 'JobCurrentStartDate');
  const past = (ad.number('RemoteWallClockTime') ?? 0) * 1000;
  const status = ad.number('JobStatus');
  const runs = status === 2 || status === 6 || status === 7;
  if (runs && startedAt !== null) return past + Math.max(0, atMs - startedAt);
  return startedAt === null && past === 0 ? null : past;
}

/** `slot1_2@host` names host. */
export const hostOf = (slot: string | null): string | null =>
  slot === null ? null : slot.slice(slot.lastIndexOf('@') + 1);
