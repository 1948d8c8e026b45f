/** Edits attributes of jobs by id: one transaction of the schedd for all attributes of all jobs of a command. */
import { GridError } from '../../../errors.js';
import type { ActedJob, Actor, JobAction } from '../../job-actions.js';
import type { JobKey } from '../../jobs.js';
import type { Command } from '../command.js';
import { addressed, type Schedd } from '../pool.js';
import { checkedEdits } from '../submit/index.js';
import { actionFailure } from './failure.js';
import { actingFor, type Acting } from './identity.js';
import { eachBatch, failedJob, nativeId } from './act.js';
import type { Actions } from './index.js';

type EditAction = Extract<JobAction, { readonly kind: 'EDIT' }>;

const idsPerCommand = 200;
/** A job that can't be edited undoes its whole command: it is taken out, and the others are tried again. */
const maxRetries = 20;

export async function edit(
  actions: Actions,
  action: EditAction,
  keys: readonly JobKey[],
  actor: Actor,
  signal: AbortSignal,
): Promise<readonly ActedJob[]> {
  const { hidden } = await actions.pool.policy(signal);
  const words = checkedEdits(action.set, hidden).map(([name, text]) => `${name}=${text}`);
  const acting = await actingFor(actions.actAs, actor, actions.prefix, 'act');
  const done = await eachBatch(actions, keys, idsPerCommand, signal, (schedd, batch, until) =>
    editBatch(actions, schedd, batch, words, acting, until),
  );
  return keys.map((key) => done.get(key) ?? failedJob(key, unsaid));
}

async function editBatch(
  actions: Actions,
  schedd: Schedd,
  batch: readonly JobKey[],
  words: readonly string[],
  acting: Acting,
  signal: AbortSignal,
): Promise<readonly ActedJob[]> {
  const outcomes: ActedJob[] = [];
  let left = batch;
  for (let tries = 0; left.length > 0; tries += 1) {
    const command: Command = {
      program: 'condor_qedit',
      args: [...addressed(actions.pool, schedd), ...left.map(nativeId), ...words],
    };
    const { deadlineMs } = actions;
    // Who leaves in between stops no try that follows from one that was made.
    const until = tries === 0 ? signal : new AbortController().signal;
    const ended = await actions.runner.run(command, { acting, deadlineMs, signal: until });
    const failure = actionFailure(command, ended, acting.user);
    if (failure === undefined) {
      return [
        ...outcomes,
        ...left.map((key): ActedJob => ({ key, status: 'DONE', message: null })),
      ];
    }
    const named = /Failed to set attribute "[^"]*" for job (\d+\.\d+)/.exec(ended.stderr)?.[1];
    const culprit = left.find((key) => nativeId(key) === named);
    if (culprit === undefined || tries >= maxRetries) {
      const reason = refusal(ended.stderr) ?? failure;
      return [...outcomes, ...left.map((key) => failedJob(key, reason))];
    }
    outcomes.push(await reasonOf(actions, culprit, signal));
    left = left.filter((key) => key !== culprit);
  }
  return outcomes;
}

/** condor_qedit says the same of a job that is gone and of one that is somebody else's. */
async function reasonOf(
  { findJobs }: Actions,
  key: JobKey,
  signal: AbortSignal,
): Promise<ActedJob> {
  const nothing = { fields: new Set(['origin']), attributes: new Set<string>() };
  const [row] = await findJobs([key], nothing, signal).catch(() => []);
  if (row && !(row instanceof Error) && row.origin === 'QUEUE') {
    const message = 'The pool does not let the account that acts edit this job.';
    return { key, status: 'FORBIDDEN', message };
  }
  return { key, status: 'NOT_FOUND', message: 'The job has left the queue.' };
}

/** What HTCondor itself keeps: every version and every operator may add attributes. */
function refusal(stderr: string): GridError | undefined {
  const kept = /Update of (?:immutable|protected|secure) attribute "([^"]*)" is not allowed/i.exec(
    stderr,
  )?.[1];
  if (kept !== undefined)
    return new GridError('FORBIDDEN', `HTCondor keeps the attribute ${kept}.`);
  const illegal = /illegal value for : (\S+)/.exec(stderr)?.[1];
  if (illegal !== undefined)
    return new GridError('BAD_USER_INPUT', `HTCondor can't read the value of ${illegal}.`);
  return undefined;
}

const unsaid = new GridError('UNAVAILABLE', 'condor_qedit did not say what became of the job.');
