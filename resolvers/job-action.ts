/** Actions on jobs: submitted, held, released, removed, edited. */
import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, Info, Mutation, Resolver } from 'type-graphql';
import { isAdmin, maySee } from '../src/access/caller.js';
import { asGridError, type ErrorCode } from '../src/errors.js';
import { type ActionStatus, InputError } from '../src/grids/action.js';
import type { JobAction, JobActions } from '../src/grids/job-actions.js';
import type { JobKey, JobPool, JobRow } from '../src/grids/jobs.js';
import { ownerOf } from '../src/grids/jobs.js';
import type { Projection } from '../src/query/plan.js';
import { encodeCursor } from '../src/streams/index.js';
import {
  EditJobsInput,
  JobActionInput,
  JobActionPayload,
  type JobTargets,
  SubmitJobsInput,
  SubmitJobsPayload,
} from '../schema/job-action.js';
import type { GraphContext } from './context.js';
import { clusterNode } from './job-nodes.js';
import { jobTargets, type Target } from './job-targets.js';
import { projectionOf } from './plan.js';
import { Guard } from './rule.js';
import { along, selection } from './selection.js';

const maxEdits = 50;
const inputArg = { description: 'Which jobs, and what with them.' };

@Resolver()
export class JobActionResolver {
  @Mutation(() => SubmitJobsPayload, { description: 'Submits jobs as one cluster.' })
  @Guard('act')
  async submitJobs(
    @Arg('input', () => SubmitJobsInput, { description: 'The jobs.' }) input: SubmitJobsInput,
    @Ctx() { grids, caller, signal }: GraphContext,
  ) {
    const pool = grids.one('HTCONDOR', input.grid);
    const none = { cluster: null, jobIds: [], ads: null, streamCursor: null, replayed: false };
    try {
      const actions = actionsOf(pool);
      if (actions.account === 'gateway' && !isAdmin(caller)) {
        throw new InputError(
          'FORBIDDEN',
          `Jobs on ${pool.name} run as the account of the server: only admins may submit there.`,
          [],
        );
      }
      // Before the jobs exist: what completes meanwhile is after this cursor. A log that can't be read stops no job.
      const position = input.dryRun
        ? undefined
        : await pool.logs?.position(signal).catch(() => undefined);
      const { cluster, jobs, ads, replayed } = await actions.submit(
        {
          schedd: input.schedd ?? undefined,
          description: input.description ?? undefined,
          attributes: commandsOf(input.attributes),
          items: input.items ?? undefined,
          count: input.count ?? undefined,
          actor: { identity: caller.identity, admin: isAdmin(caller) },
          idempotencyKey: input.idempotencyKey ?? undefined,
          dryRun: input.dryRun,
        },
        signal,
      );
      return {
        cluster: cluster && clusterNode(pool.name, cluster.schedd, cluster.clusterId),
        jobIds: jobs.map(nativeId),
        ads: ads?.map((ad) => ad.json()) ?? null,
        streamCursor: cluster && position ? encodeCursor([position]) : null,
        replayed,
        userErrors: [],
      };
    } catch (error) {
      return { ...none, userErrors: [userError(error)] };
    }
  }

  @Mutation(() => JobActionPayload, { description: 'Holds jobs until somebody releases them.' })
  @Guard('act')
  holdJobs(
    @Arg('input', () => JobActionInput, inputArg) input: JobActionInput,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    return actOn({ kind: 'HOLD', reason: input.reason ?? undefined }, input, context, info);
  }

  @Mutation(() => JobActionPayload, { description: 'Releases held jobs.' })
  @Guard('act')
  releaseJobs(
    @Arg('input', () => JobActionInput, inputArg) input: JobActionInput,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    return actOn({ kind: 'RELEASE', reason: input.reason ?? undefined }, input, context, info);
  }

