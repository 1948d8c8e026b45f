/** Actions on the jobs of a pool through HTCondor's own commands, where the operator allows them. */
import type { Capability } from '../../grid.js';
import type { JobActions } from '../../job-actions.js';
import type { JobPool } from '../../jobs.js';
import type { CommandPrefix } from '../command.js';
import type { Pool, Schedd } from '../pool.js';
import { checkedEdits } from '../submit/index.js';
import { act, checkReason } from './act.js';
import { edit } from './edit.js';
import type { ActAs } from './identity.js';
import { ActionRunner, type ActionRunnerOptions } from './runner.js';
import { Submissions } from './submit.js';

export type { ActAs } from './identity.js';

export interface ActionSettings {
  /** Whose account acts. */
  readonly actAs: ActAs;
  /** Folder on the submit host whose files jobs may name; `{user}` stands for the account. Default: none. */
  readonly submitDirectory?: string | undefined;
  /** Programs of the submit host that may be sent along: absolute paths, `*` for a part of a name. Default: none. */
  readonly allowedExecutables?: readonly string[] | undefined;
  /** Jobs of one submission. @default 10000 */
  readonly maxSubmittedJobs?: number | undefined;
}

/** What every action needs of its pool. */
export interface Actions {
  readonly pool: Pool;
  readonly runner: ActionRunner;
  readonly prefix: CommandPrefix | undefined;
  readonly deadlineMs: number;
  readonly actAs: ActAs;
  readonly submitDirectory: string | undefined;
  readonly allowedExecutables: readonly string[];
  readonly maxSubmittedJobs: number;
  readonly findJobs: JobPool['findJobs'];
  named(name: string, signal: AbortSignal): Promise<Schedd>;
  schedds(signal: AbortSignal): Promise<readonly Schedd[]>;
}

export const actionCapabilities: readonly Capability[] = [
  'SUBMIT',
  'HOLD',
  'RELEASE',
  'REMOVE',
  'EDIT',
];

export interface OpenedActions extends JobActions {
  stop(): Promise<void>;
}

/** A batch of ids takes its time: more than a query. */
const minDeadlineMs = 60_000;

export function openActions(
  settings: ActionSettings & Pick<ActionRunnerOptions, 'path' | 'onCommand'>,
  pool: Pick<Actions, 'pool' | 'prefix' | 'findJobs' | 'named' | 'schedds'>,
): OpenedActions {
  const deadlineMs = Math.max(pool.pool.runner.deadlineMs, minDeadlineMs);
  const { path, onCommand, actAs } = settings;
  const runner = new ActionRunner({ path, onCommand, waitMs: deadlineMs });
  const actions: Actions = {
    ...pool,
    runner,
    deadlineMs,
    actAs,
    submitDirectory: settings.submitDirectory,
    allowedExecutables: settings.allowedExecutables ?? [],
    maxSubmittedJobs: settings.maxSubmittedJobs ?? 10_000,
  };
  const submissions = new Submissions(actions);
  return {
    account: actAs.kind === 'gateway' ? 'gateway' : 'caller',
    submit: (request, signal) => submissions.submit(request, signal),
    async check(action, signal) {
      if (action.kind !== 'EDIT') return checkReason(action);
      checkedEdits(action.set, (await actions.pool.policy(signal)).hidden);
    },
    async act(action, keys, actor, signal) {
      if (keys.length === 0) return [];
      return action.kind === 'EDIT'
        ? edit(actions, action, keys, actor, signal)
        : act(actions, action, keys, actor, signal);
    },
    stop: () => runner.stop(),
  };
}
