/** Acting on the jobs of the embedded pool. */
import type { ActionStatus } from '../../action.js';
import type {
  ActedJob,
  Actor,
  JobAction,
  JobActions,
  JobEdit,
  SubmitJobs,
  SubmittedJobs,
} from '../../job-actions.js';
import type { JobKey } from '../../jobs.js';
import { checkReason } from '../actions/act.js';
import { AdRecord } from '../attributes.js';
import type { HiddenNames } from '../hidden.js';
import { checkedEdits, planSubmission } from '../submit/index.js';
import { Answers } from './answers.js';
import { adOf, type Attributes } from './attributes.js';
import { expressionValue } from './evaluation.js';
import { status, type Job } from './job.js';
import { unknownSchedd, type EmbeddedPool } from './pool.js';
import { jobsOf } from './submission.js';

type Outcome = Pick<ActedJob, 'status' | 'message'>;

export class EmbeddedActions implements JobActions {
  /** All jobs run as the account of this process. */
  readonly account = 'gateway';

  readonly #answers = new Answers();

  constructor(private readonly pool: EmbeddedPool) {}

  check(action: JobAction): Promise<void> {
    return Promise.resolve().then(() => {
      if (action.kind === 'EDIT') checkedEdits(action.set, this.pool.hidden);
      else checkReason(action);
    });
  }

  submit(request: SubmitJobs): Promise<SubmittedJobs> {
    return Promise.resolve().then(() => this.#submit(request));
  }

  act(action: JobAction, keys: readonly JobKey[], actor: Actor): Promise<readonly ActedJob[]> {
    return Promise.resolve().then(() =>
      keys.map((key) => ({ key, ...this.#actOn(action, key, actor) })),
    );
  }

  #submit(request: SubmitJobs): SubmittedJobs {
    const { schedd, machine, hidden, poolName } = this.pool;
    const { identity } = request.actor;
    const { name } = schedd.settings;
    if (request.schedd !== undefined && request.schedd !== name) {
      throw unknownSchedd(poolName, request.schedd);
    }
    const earlier = this.#answers.find(request);
    if (earlier !== undefined) return { ...earlier, replayed: true };
    const plan = planSubmission(request, {
      directory: undefined,
      executables: [],
      hidden,
      maxJobs: schedd.settings.queueLimit,
    });
    const jobs = jobsOf(plan, schedd.nextCluster, { owner: identity, machine });
    if (request.dryRun) {
      const ads = jobs.map((job) => new AdRecord(adOf(job), hidden));
      return { cluster: null, jobs: [], ads, replayed: false };
    }
    const keys = schedd.submit(jobs);
    const clusterId = keys[0]?.clusterId ?? 0;
    const answer = { cluster: { schedd: name, clusterId }, jobs: keys, ads: null, replayed: false };
    this.#answers.remember(request, answer);
    return answer;
  }

  #actOn(action: JobAction, key: JobKey, { identity }: Actor): Outcome {
    const { schedd } = this.pool;
    const job = key.schedd === schedd.settings.name ? schedd.queue.get(key) : undefined;
    if (job === undefined) return outcome('NOT_FOUND', 'The queue has no such job.');
    switch (action.kind) {
      case 'HOLD':
        return this.#hold(job, reasonOf('hold', action.reason, identity));
      case 'RELEASE':
        if (job.status !== status.held) return outcome('BAD_STATE', 'The job is not held.');
        schedd.release(job, reasonOf('release', action.reason, identity));
        return done;
      case 'REMOVE':
        if (job.status === status.removed)
          return outcome('ALREADY_DONE', 'The job is being removed.');
        schedd.remove(job, reasonOf('removal', action.reason, identity));
        return done;
      case 'EDIT':
        schedd.edit(job, attributesOf(action.set, this.pool.hidden));
        return done;
      default:
        return action satisfies never;
    }
  }

  #hold(job: Job, reason: string): Outcome {
    switch (job.status) {
      case status.held:
        return outcome('ALREADY_DONE', 'The job is held.');
      case status.removed:
      case status.completed:
        return outcome('BAD_STATE', 'The job has ended.');
      default:
        this.pool.schedd.hold(job, { reason, code: 1, subCode: 0 });
        return done;
    }
  }
}

const done: Outcome = { status: 'DONE', message: null };
const outcome = (is: ActionStatus, message: string): Outcome => ({ status: is, message });

/** Without double quotes, as a real pool has them. */
const reasonOf = (what: string, reason: string | undefined, identity: string): string => {
  const given = reason?.trim().replaceAll('"', "'");
  return `${given ? given : `${what} asked for`} (by user ${identity})`;
};

const attributesOf = (set: readonly JobEdit[], hidden: HiddenNames): Attributes =>
  Object.fromEntries(
    checkedEdits(set, hidden).map(([name, text]) => [name, expressionValue(name, text)]),
  );
