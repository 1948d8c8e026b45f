/** From the commands of a submit description to the ad of a job, as condor_submit makes it. */
import { Expression, type AdValue } from '../../../classad/ad.js';
import { attributeRefs, print } from '../../../classad/index.js';
import { GridError } from '../../../errors.js';
import type { Attributes } from './attributes.js';
import { expressionOf, expressionValue } from './evaluation.js';
import { platform } from './slots.js';
import { joinWords } from './words.js';

export const condorVersion = '$CondorVersion: embedded in htc-graph $';

/** Commands by name, attributes as `+Name`, with nothing left to expand. */
export type Commands = ReadonlyMap<string, string>;

/** What a command sets. */
type Setting = (text: string) => Attributes;

const string =
  (name: string): Setting =>
  (text) => ({ [name]: text });
const expression =
  (name: string): Setting =>
  (text) => ({ [name]: expressionValue(name, text) });
const amount =
  (name: string, unit: 'K' | 'M'): Setting =>
  (text) => ({ [name]: amountOf(text, unit) ?? expressionValue(name, text) });

/** What the pool does something for, of what a client may use (submit/commands.ts). */
const settings: Readonly<Record<string, Setting>> = {
  executable: string('Cmd'),
  arguments: (text) =>
    text.startsWith('"') ? { Arguments: unquoted('arguments', text) } : { Args: text },
  environment: (text) => ({ Environment: environmentOf(text) }),
  request_cpus: expression('RequestCpus'),
  request_memory: amount('RequestMemory', 'M'),
  request_disk: amount('RequestDisk', 'K'),
  request_gpus: expression('RequestGPUs'),
  rank: expression('Rank'),
  priority: expression('JobPrio'),
  batch_name: string('JobBatchName'),
  description: string('JobDescription'),
  on_exit_hold: expression('OnExitHold'),
  on_exit_hold_reason: expression('OnExitHoldReason'),
  on_exit_hold_subcode: expression('OnExitHoldSubCode'),
  on_exit_remove: expression('OnExitRemove'),
  periodic_hold: expression('PeriodicHold'),
  periodic_hold_reason: expression('PeriodicHoldReason'),
  periodic_hold_subcode: expression('PeriodicHoldSubCode'),
  periodic_release: expression('PeriodicRelease'),
  periodic_remove: expression('PeriodicRemove'),
  leave_in_queue: expression('LeaveJobInQueue'),
  allowed_job_duration: expression('AllowedJobDuration'),
  allowed_execute_duration: expression('AllowedExecuteDuration'),
  accounting_group: string('AcctGroup'),
  concurrency_limits: string('ConcurrencyLimits'),
  universe: universeOf,
  // Read together below.
  requirements: () => ({}),
  hold: () => ({}),
  max_retries: () => ({}),
  retry_until: () => ({}),
  success_exit_code: () => ({}),
};

/** Nothing is copied: a job runs in a folder of its own, with files of this machine as they are. */
const without: ReadonlySet<string> = new Set([
  'initialdir',
  'should_transfer_files',
  'transfer_executable',
  'when_to_transfer_output',
]);

export interface Submitter {
  readonly owner: string;
  readonly machine: string;
}

/** The attributes of one job; ids are the schedd's to give. BAD_USER_INPUT where a command can't be. */
export function jobAttributes(
  commands: Commands,
  { owner, machine }: Submitter,
  jobs: number,
): Attributes {
  const given: Record<string, AdValue | undefined> = {};
  for (const [name, text] of commands) Object.assign(given, settingOf(name, text));
  if (given['Cmd'] === undefined) throw bad('Expected an executable; the description has none.');
  const group = given['AcctGroup'];
  return {
    ...defaults,
    Owner: owner,
    User: `${owner}@${machine}`,
    FileSystemDomain: machine,
    TotalSubmitProcs: jobs,
    ...given,
    ...(typeof group === 'string' && {
      AcctGroupUser: owner,
      AccountingGroup: `${group}.${owner}`,
    }),
    ...retries(commands),
    Requirements: requirementsOf(commands.get('requirements'), given),
    ...(isTrue(commands.get('hold')) && heldAtSubmit),
  };
}

const defaults: Attributes = {
  MyType: 'Job',
  TargetType: 'Machine',
  JobUniverse: 5,
  JobStatus: 1,
  JobPrio: 0,
  JobNotification: 0,
  JobSubmitMethod: 100,
  In: '/dev/null',
  Out: '/dev/null',
  Err: '/dev/null',
  Environment: '',
  RequestCpus: 1,
  RequestMemory: 128,
  RequestDisk: 1024,
  Rank: 0,
  LeaveJobInQueue: false,
  ExitBySignal: false,
  NumJobStarts: 0,
  NumJobCompletions: 0,
  NumRestarts: 0,
  NumSystemHolds: 0,
  TotalSuspensions: 0,
  LastSuspensionTime: 0,
  CumulativeSuspensionTime: 0,
  CumulativeSlotTime: 0,
  RemoteWallClockTime: 0,
  RemoteUserCpu: 0,
  RemoteSysCpu: 0,
  CurrentHosts: 0,
  MinHosts: 1,
  MaxHosts: 1,
  ShouldTransferFiles: 'NO',
  CondorVersion: condorVersion,
  EmbeddedPool: true,
};

