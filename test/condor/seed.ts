/** The jobs that scripts/pool-jobs.sh submits to a real pool, for an embedded one. */
import { vi } from 'vitest';
import type { JobActions } from '../../src/grids/job-actions.js';
import type { JobKey, JobPool, JobRow } from '../../src/grids/jobs.js';
import { selecting, signal } from './pool.js';

interface SeedJob {
  readonly owner: 'alice' | 'bob';
  readonly name: string;
  readonly commands: string;
  readonly count?: number;
  /** Where it gets to before the seed is ready. */
  readonly state: JobRow['state'];
}

const idle = 'executable = /bin/sleep\narguments = 60\nrequirements = false';

const jobs: readonly SeedJob[] = [
  ...(
    [
      ['exit-0', 'exit 0', 'SUCCEEDED'],
      ['exit-3', 'exit 3', 'FAILED'],
      ['signal-9', 'kill -9 $$', 'FAILED'],
    ] as const
  ).map(([name, script, state]) => ({
    owner: 'alice' as const,
    name,
    commands: `executable = /bin/sh\narguments = "-c '${script}'"\npriority = 50\nrequest_memory = 64MB`,
    state,
  })),
  {
    owner: 'bob',
    name: 'left-completed',
    commands: 'executable = /bin/true\nleave_in_queue = true\npriority = 50',
    state: 'SUCCEEDED',
  },
  { owner: 'bob', name: 'removed', commands: idle, state: 'CANCELLED' },
  {
    owner: 'alice',
    name: 'running',
    commands:
      'executable = /bin/sleep\narguments = infinity\npriority = 40\nrequest_memory = 128MB\nbatch_name = long simulation',
    state: 'RUNNING',
  },
  ...(['running-bob', 'scheduler'] as const).map((name) => ({
    owner: 'bob' as const,
    name,
    commands: 'executable = /bin/sleep\narguments = infinity\npriority = 40',
    state: 'RUNNING' as const,
  })),
  { owner: 'alice', name: 'idle', commands: idle, state: 'QUEUED' },
  {
    owner: 'bob',
    name: 'idle-memory',
    commands: `${idle}\nrequest_memory = 512MB\nrequest_cpus = 2\npriority = -5`,
    state: 'QUEUED',
  },
  {
    owner: 'alice',
    name: 'batch',
    commands:
      'executable = /bin/sleep\narguments = $(Process)\nrequirements = false\nbatch_name = nightly build\npriority = 7',
    count: 5,
    state: 'QUEUED',
  },
  {
    owner: 'bob',
    name: 'gpu',
    commands:
      'executable = /bin/sleep\narguments = 60\nrequest_gpus = 2\nrequest_memory = 2GB\nrequirements = regexp("^gpu", Machine)\nrank = Memory * 2\nconcurrency_limits = db:2,license\ndescription = a GPU job',
    state: 'QUEUED',
  },
  {
    owner: 'alice',
    name: 'accounting',
    commands: `${idle}\naccounting_group = physics.atlas`,
    state: 'QUEUED',
  },
  { owner: 'alice', name: 'held-by-user', commands: idle, state: 'HELD' },
  { owner: 'bob', name: 'held-on-submit', commands: `${idle}\nhold = true`, state: 'HELD' },
  {
    owner: 'alice',
    name: 'awkward',
    commands: String.raw`executable = /bin/sleep
arguments = "100 'héllo wörld' 'quo''te' 'dbl""q' 'back\slash' '日本語 🎉' '<a&b>'"
environment = "A=1 UNI='żółć' Q='it''s' D=""dq"" SEMI=';'"
hold = true
batch_name = batch "q" ü
+MyString = "plain"
+MyQuoted = "say \"hi\" \\ back/slash"
+MyUnicode = "żółć 日本語 🎉"
+MyFakeExpr = "/Expr(x)/"
+MyExpr = MyInt + 1
+MyInt = 42
+MyBigInt = 9223372036854775807
+MyBig53 = 9007199254740993
+MyReal = 3.14
+MyRealWhole = 2.0
+MyBool = true
+MyUndefined = undefined
+MyError = error
+MyList = {1, 2.5, "three", true, undefined, {4, 5}}
+MyNested = [ a = 1; b = "two"; c = [ d = 3.5; e = {1, 2} ] ]
+MyNewline = "line1\nline2\ttab"
+MyEmpty = ""
+MyTime = absTime("2024-01-02T03:04:05Z")
+MyNaN = real("NaN")`,
    state: 'HELD',
  },
  {
    owner: 'alice',
    name: 'bad-utf8',
    commands: `${idle}\nhold = true`,
    state: 'HELD',
  },
];

/** Submits them all, and waits until each is where it belongs. */
export async function seedPool(port: JobPool): Promise<void> {
  const { actions } = port;
  if (actions === undefined) throw new Error('The pool takes no actions.');
  const keys = new Map<SeedJob, readonly JobKey[]>();
  for (const job of jobs) keys.set(job, await submitJob(actions, job));
  const act = async (name: string, kind: 'HOLD' | 'REMOVE', reason: string): Promise<void> => {
    const [job, of = []] = [...keys].find(([each]) => each.name === name) ?? [];
    const actor = { identity: job?.owner ?? '', admin: true };
    await actions.act({ kind, reason }, of, actor, signal);
  };
  await act('removed', 'REMOVE', 'No longer needed');
  await act('held-by-user', 'HOLD', 'Waiting for the input files');
  const [, odd = []] = [...keys].find(([{ name }]) => name === 'bad-utf8') ?? [];
  const set = [{ name: 'BadUtf', set: { value: 'bad \ufffd\ufffd bytes' } }];
  await actions.act({ kind: 'EDIT', set }, odd, { identity: 'alice', admin: true }, signal);
  for (const [{ name, state }, of] of keys) {
    await vi.waitFor(
      async () => {
        const [row] = await port.findJobs(of.slice(0, 1), selecting(['state']), signal);
        if (row === undefined || row instanceof Error || row.state !== state) {
          throw new Error(`The job ${name} of the seed does not get to ${state}.`);
        }
      },
      { interval: 5 },
    );
  }
}

async function submitJob(
  actions: JobActions,
  { owner, name, commands, count = 1 }: SeedJob,
): Promise<readonly JobKey[]> {
  const { jobs: submitted } = await actions.submit(
    {
      schedd: undefined,
      description: `${commands}\n+HtcGraphSeed = "${name}"\n`,
      attributes: undefined,
      items: undefined,
      count,
      actor: { identity: owner, admin: true },
      idempotencyKey: undefined,
      dryRun: false,
    },
    signal,
  );
  return submitted;
}

/** The commands of the job whose values break readers. */
export const awkwardCommands = (): string => {
  const awkward = jobs.find(({ name }) => name === 'awkward');
  if (awkward === undefined) throw new Error('The seed has no awkward job.');
  return awkward.commands;
};