  @Mutation(() => JobActionPayload, { description: 'Removes jobs from the queue, for good.' })
  @Guard('act')
  removeJobs(
    @Arg('input', () => JobActionInput, inputArg) input: JobActionInput,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    return actOn({ kind: 'REMOVE', reason: input.reason ?? undefined }, input, context, info);
  }

  @Mutation(() => JobActionPayload, {
    description:
      'Sets attributes of jobs in the queue. All of a job or none; a running job takes most of them at its next start.',
  })
  @Guard('act')
  editJobs(
    @Arg('input', () => EditJobsInput, inputArg) input: EditJobsInput,
    @Ctx() context: GraphContext,
    @Info() info: GraphQLResolveInfo,
  ) {
    return actOn(() => ({ kind: 'EDIT', set: edits(input.set) }), input, context, info);
  }
}

interface Outcome {
  readonly target: Target;
  readonly status: ActionStatus;
  readonly message: string | null;
}

async function actOn(
  given: JobAction | (() => JobAction),
  input: JobTargets,
  context: GraphContext,
  info: GraphQLResolveInfo,
) {
  try {
    const action = typeof given === 'function' ? given() : given;
    const targets = await jobTargets(input, context);
    const pools = [...new Set(targets.map(({ pool }) => pool))];
    // All of them before any acts.
    await Promise.all(pools.map((pool) => actionsOf(pool).check(action, context.signal)));
    const outcomes = new Map<Target, Outcome>();
    await Promise.all(
      pools.map(async (pool) => {
        const own = targets.filter((target) => target.pool === pool);
        for (const outcome of await outcomesOf(action, pool, own, input.dryRun, context))
          outcomes.set(outcome.target, outcome);
      }),
    );
    const all = targets.map((target) => outcomes.get(target) as Outcome);
    const items = await itemsAfter(all, context, info);
    return {
      matched: targets.filter(({ found }) => found !== undefined && !(found instanceof Error))
        .length,
      changed: all.filter(({ status }) => status === 'DONE').length,
      failed: all.filter(({ status }) => status !== 'DONE' && status !== 'ALREADY_DONE').length,
      outcomes: all.map(({ target: { key }, status, message }, i) => ({
        nativeId: nativeId(key),
        schedd: key.schedd,
        status,
        message,
        item: items[i] ?? null,
      })),
      userErrors: [],
    };
  } catch (error) {
    return { matched: 0, changed: 0, failed: 0, outcomes: [], userErrors: [userError(error)] };
  }
}

async function outcomesOf(
  action: JobAction,
  pool: JobPool,
  targets: readonly Target[],
  dryRun: boolean,
  { caller, signal }: GraphContext,
): Promise<readonly Outcome[]> {
  const foreseen = targets.map((target): Outcome => ({ target, ...foresee(action, target.found) }));
  if (dryRun) return foreseen;
  // What the queue has no more can't change; what it has is for the pool to judge, now.
  const possible = foreseen.filter(({ target: { found } }) => isQueued(found));
  const acted = await actionsOf(pool).act(
    action,
    possible.map(({ target }) => target.key),
    { identity: caller.identity, admin: isAdmin(caller) },
    signal,
  );
  const done = new Map(possible.map(({ target }, i) => [target, acted[i]]));
  return foreseen.map((outcome) => ({ ...outcome, ...done.get(outcome.target) }));
}

const isQueued = (found: Target['found']): found is JobRow =>
  found !== undefined && !(found instanceof Error) && found.origin === 'QUEUE';

/** What the action would do to a job as it is. */
function foresee(
  action: JobAction,
  found: Target['found'],
): { readonly status: ActionStatus; readonly message: string | null } {
  if (found === undefined) {
    return { status: 'NOT_FOUND', message: 'There is no such job, or not for this caller.' };
  }
  if (found instanceof Error) return { status: 'FAILED', message: asGridError(found).message };
  if (found.origin !== 'QUEUE') {
    return action.kind === 'REMOVE'
      ? { status: 'ALREADY_DONE', message: 'The job has left the queue.' }
      : { status: 'BAD_STATE', message: 'The job has left the queue.' };
  }
  if (action.kind === 'HOLD' && found.nativeState === 'Held') {
    return { status: 'ALREADY_DONE', message: 'The job is held.' };
  }
  if (action.kind === 'RELEASE' && found.nativeState !== 'Held') {
    return { status: 'BAD_STATE', message: 'The job is not held.' };
  }
  return { status: 'DONE', message: null };
}

