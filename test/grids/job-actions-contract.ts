/** What every pool that can be acted on promises: one suite over each implementation of the port. */
import { beforeAll, afterAll, describe, expect, test, vi } from 'vitest';
import type { Actor, JobActions, JobEdit, SubmitJobs } from '../../src/grids/job-actions.js';
import type { JobKey, JobPool, JobRow } from '../../src/grids/jobs.js';

export interface ActingPool {
  readonly pool: JobPool;
  /** Two identities that may submit, neither of them an admin. */
  readonly users: readonly [string, string];
  /** Removes what the suite submitted, and closes the pool. */
  close(clusters: readonly number[]): Promise<void>;
}

const signal = new AbortController().signal;
const shown = {
  fields: new Set([
    'owner',
    'state',
    'nativeState',
    'origin',
    'arguments',
    'holdReason',
    'priority',
  ]),
  attributes: 'all',
} as const;

/** A job that stays where it is: on hold from the start, and released it takes no slot that others wait for. */
const held = 'executable = /bin/sleep\narguments = 60\nhold = true\nrequirements = false\n';

/** What the operator of the pool hides. */
const confidential = 'Confidential';

export interface ActingSettings {
  readonly hideAttributes: readonly string[];
}

export function jobActionsContract(open: (settings: ActingSettings) => Promise<ActingPool>): void {
  let opened: ActingPool;
  let actions: JobActions;
  let alice: Actor;
  let bob: Actor;
  beforeAll(async () => {
    opened = await open({ hideAttributes: [confidential] });
    if (!opened.pool.actions) throw new Error('The pool can not be acted on.');
    actions = opened.pool.actions;
    [alice, bob] = opened.users.map((identity) => ({ identity, admin: false })) as [Actor, Actor];
  });
  const clusters: number[] = [];
  afterAll(() => opened.close(clusters));

  const submit = async (request: Partial<SubmitJobs> = {}) => {
    const submission = await actions.submit(
      {
        schedd: undefined,
        description: 'attributes' in request ? undefined : held,
        attributes: undefined,
        items: undefined,
        count: undefined,
        actor: alice,
        idempotencyKey: undefined,
        dryRun: false,
        ...request,
      },
      signal,
    );
    if (submission.cluster) clusters.push(submission.cluster.clusterId);
    return submission;
  };
  const submitted = async (request: Partial<SubmitJobs> = {}): Promise<readonly JobKey[]> =>
    (await submit(request)).jobs;
  const rowsOf = async (keys: readonly JobKey[]): Promise<readonly (JobRow | undefined)[]> =>
    (await opened.pool.findJobs(keys, shown, signal)).map((row) => {
      if (row instanceof Error) throw row;
      return row;
    });
  const rowOf = async (key: JobKey | undefined): Promise<JobRow> => {
    const [row] = key ? await rowsOf([key]) : [];
    if (!row) throw new Error('The job is not there.');
    return row;
  };
  const value = (row: JobRow, name: string) => row.record?.attribute(name);
  const act = async (
    kind: 'HOLD' | 'RELEASE' | 'REMOVE',
    keys: readonly JobKey[],
    { actor = alice, reason }: { actor?: Actor; reason?: string } = {},
  ) => {
    const action = { kind, reason };
    await actions.check(action, signal);
    return (await actions.act(action, keys, actor, signal)).map(({ status }) => status);
  };
  const edit = async (keys: readonly JobKey[], ...set: readonly JobEdit[]) => {
    const action = { kind: 'EDIT', set } as const;
    await actions.check(action, signal);
    return (await actions.act(action, keys, alice, signal)).map(({ status }) => status);
  };

  describe('a submission', () => {
    test('queues jobs of the caller, one for each item and count, in their order', async () => {
      const { cluster, jobs, replayed, ads } = await submit({
        description: 'executable = /bin/sleep\narguments = $(seconds) $(Step)\nhold = true\n',
        items: [{ seconds: 10 }, { seconds: 20 }],
        count: 2,
      });
      expect({ replayed, ads }).toEqual({ replayed: false, ads: null });
      expect(jobs.map(({ procId }) => procId)).toEqual([0, 1, 2, 3]);
      expect(new Set(jobs.map(({ clusterId }) => clusterId))).toEqual(
        new Set([cluster?.clusterId]),
      );
      const rows = await rowsOf(jobs);
      expect(rows.map((row) => row?.arguments)).toEqual(['10 0', '10 1', '20 0', '20 1']);
      expect(new Set(rows.map((row) => row?.owner))).toEqual(new Set([alice.identity]));
    });

    test('takes commands as an object, with attributes of the job as JSON values', async () => {
      const [key] = await submitted({
        attributes: {
          executable: '/bin/sh',
          arguments: ['-c', "echo 'it''s' \"quoted\"; exit 0"],
          environment: { GREETING: 'hello world' },
          request_cpus: 1,
          hold: true,
          '+Project': 'say "hi"',
          '+Weights': [1, 2.5, true, 'x'],
          '+Twice': { expression: 'RequestCpus * 2' },
        },
      });
      const row = await rowOf(key);
      expect(value(row, 'Project')?.value).toBe('say "hi"');
      expect(value(row, 'Weights')?.value).toEqual([1, 2.5, true, 'x']);
      expect(value(row, 'Twice')?.expression).toMatch(/RequestCpus \* 2/);
    });

    test('several values of an item go where the description names them, whatever they hold', async () => {
      const items = [
        { name: 'one, two', text: ' "x" (', n: 1 },
        { name: ', three', text: ') # y', n: 2 },
      ];
      const keys = await submitted({
        description:
          'executable = /bin/echo\narguments = $(n) $(ProcId)\nbatch_name = $(name)\n+Text = "item $(n)"\nhold = true\nhint = $(text)\nenvironment = HINT=$(n)\ndescription = $(hint)\nqueue',
        items,
      });
      const rows = await rowsOf(keys);
      expect(rows.map((row) => row && value(row, 'JobBatchName')?.value)).toEqual([
        'one, two',
        ', three',
      ]);
      expect(rows.map((row) => row && value(row, 'JobDescription')?.value)).toEqual([
        '"x" (',
        ') # y',
      ]);
      expect(rows.map((row) => row?.arguments)).toEqual(['1 0', '2 1']);
    });

    test('that is dry shows the ads and queues nothing', async () => {
      const marked = { '+DryRunMark': 'dry', executable: '/bin/sleep', arguments: '$(Item)' };
      const { cluster, jobs, ads } = await submit({
        attributes: marked,
        items: [1, 2],
        dryRun: true,
      });
      expect({ cluster, jobs }).toEqual({ cluster: null, jobs: [] });
      expect(ads?.map((ad) => ad.attribute('DryRunMark').value)).toEqual(['dry', 'dry']);
      expect(ads?.map((ad) => ad.attribute('Args').value)).toEqual(['1', '2']);
    });

    test('that is refused says which part is to blame, and queues nothing', async () => {
      await expect(
        submit({ description: `${held}queue name from list.txt\n` }),
      ).rejects.toMatchObject({
        code: 'FORBIDDEN',
        path: ['description'],
        message: expect.stringContaining('Line 5') as string,
      });
      await expect(submit({ items: [] })).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        path: ['items'],
      });
      await expect(submit({ schedd: 'no-such@schedd' })).rejects.toMatchObject({
        code: 'UNKNOWN_SCHEDD',
      });
    });
  });

  describe('an idempotency key', () => {
    test('gives the first answer again, also after the jobs have gone', async () => {
      const key = { idempotencyKey: crypto.randomUUID(), count: 2 };
      const first = await submit(key);
      expect(await submit(key)).toEqual({ ...first, replayed: true });
      expect(await act('REMOVE', first.jobs)).toEqual(['DONE', 'DONE']);
      await vi.waitFor(
        async () => {
          const origins = (await rowsOf(first.jobs)).map((row) => row?.origin);
          expect(origins).toEqual(['HISTORY', 'HISTORY']);
        },
        { interval: 100 },
      );
      expect(await submit(key)).toEqual({ ...first, replayed: true });
    });

    test('used several times at once is one submission', async () => {
      const key = { idempotencyKey: crypto.randomUUID() };
      const answers = await Promise.all([submit(key), submit(key), submit(key)]);
      expect(new Set(answers.map(({ cluster }) => cluster?.clusterId)).size).toBe(1);
      expect(answers.map(({ replayed }) => replayed).sort()).toEqual([false, true, true]);
    });

    test('refuses another input, and is the caller’s own', async () => {
      const key = { idempotencyKey: crypto.randomUUID() };
      const first = await submit(key);
      await expect(submit({ ...key, count: 2 })).rejects.toMatchObject({
        code: 'IDEMPOTENCY_CONFLICT',
        path: ['idempotencyKey'],
      });
      const others = await submit({ ...key, actor: bob });
      expect(others.replayed).toBe(false);
      expect(others.cluster?.clusterId).not.toBe(first.cluster?.clusterId);
      expect((await rowOf(others.jobs[0])).owner).toBe(bob.identity);
    });
  });

  describe('jobs', () => {
    test('are held, released and removed, and say why', async () => {
      const keys = await submitted({
        description: 'executable = /bin/sleep\narguments = 60\nrequirements = false\n',
        count: 2,
      });
      expect(await act('RELEASE', keys)).toEqual(['BAD_STATE', 'BAD_STATE']);
      expect(await act('HOLD', keys, { reason: 'waits for "input"' })).toEqual(['DONE', 'DONE']);
      const row = await rowOf(keys[0]);
      expect(row.state).toBe('HELD');
      expect(row.holdReason).toContain("waits for 'input'");
      expect(await act('HOLD', keys)).toEqual(['ALREADY_DONE', 'ALREADY_DONE']);
      expect(await act('RELEASE', keys.slice(0, 1), { reason: 'input is there' })).toEqual([
        'DONE',
      ]);
      expect((await rowOf(keys[0])).state).toBe('QUEUED');
      expect(await act('REMOVE', keys, { reason: 'no longer needed' })).toEqual(['DONE', 'DONE']);
      await vi.waitFor(
        async () => {
          const gone = await rowOf(keys[0]);
          expect(gone).toMatchObject({ origin: 'HISTORY', state: 'CANCELLED' });
          expect(value(gone, 'RemoveReason')?.value).toContain('no longer needed');
        },
        { interval: 100 },
      );
      expect(await act('REMOVE', keys.slice(0, 1))).toEqual(['NOT_FOUND']);
    });

    test('have an outcome each, in the order asked for', async () => {
      const [one, two] = await submitted({ count: 2 });
      if (!one || !two) throw new Error('Two jobs were submitted.');
      const missing = { ...one, clusterId: 999_999_999 };
      expect(await act('RELEASE', [two, missing, one])).toEqual(['DONE', 'NOT_FOUND', 'DONE']);
      expect(await act('HOLD', [missing])).toEqual(['NOT_FOUND']);
    });

    test('can be edited: values as they are, expressions as they mean', async () => {
      const keys = await submitted({ count: 2 });
      const edits: JobEdit[] = [
        { name: 'JobPrio', set: { value: 7 } },
        { name: 'Note', set: { value: 'a "quoted" text = b \\ c' } },
        { name: 'Ratio', set: { value: -0.5 } },
        { name: 'Twice', set: { expression: 'JobPrio * 2' } },
      ];
      expect(await edit(keys, ...edits)).toEqual(['DONE', 'DONE']);
      for (const row of await rowsOf(keys)) {
        expect(row?.priority).toBe(7);
        expect(row && value(row, 'Note')?.value).toBe('a "quoted" text = b \\ c');
        expect(row && value(row, 'Ratio')?.value).toBe(-0.5);
        expect(row && value(row, 'Twice')?.expression).toBe('JobPrio * 2');
      }
    });

    test('that are gone do not keep the others from being edited', async () => {
      const [one] = await submitted();
      if (!one) throw new Error('A job was submitted.');
      const missing = { ...one, clusterId: 999_999_999 };
      const outcomes = await edit([missing, one], { name: 'Note', set: { value: 'x' } });
      expect(outcomes).toEqual(['NOT_FOUND', 'DONE']);
    });
  });

  describe('an action that can’t be', () => {
    test.each([
      ['a reason of two lines', { kind: 'HOLD', reason: 'a\nb' } as const, 'BAD_USER_INPUT'],
      ['a reason with NUL', { kind: 'REMOVE', reason: 'a\u0000b' } as const, 'BAD_USER_INPUT'],
      [
        'a reason without end',
        { kind: 'RELEASE', reason: 'x'.repeat(1001) } as const,
        'BAD_USER_INPUT',
      ],
    ])('%s', async (_name, action, code) => {
      await expect(actions.check(action, signal)).rejects.toMatchObject({ code });
    });

    test.each([
      ['Owner', { value: 'bob' }, 'FORBIDDEN'],
      ['jobstatus', { value: 4 }, 'FORBIDDEN'],
      ['Cmd', { value: '/bin/true' }, 'FORBIDDEN'],
      ['TransferInput', { value: '/etc/passwd' }, 'FORBIDDEN'],
      ['UserLog', { value: '/etc/cron.d/x' }, 'FORBIDDEN'],
      ['ClaimId', { value: 'x' }, 'FORBIDDEN'],
      ['_condor_privX', { value: 'x' }, 'FORBIDDEN'],
      ['-name', { value: 'x' }, 'BAD_ATTRIBUTE'],
      ['A=B', { value: 'x' }, 'BAD_ATTRIBUTE'],
      ['A B', { value: 'x' }, 'BAD_ATTRIBUTE'],
      ['Note', { value: 'a\nb' }, 'BAD_USER_INPUT'],
      ['Note', { value: { a: 1 } }, 'BAD_USER_INPUT'],
      ['Note', { value: 'ends in \\' }, 'BAD_USER_INPUT'],
      ['Note', { expression: '1 +' }, 'BAD_USER_INPUT'],
      ['Note', { expression: '1 2' }, 'BAD_USER_INPUT'],
      ['Note', { expression: 'ClaimId' }, 'FORBIDDEN'],
      ['Note', { expression: 'MY.ClaimId == "x"' }, 'FORBIDDEN'],
      ['Note', { expression: 'eval("Claim" + "Id")' }, 'FORBIDDEN'],
      ['CONFIDENTIAL', { value: 'x' }, 'FORBIDDEN'],
      ['Note', { expression: 'confidential' }, 'FORBIDDEN'],
      ['Note', { expression: '[a = my.Confidential].a' }, 'FORBIDDEN'],
      ['Note', { expression: 'strcat("x", TARGET.Confidential)' }, 'FORBIDDEN'],
      ['Args', { value: '1 $$(Confidential)' }, 'FORBIDDEN'],
      ['Environment', { expression: '"A=$$(confidential:none)"' }, 'FORBIDDEN'],
      ['Args', { value: ['$$([eval("Confid" + "ential")])'] }, 'FORBIDDEN'],
    ] as const)('an edit of %s to %j is %s', async (name, set, code) => {
      const action = { kind: 'EDIT', set: [{ name, set }] } as const;
      await expect(actions.check(action, signal)).rejects.toMatchObject({ code });
    });

    test('an edit of what is hidden is refused whoever asks, and tells nothing of it', async () => {
      const secret = 'sesame-4711';
      const keys = await submitted({ description: `${held}+${confidential} = "${secret}"\n` });
      for (const edit of [
        { name: confidential, set: { value: 1 } },
        { name: 'Note', set: { expression: `${confidential} == "${secret}"` } },
      ]) {
        const action = { kind: 'EDIT', set: [edit] } as const;
        for (const actor of [alice, { identity: alice.identity, admin: true }]) {
          const refusal = actions.act(action, keys, actor, signal);
          await expect(refusal).rejects.toMatchObject({ code: 'FORBIDDEN' });
          await expect(refusal).rejects.not.toThrow(secret);
        }
      }
      const row = await rowOf(keys[0]);
      expect(value(row, 'Note')).toMatchObject({ defined: false });
      expect(value(row, confidential)).toMatchObject({ redacted: true, value: null });
    });
  });
}
