/**
 * Submits: planned and written by us, read by condor_submit from stdin. Each submission marks its jobs, so
 * that a repeated key, a restart or a command that never answered finds what is queued already.
 */
import { createHash, randomUUID } from 'node:crypto';
import { asGridError, GridError } from '../../../errors.js';
import { InputError } from '../../action.js';
import type { SubmitJobs, SubmittedJobs } from '../../job-actions.js';
import { AdRecord } from '../attributes.js';
import type { Command } from '../command.js';
import type { HiddenNames } from '../hidden.js';
import { historyCommand } from '../history.js';
import { addressed, collectAds, type Schedd } from '../pool.js';
import { queueCommand } from '../queue.js';
import { literal, planSubmission, submitText, type PlannedSubmission } from '../submit/index.js';
import { adsOfDryRun } from './dry-run.js';
import { submitFailure } from './failure.js';
import { actingFor, forUser, type Acting } from './identity.js';
import type { Actions } from './index.js';

/** The attribute that marks a submission, and the one that tells another input under the same key. */
const markName = 'HtcGraphSubmission';
const inputName = 'HtcGraphInput';

const maxKeyLength = 200;
/** Ads that a dry run shows. */
const maxShown = 100;
/** History records that are looked at for a key. */
const historyScanLimit = 5_000;
/** Milliseconds after which the caller is told that the answer is not known yet. */
const answerMs = 60_000;
/** Milliseconds after which a submission that does not end is killed. */
const submissionMs = 300_000;
/** A job leaves the queue about 10 ms before the history shows it. */
const handOverMs = 30;

interface Marks {
  readonly submission: string;
  readonly input: string;
}

type Submitted = Omit<SubmittedJobs, 'ads'>;

export class Submissions {
  /** Under way, by their marks: the same key at the same time is one submission. */
  readonly #running = new Map<
    string,
    { readonly input: string; readonly end: Promise<Submitted> }
  >();
  /** Nobody's request ends what has begun. */
  readonly #ever = new AbortController().signal;

  constructor(private readonly actions: Actions) {}

  async submit(request: SubmitJobs, signal: AbortSignal): Promise<SubmittedJobs> {
    signal.throwIfAborted();
    const { actions } = this;
    const acting = await actingFor(actions.actAs, request.actor, actions.prefix, 'submit');
    const { hidden } = await actions.pool.policy(signal);
    const planned = planSubmission(request, {
      hidden,
      directory: actions.submitDirectory && forUser(actions.submitDirectory, acting.user ?? ''),
      executables: actions.allowedExecutables,
      maxJobs: actions.maxSubmittedJobs,
    });
    const marks = marksOf(request);
    const schedd = await this.#schedd(request.schedd, signal);
    if (request.dryRun) return this.#dryRun(planned, acting, hidden, signal);
    const running = this.#running.get(marks.submission);
    if (running) {
      checkInput(request, running.input, marks.input);
      return { ...(await within(running.end, marks, signal)), replayed: true, ads: null };
    }
    const end = this.#replayOrSubmit(request, planned, acting, schedd, marks);
    this.#running.set(marks.submission, { input: marks.input, end });
    const forget = (): void => void this.#running.delete(marks.submission);
    end.then(forget, forget);
    return { ...(await within(end, marks, signal)), ads: null };
  }