const heldAtSubmit: Attributes = {
  JobStatus: 5,
  HoldReason: "submitted on hold at user's request",
  HoldReasonCode: 15,
  NumHolds: 1,
  NumHoldsByReason: { SubmittedOnHold: 1 },
};

function settingOf(name: string, text: string): Attributes {
  if (name.startsWith('+')) return { [name.slice(1)]: expressionValue(name, text) };
  if (without.has(name) || (name === 'transfer_output_files' && text === '""')) return {};
  const setting = Object.hasOwn(settings, name) ? settings[name] : undefined;
  if (setting !== undefined) return setting(text);
  throw bad(
    `The embedded pool does nothing for the submit command ${name}; it takes ${Object.keys(settings).join(', ')}, and +Attribute.`,
  );
}

function universeOf(text: string): Attributes {
  if (/^(vanilla|5)$/i.test(text)) return { JobUniverse: 5 };
  throw bad(`The embedded pool runs the vanilla universe alone, came ${text.slice(0, 80)}.`);
}

/** As condor_submit writes it: the job leaves once it succeeds, or has had its retries. */
function retries(commands: Commands): Attributes {
  const code = wholeOf(commands, 'success_exit_code');
  const most = wholeOf(commands, 'max_retries');
  const until = commands.get('retry_until');
  if (code === undefined && most === undefined && until === undefined) return {};
  const limit = most ?? 2;
  const ends = until === undefined ? '' : ` || (${retryUntil(until)})`;
  const text = `NumJobCompletions > JobMaxRetries || ExitCode =?= ${code === undefined ? '0' : 'JobSuccessExitCode'}${ends}`;
  return {
    JobMaxRetries: limit,
    ...(code !== undefined && { JobSuccessExitCode: code }),
    OnExitRemove: expressionValue('OnExitRemove', text),
  };
}

/** A number is an exit code, everything else an expression. */
const retryUntil = (text: string): string =>
  /^-?\d+$/.test(text.trim()) ? `ExitCode =?= ${text.trim()}` : text;

function wholeOf(commands: Commands, name: string): number | undefined {
  const text = commands.get(name);
  if (text === undefined) return undefined;
  if (/^\d{1,6}$/.test(text.trim())) return Number(text);
  throw bad(
    `Expected ${name} to be a whole number from 0, came ${JSON.stringify(text.slice(0, 80))}.`,
  );
}

/** What the job says, and what it needs of any slot unless it names that itself. */
function requirementsOf(text: string | undefined, given: Attributes): AdValue {
  const own = text === undefined ? undefined : expressionOf('requirements', text);
  const named = new Set(own ? attributeRefs(own).map(({ name }) => name.toLowerCase()) : []);
  const needs = [
    ['Arch', `TARGET.Arch == "${platform.Arch}"`],
    ['OpSys', `TARGET.OpSys == "${platform.OpSys}"`],
    ['Disk', 'TARGET.Disk >= RequestDisk'],
    ['Memory', 'TARGET.Memory >= RequestMemory'],
    ...(given['RequestCpus'] === undefined ? [] : [['Cpus', 'TARGET.Cpus >= RequestCpus']]),
    ...(given['RequestGPUs'] === undefined ? [] : [['GPUs', 'TARGET.GPUs >= RequestGPUs']]),
  ].flatMap(([name = '', need]) => (named.has(name.toLowerCase()) ? [] : [`(${need})`]));
  return new Expression([...(own ? [`(${print(own)})`] : []), ...needs].join(' && '));
}

/** `2`, `1.5 GB`: in the unit of the attribute, rounded up. */
function amountOf(text: string, unit: 'K' | 'M'): number | undefined {
  const [, digits, suffix = unit] = /^\s*(\d+(?:\.\d+)?)\s*([KMGT])?B?\s*$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const power = (letter: string): number => 'KMGT'.indexOf(letter.toUpperCase());
  return Math.ceil(Number(digits) * 1024 ** (power(suffix) - power(unit)));
}

/** The text between the double quotes, in which two stand for one. */
function unquoted(command: string, text: string): string {
  const inner = /^"((?:[^"]|"")*)"\s*$/.exec(text)?.[1];
  if (inner !== undefined) return inner.replaceAll('""', '"');
  throw bad(`Expected ${command} to end where its quotes end: write a double quote inside as "".`);
}

/** The older form has NAME=value between semicolons. */
function environmentOf(text: string): string {
  if (text.startsWith('"')) return unquoted('environment', text);
  return joinWords(text.split(';').filter((word) => word.trim() !== ''));
}

const isTrue = (text: string | undefined): boolean =>
  /^(true|yes|t|y|1)$/i.test(text?.trim() ?? '');

const bad = (message: string): GridError => new GridError('BAD_USER_INPUT', message);
