/**
 * Attributes of a job that a client may neither submit nor edit: who it is, what state it is in, and
 * whatever makes a daemon open a file, use a credential or run a program on somebody's behalf.
 */
import { GridError } from '../../../errors.js';
import { checkName } from '../attributes.js';
import { alwaysHidden } from '../hidden.js';

/** Whole families, by how their names begin. */
const families = [
  'autocluster', 'aws', 'azure', 'claim', 'cmd', 'common', 'container', 'credential', 'dagman', 'datareuse', 'delegate',
  'docker', 'ec2', 'gce', 'globus', 'grid', 'hook', 'jobmaterialize', 'jobset', 'jobstarter', 'jobvm', 'keystore',
  'myproxy', 'nordugrid', 'numjob', 'oauth', 'origcmd', 'origiwd', 'parallelscript', 'primaryunix', 'publicclaim',
  'remote', 's3', 'scitoken', 'shadow', 'spool', 'stagein', 'stageout', 'starter', 'startd', 'submitevent', 'tooldaemon',
  'transfer', 'transform', 'userlog', 'vm_', 'x509', '_condor',
]; // prettier-ignore

const single = [
  // Who it is.
  'AccountingGroup', 'AcctGroup', 'AcctGroupUser', 'AuthTokenGroups', 'AuthTokenId', 'AuthTokenIssuer', 'AuthTokenScopes', 'AuthTokenSubject',
  'ClusterId', 'Gid', 'GlobalJobId', 'HtcGraphInput', 'HtcGraphSubmission', 'MyType', 'NTDomain', 'OsUser',
  'Owner', 'ProcId', 'QDate', 'SubProcId', 'TargetType', 'TotalSubmitProcs', 'Uid', 'User',
  // What state it is in.
  'CompletionDate', 'CurrentHosts', 'EnteredCurrentStatus', 'ExitBySignal', 'ExitCode', 'ExitReason', 'ExitSignal', 'ExitStatus',
  'HoldReason', 'HoldReasonCode', 'HoldReasonSubCode', 'JobStatus', 'JobStatusOnRelease', 'JobUniverse',
  'LastJobStatus', 'Managed', 'ManagedManager', 'MaxHosts', 'MinHosts', 'ReleaseReason', 'RemoveReason', 'ToE',
  // Files and programs.
  'AppendFiles', 'BoincAuthenticatorFile', 'BufferFiles', 'CheckpointDestination', 'CompressFiles',
  'DropJobAdInSandbox', 'EnvDelim', 'Err', 'FetchFiles', 'FileRemaps', 'In', 'Iwd', 'JarFiles', 'JavaVMArgs',
  'JavaVMArguments', 'JobAdInformationAttrs', 'JobCoreFileName', 'JobFinishedHookDone', 'LoadProfile',
  'LoadUserProfile', 'LocalFiles', 'ManifestDesired', 'ManifestDir', 'MountUnderScratch', 'Out',
  'OutputDestination', 'OutputDirectory', 'PublicInputFiles', 'RootDir', 'RunAsOwner', 'SendCredential', 'ShouldTransferFiles',
  'StreamErr', 'StreamIn', 'StreamOut', 'UseParrot', 'WantCheckpoint', 'WantContainer',
  'WantDelayedUpdates', 'WantDocker', 'WantIOProxy', 'WantRemoteIO', 'WantRemoteSyscalls',
  'WantRemoteUpdates', 'WantSandboxImage', 'WantSIF', 'WhenToTransferOutput',
  // What is copied out of a machine's ad: the submit command of it is checked.
  'JobMachineAttrs',
  // Mail, and what acts on other jobs.
  'EmailAttributes', 'JobNotification', 'NotifyUser', 'OtherJobRemoveRequirements', 'HoldCopiedFromTargetJob',
]; // prettier-ignore

const names: ReadonlySet<string> = new Set(single.map((name) => name.toLowerCase()));

function isProtected(name: string): boolean {
  const lower = name.toLowerCase();
  return (
    alwaysHidden.has(name) ||
    names.has(lower) ||
    families.some((family) => lower.startsWith(family))
  );
}

/** Refuses what is no attribute name (BAD_ATTRIBUTE) or may not be set (FORBIDDEN). */
export function checkSettable(name: string): void {
  checkName(name);
  if (!isProtected(name)) return;
  throw new GridError(
    'FORBIDDEN',
    `The attribute ${name} is not a client's to set: HTCondor or this server keeps it, or it names files, credentials or programs.`,
  );
}
