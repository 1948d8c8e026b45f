/** Holds, releases and removes jobs by id: a few hundred a command, schedd by schedd, with what came of each. */
import { asGridError, GridError } from '../../../errors.js';
import { InputError } from '../../action.js';
import type { ActedJob, Actor, JobAction } from '../../job-actions.js';
import type { JobKey } from '../../jobs.js';
import type { Command, Program } from '../command.js';
import { addressed, type Schedd } from '../pool.js';
import { actionFailure } from './failure.js';
import { outcomesIn } from './outcomes.js';
import { actingFor, type Acting } from './identity.js';
import type { Actions } from './index.js';

type PlainAction = Extract<JobAction, { readonly reason: unknown }>;

/** Ids of one command: far below what an argument vector may hold, also through a remote shell. */
const idsPerCommand = 500;
const maxReasonLength = 1_000;

const programs: Readonly<Record<PlainAction['kind'], Program>> = {
  HOLD: 'condor_hold',
  RELEASE: 'condor_release',
  REMOVE: 'condor_rm',
};

export function checkReason({ reason }: PlainAction): void {
  if (reason === undefined) return;
  if (reason.length > maxReasonLength) {
    const message = `Expected a reason of at most ${maxReasonLength} characters, came ${reason.length}.`;
    throw new InputError('BAD_USER_INPUT', message, ['reason']);
  }
  if (/[\p{Cc}\u2028\u2029\p{Surrogate}]/u.test(reason)) {
    const message = 'A reason is one line of text, without control characters.';
    throw new InputError('BAD_USER_INPUT', message, ['reason']);
  }
}

export async function act(
  actions: Actions,
  action: PlainAction,
  keys: readonly JobKey[],
  actor: Actor,
  signal: AbortSignal,
): Promise<readonly ActedJob[]> {
  const acting = await actingFor(actions.actAs, actor, actions.prefix, 'act');
  const reason = reasonFor(action, actor, acting);
  const done = await eachBatch(
    actions,
    keys,
    idsPerCommand,
    signal,
    async (schedd, batch, until) => {
      const command: Command = {
        program: programs[action.kind],
        args: [
          ...addressed(actions.pool, schedd),
          ...(reason === undefined ? [] : ['-reason', reason]),
          ...batch.map(nativeId),
        ],
      };
      const { deadlineMs } = actions;
      const ended = await actions.runner.run(command, { acting, deadlineMs, signal: until });
      const said = outcomesIn(`${ended.stdout}\n${ended.stderr}`);
      // A failure of the command as a whole is that of the jobs it said nothing about.
      const failure = actionFailure(command, ended, acting.user);
      return batch.map((key): ActedJob => {
        const own = said.get(nativeId(key));
        return own ? { key, ...own } : failedJob(key, failure ?? silence(command));
      });
    },
  );
  return keys.map(
    (key) => done.get(key) ?? failedJob(key, silence({ program: programs[action.kind] })),
  );
}

/**
 * Runs the batches of all schedds; one that fails is the outcome of its own jobs. Who leaves while the first waits for
 * its place ends it all there; once one has been acted on, the others are too.
 */
export async function eachBatch(
  { named }: Pick<Actions, 'named'>,
  keys: readonly JobKey[],
  size: number,
  signal: AbortSignal,
  run: (
    schedd: Schedd,
    batch: readonly JobKey[],
    until: AbortSignal,
  ) => Promise<readonly ActedJob[]>,
): Promise<ReadonlyMap<JobKey, ActedJob>> {
  const ever = new AbortController().signal;
  const done = new Map<JobKey, ActedJob>();
  const bySchedd = new Map<string, JobKey[]>();
  for (const key of keys) bySchedd.set(key.schedd, [...(bySchedd.get(key.schedd) ?? []), key]);
  await Promise.all(
    [...bySchedd].map(async ([name, own]) => {
      let until = signal;
      for (let at = 0; at < own.length; at += size) {
        const batch = own.slice(at, at + size);
        const acted = await Promise.resolve()
          .then(async () => run(await named(name, until), batch, until))
          .then(
            (outcomes) => {
              until = ever;
              return outcomes;
            },
            (error: unknown) => batch.map((key) => failedJob(key, asGridError(error))),
          );
        for (const one of acted) done.set(one.key, one);
      }
    }),
  );
  return done;
}

export function failedJob(key: JobKey, error: GridError): ActedJob {
  const status = error.code === 'FORBIDDEN' ? 'FORBIDDEN' : 'FAILED';
  const unknown =
    error.code === 'TIMED_OUT' ? ' Whether it was done is not known: look at the job.' : '';
  return { key, status, message: `${error.message}${unknown}` };
}

export const nativeId = ({ clusterId, procId }: JobKey): string => `${clusterId}.${procId}`;

const silence = ({ program }: Pick<Command, 'program'>): GridError =>
  new GridError('UNAVAILABLE', `${program} did not say what became of the job.`);

/**
 * A double quote would make HTCondor drop the whole reason of a hold. Where another account acts, the
 * reason says for whom: HTCondor itself notes the account alone.
 */
function reasonFor(
  { reason }: PlainAction,
  { identity }: Actor,
  { user }: Acting,
): string | undefined {
  const given = reason?.trim().replaceAll('"', "'");
  const text = given === '' ? undefined : given;
  if (user === identity) return text;
  const who = identity.replaceAll(/[^\w.@+-]/g, '?').slice(0, 100);
  return `${text ?? 'Through htc-graph'} (for ${who})`;
}