/** The jobs as they are now, where the selection asks for them; one that can't be read is null. */
async function itemsAfter(
  outcomes: readonly Outcome[],
  { caller, signal }: GraphContext,
  info: GraphQLResolveInfo,
): Promise<readonly (JobRow | undefined)[]> {
  const selected = along(selection(info), 'outcomes', 'item');
  if (selected.length === 0) return [];
  const { fields, attributes } = projectionOf(selected);
  const projection: Projection = { fields: new Set([...fields, 'owner']), attributes };
  const items = new Map<Outcome, JobRow>();
  const visible = outcomes.filter(({ status }) => status !== 'NOT_FOUND');
  await Promise.all(
    [...new Set(visible.map(({ target }) => target.pool))].map(async (pool) => {
      const own = visible.filter(({ target }) => target.pool === pool);
      const keys = own.map(({ target }) => target.key);
      // What was done stays done when it can't be shown.
      const rows = await pool.findJobs(keys, projection, signal).catch(() => []);
      own.forEach((outcome, i) => {
        const row = rows[i];
        if (row && !(row instanceof Error) && maySee(caller, ownerOf(row))) items.set(outcome, row);
      });
    }),
  );
  return outcomes.map((outcome) => items.get(outcome));
}

function actionsOf(pool: JobPool): JobActions {
  if (pool.actions) return pool.actions;
  throw new InputError(
    'CAPABILITY_MISSING',
    `Actions on the jobs of ${pool.name} are off: its entry in the configuration needs "allowActions": true and "actAs".`,
    [],
  );
}

function commandsOf(attributes: unknown): Readonly<Record<string, unknown>> | undefined {
  if (attributes == null) return undefined;
  if (typeof attributes === 'object' && !Array.isArray(attributes)) {
    return attributes as Readonly<Record<string, unknown>>;
  }
  throw new InputError('BAD_USER_INPUT', 'Expected attributes to be an object.', ['attributes']);
}

const edits = (set: EditJobsInput['set']) => {
  if (set.length < 1 || set.length > maxEdits) {
    const message = `Expected 1 to ${maxEdits} attributes to set, came ${set.length}.`;
    throw new InputError('BAD_USER_INPUT', message, ['set']);
  }
  return set.map(({ name, value, expression }, i) => {
    if ((value == null) === (expression == null)) {
      const message = 'Expected exactly one of value and expression.';
      throw new InputError('BAD_USER_INPUT', message, ['set', String(i)]);
    }
    return { name, set: expression == null ? { value } : { expression } };
  });
};

const nativeId = ({ clusterId, procId }: JobKey): string => `${clusterId}.${procId}`;

/** What a caller can mend is part of the payload; the rest stays an error of the request. */
function userError(thrown: unknown) {
  const error = asGridError(thrown);
  if (!mendable.has(error.code)) throw error;
  const path = error instanceof InputError && error.path.length > 0 ? error.path : null;
  return { code: error.code, message: error.message, path };
}
const mendable: ReadonlySet<ErrorCode> = new Set([
  'BAD_ATTRIBUTE',
  'BAD_FILTER',
  'BAD_ID',
  'BAD_USER_INPUT',
  'CAPABILITY_MISSING',
  'FORBIDDEN',
  'IDEMPOTENCY_CONFLICT',
  'LIMIT_EXCEEDED',
  'NOT_FOUND',
  'UNKNOWN_GRID',
  'UNKNOWN_SCHEDD',
]);