  async #replayOrSubmit(
    request: SubmitJobs,
    planned: PlannedSubmission,
    acting: Acting,
    schedd: Schedd,
    marks: Marks,
  ): Promise<Submitted> {
    if (request.idempotencyKey !== undefined) {
      const earlier = await this.#find(schedd, marks.submission, acting);
      if (earlier) {
        checkInput(request, earlier.input, marks.input);
        return { ...earlier.submitted, replayed: true };
      }
    }
    return this.#submit(planned, acting, schedd, marks);
  }

  async #submit(
    planned: PlannedSubmission,
    acting: Acting,
    schedd: Schedd,
    marks: Marks,
  ): Promise<Submitted> {
    const { actions } = this;
    const command: Command = {
      program: 'condor_submit',
      args: [...addressed(actions.pool, schedd), '-terse', '-'],
    };
    const stdin = submitText(planned, {
      [markName]: `"${marks.submission}"`,
      [inputName]: `"${marks.input}"`,
    });
    let failure: unknown;
    try {
      const options = { acting, stdin, deadlineMs: submissionMs, signal: this.#ever };
      const ended = await actions.runner.run(command, options);
      const ids = /^(\d+)\.(\d+) - \1\.(\d+)\s*$/m.exec(ended.stdout);
      failure = submitFailure(command, ended, acting.user);
      if (failure === undefined && ids) {
        return {
          ...jobsOf(schedd, Number(ids[1]), Number(ids[2]), Number(ids[3])),
          replayed: false,
        };
      }
      failure ??= new GridError('UNAVAILABLE', 'condor_submit did not say what it queued.');
    } catch (error) {
      failure = error;
    }
    // A command that did not answer well may have queued the jobs all the same; a refusal is an answer.
    if (!(failure instanceof InputError) && asGridError(failure).code !== 'THROTTLED') {
      const queued = await this.#find(schedd, marks.submission, acting).catch(() => undefined);
      if (queued) return { ...queued.submitted, replayed: false };
    }
    throw failure;
  }

  /** The jobs of a submission, in the queue or in the history. */
  async #find(
    schedd: Schedd,
    submission: string,
    { user }: Acting,
  ): Promise<
    { readonly input: string | null; readonly submitted: Omit<Submitted, 'replayed'> } | undefined
  > {
    const { pool } = this.actions;
    // The mark of another account's job is no proof: every user may give any job any attribute.
    const owned = user === undefined ? '' : ` && Owner =?= "${user}"`;
    const query = {
      constraint: `(${markName} =?= "${submission}"${owned})`,
      attributes: ['ClusterId', 'ProcId', 'TotalSubmitProcs', inputName],
    };
    const queued = await collectAds(pool, queueCommand(pool, schedd, query), this.#ever);
    let ads = queued;
    if (queued.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, handOverMs));
      const scan = { scanLimit: historyScanLimit, since: undefined };
      ads = await collectAds(pool, historyCommand(pool, schedd, query, scan), this.#ever);
    }
    const clusters = ads.flatMap((ad) => ad.number('ClusterId') ?? []);
    if (clusters.length === 0) return undefined;
    const cluster = Math.min(...clusters);
    const own = ads.filter((ad) => ad.number('ClusterId') === cluster);
    const last = Math.max(...own.map((ad) => ad.number('ProcId') ?? 0));
    const total = own[0]?.number('TotalSubmitProcs') ?? last + 1;
    return {
      input: own[0]?.string(inputName) ?? null,
      submitted: jobsOf(schedd, cluster, 0, total - 1),
    };
  }

  async #dryRun(
    planned: PlannedSubmission,
    acting: Acting,
    hidden: HiddenNames,
    signal: AbortSignal,
  ): Promise<SubmittedJobs> {
    const { actions } = this;
    const count = Math.min(planned.count, maxShown);
    const items = planned.items.slice(0, Math.ceil(maxShown / count));
    // All of it is written, so that what only the whole shows is shown; a part of it is asked for.
    submitText(planned);
    const command: Command = { program: 'condor_submit', args: ['-dry-run', '-', '-'] };
    const stdin = submitText({ items, count });
    const { deadlineMs } = actions;
    const ended = await actions.runner.run(command, { acting, stdin, deadlineMs, signal });
    const failure = submitFailure(command, ended, acting.user);
    if (failure) throw failure;
    const ads = adsOfDryRun(ended.stdout)
      .slice(0, maxShown)
      .map((ad) => new AdRecord(ad, hidden));
    return { cluster: null, jobs: [], ads, replayed: false };
  }

  async #schedd(name: string | undefined, signal: AbortSignal): Promise<Schedd> {
    const list = await this.actions.schedds(signal);
    const found = name === undefined ? list[0] : list.find((schedd) => schedd.name === name);
    if (found) return found;
    const known = list
      .map((schedd) => schedd.name)
      .slice(0, 20)
      .join(', ');
    const message = `Expected a schedd of the pool (${known || 'it has none now'}), came ${JSON.stringify(name)}.`;
    throw new InputError('UNKNOWN_SCHEDD', message, ['schedd']);
  }
}

/** A key is the caller's own: its mark is made of both. */
function marksOf({ actor, idempotencyKey, ...request }: SubmitJobs): Marks {
  const { schedd, description, attributes, items, count } = request;
  const input = digest([schedd, description, attributes, items, count]);
  if (idempotencyKey === undefined) return { submission: randomUUID(), input };
  checkKey(idempotencyKey);
  return { submission: digest([actor.identity, idempotencyKey]), input };
}

export function checkKey(idempotencyKey: string): void {
  if (idempotencyKey !== '' && idempotencyKey.length <= maxKeyLength) return;
  const message = `An idempotency key has 1 to ${maxKeyLength} characters.`;
  throw new InputError('BAD_USER_INPUT', message, ['idempotencyKey']);
}

const digest = (parts: readonly unknown[]): string =>
  createHash('sha256')
    .update(JSON.stringify(parts.map((part) => part ?? null)))
    .digest('base64url');

function checkInput({ idempotencyKey }: SubmitJobs, first: string | null, now: string): void {
  if (first === now) return;
  const message = `The idempotency key ${JSON.stringify(idempotencyKey)} was used for other jobs. Use a new key.`;
  throw new InputError('IDEMPOTENCY_CONFLICT', message, ['idempotencyKey']);
}

const jobsOf = (
  { name: schedd }: Schedd,
  clusterId: number,
  first: number,
  last: number,
): Omit<Submitted, 'replayed'> => ({
  cluster: { schedd, clusterId },
  jobs: Array.from({ length: last - first + 1 }, (_, i) => ({
    schedd,
    clusterId,
    procId: first + i,
  })),
});

/** The end of a submission, unless it takes too long or the caller goes: then it goes on without the caller. */
function within<T>(end: Promise<T>, { submission }: Marks, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => settle(() => reject(signal.reason as Error));
    const timer = setTimeout(() => settle(() => reject(unknownYet(submission))), answerMs);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    end.then(
      (value) => settle(() => resolve(value)),
      (error: Error) => settle(() => reject(error)),
    );
  });
}

const unknownYet = (submission: string): GridError =>
  new GridError(
    'TIMED_OUT',
    `The pool took longer than ${answerMs} ms: whether the jobs were queued is not known yet, and the submission goes on. Ask again with the same idempotencyKey, or look for jobs whose ${markName} is ${literal(submission, { path: [], place: '' })}.`,
  );
