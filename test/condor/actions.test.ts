/** Acting on a real pool as alice and bob: the promises of the port, and what is HTCondor's own. */
import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { openPool, type ActAs, type PoolSettings } from '../../src/grids/condor/index.js';
import type { CommandReport } from '../../src/grids/condor/runner.js';
import type { Actor, JobActions, SubmitJobs } from '../../src/grids/job-actions.js';
import type { JobKey } from '../../src/grids/jobs.js';
import { jobActionsContract } from '../grids/job-actions-contract.js';
import { describeReal, type RealPool } from '../real/index.js';
import { prefixOf, selecting, signal } from './pool.js';

/** Commands run as the user whose name the caller has. */
const asCaller = ({ dir }: RealPool): ActAs => ({
  kind: 'prefix',
  argv: ['chroot', '--userspec={user}:{user}', dir],
  adminAs: 'condor',
});

const open = (pool: RealPool, settings: Partial<PoolSettings> = {}) =>
  openPool({
    name: 'pool',
    prefix: prefixOf(pool),
    allowActions: true,
    actAs: asCaller(pool),
    ...settings,
  });

const actor = (identity: string, admin = false): Actor => ({ identity, admin });
/** Released they take no slot that others wait for. */
const held = { executable: '/bin/sleep', arguments: 60, hold: true, requirements: false };
const submission = (request: Partial<SubmitJobs> = {}): SubmitJobs => ({
  schedd: undefined,
  description: undefined,
  attributes: held,
  items: undefined,
  count: undefined,
  actor: actor('alice'),
  idempotencyKey: undefined,
  dryRun: false,
  ...request,
});

describeReal('pool', 'a real pool', (pool) => {
  jobActionsContract(async (settings) => {
    const port = open(pool, settings);
    return {
      pool: port,
      users: ['alice', 'bob'],
      async close(clusters) {
        // Other tests submit by the same way meanwhile.
        await pool.remove(`member(ClusterId, {${clusters.join(',')}})`);
        await port.stop();
      },
    };
  });

  const acting = (settings: Partial<PoolSettings> = {}): JobActions => {
    const port = open(pool, settings);
    onTestFinished(() => port.stop());
    if (!port.actions) throw new Error('The pool can not be acted on.');
    return port.actions;
  };
  const submitted = async (request: Partial<SubmitJobs> = {}, settings?: Partial<PoolSettings>) => {
    const { jobs } = await acting(settings).submit(submission(request), signal);
    const [first] = jobs;
    if (!first) throw new Error('No job was queued.');
    onTestFinished(() => pool.remove(`ClusterId == ${first.clusterId}`));
    return { jobs, first };
  };
  const hold = async (actions: JobActions, keys: readonly JobKey[], who: Actor, reason?: string) =>
    actions.act({ kind: 'HOLD', reason }, keys, who, signal);
  const valueOf = async ({ clusterId, procId }: JobKey, name: string): Promise<string> => {
    const constraint = `ClusterId == ${clusterId} && ProcId == ${procId}`;
    const query = ['condor_q', '-allusers', '-af:r', name, '-constraint', constraint];
    const { stdout } = await pool.run(query);
    return stdout.trim();
  };

  describe('without allowActions', () => {
    test('there is nothing to act with, and the capabilities say so', () => {
      const port = open(pool, { allowActions: false });
      onTestFinished(() => port.stop());
      expect(port.actions).toBeUndefined();
      expect(port.capabilities()).not.toContain('SUBMIT');
      const on = open(pool);
      onTestFinished(() => on.stop());
      expect(on.capabilities()).toEqual(
        expect.arrayContaining(['SUBMIT', 'HOLD', 'RELEASE', 'REMOVE', 'EDIT']),
      );
      expect(() => open(pool, { actAs: undefined })).toThrow(/actAs/);
    });
  });

  describe('who acts', () => {
    test.each([
      'root',
      'Root',
      'alice:root',
      'a b',
      '-u',
      '../alice',
      '',
      'alice\nroot',
      '$(id)',
      '{user}',
    ])('never somebody called %j', async (identity) => {
      const kinds: readonly ActAs[] = [
        asCaller(pool),
        { kind: 'tokens', directory: '/etc/tokens' },
      ];
      for (const actAs of kinds) {
        const commands: CommandReport[] = [];
        const actions = acting({ actAs, onCommand: (report) => commands.push(report) });
        await expect(
          actions.submit(submission({ actor: actor(identity) }), signal),
        ).rejects.toMatchObject({ code: 'FORBIDDEN' });
        const key = { schedd: pool.scheddName, clusterId: 1, procId: 0 };
        await expect(hold(actions, [key], actor(identity))).rejects.toMatchObject({
          code: 'FORBIDDEN',
        });
        expect(commands.filter(({ kind }) => ['submit', 'hold'].includes(kind))).toEqual([]);
      }
    });

    test('an identity without an account is told so', async () => {
      const nobody = actor('mallory');
      const refused = { code: 'FORBIDDEN', message: 'The pool has no account mallory.' };
      await expect(acting().submit(submission({ actor: nobody }), signal)).rejects.toMatchObject(
        refused,
      );
      const key = { schedd: pool.scheddName, clusterId: 1, procId: 0 };
      expect(await hold(acting(), [key], nobody)).toMatchObject([
        { status: 'FORBIDDEN', message: 'The pool has no account mallory.' },
      ]);
    });

    test('HTCondor itself refuses what is another’s, as a second line of defence', async () => {
      const { first } = await submitted();
      const actions = acting();
      expect(await hold(actions, [first], actor('bob'))).toMatchObject([{ status: 'FORBIDDEN' }]);
      const release = { kind: 'RELEASE', reason: undefined } as const;
      expect(await actions.act(release, [first], actor('bob'), signal)).toMatchObject([
        { status: 'FORBIDDEN' },
      ]);
      const edit = { kind: 'EDIT', set: [{ name: 'JobPrio', set: { value: 99 } }] } as const;
      expect(await actions.act(edit, [first], actor('bob'), signal)).toMatchObject([
        { status: 'FORBIDDEN' },
      ]);
    });

    test('an admin acts as the account for admins, and the reason says for whom', async () => {
      const { first } = await submitted({
        attributes: { ...held, hold: false },
      });
      const admin = actor('carol"', true);
      expect(await hold(acting(), [first], admin, 'look at this')).toMatchObject([
        { status: 'DONE' },
      ]);
      expect(await valueOf(first, 'HoldReason')).toBe(
        '"look at this (for carol?) (by user condor)"',
      );
    });

    test('the gateway’s own account needs no name, and root may submit nothing', async () => {
      const actions = acting({ actAs: { kind: 'gateway' } });
      expect(actions.account).toBe('gateway');
      await expect(actions.submit(submission(), signal)).rejects.toMatchObject({
        code: 'FORBIDDEN',
        message: expect.stringContaining('takes no jobs from the account') as string,
      });
    });
  });

  describe('with a token for each user', () => {
    const directory = '/etc/htc-graph-tokens';
    const tokens: ActAs = { kind: 'tokens', directory };
    beforeAll(() => {
      const script = `mkdir -p ${directory}/alice ${directory}/empty
        condor_token_create -identity alice@${pool.scheddName} >${directory}/alice/token
        chmod -R go= ${directory}`;
      execFileSync('chroot', [pool.dir, 'sh', '-c', script]);
      return () => void execFileSync('rm', ['-r', `${pool.dir}${directory}`]);
    });

    test('jobs are the user’s, and can be acted on', async () => {
      const { first } = await submitted({}, { actAs: tokens });
      expect(await valueOf(first, 'Owner')).toBe('"alice"');
      const release = { kind: 'RELEASE', reason: 'go' } as const;
      const [released] = await acting({ actAs: tokens }).act(
        release,
        [first],
        actor('alice'),
        signal,
      );
      expect(released?.status).toBe('DONE');
    });

    test.each(['empty', 'bob'])(
      'whoever has none (%s) is nobody: no other credential takes its place',
      async (identity) => {
        const { first } = await submitted({
          attributes: { ...held, hold: false },
        });
        const actions = acting({ actAs: tokens });
        await expect(
          actions.submit(submission({ actor: actor(identity) }), signal),
        ).rejects.toMatchObject({ code: 'FORBIDDEN' });
        const [outcome] = await hold(actions, [first], actor(identity));
        expect(outcome?.status).not.toBe('DONE');
        expect(await valueOf(first, 'JobStatus')).toBe('1');
      },
    );
  });

  describe('a submission', () => {
    test('is found by its mark alone where the owner is the caller’s account', async () => {
      const idempotencyKey = crypto.randomUUID();
      const { first } = await submitted({ idempotencyKey });
      const mark = await valueOf(first, 'HtcGraphSubmission');
      await pool.run(['condor_rm', `${first.clusterId}`]);
      // Somebody else's job with the same mark, older or not, is not what alice submitted.
      const forged = await pool.submit(
        'bob',
        `executable=/bin/sleep\ntransfer_executable=false\nhold=true\n+HtcGraphSubmission=${mark}\nqueue\n`,
      );
      onTestFinished(() => pool.remove(`ClusterId == ${forged}`));
      const again = await acting().submit(submission({ idempotencyKey }), signal);
      expect(again).toMatchObject({ replayed: true, cluster: { clusterId: first.clusterId } });
    });

    test('that HTCondor refuses says why', async () => {
      const bad = { attributes: { ...held, request_memory: '1 xyz' } };
      await expect(acting().submit(submission(bad), signal)).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        message: expect.stringContaining('condor_submit refused it') as string,
      });
    });

    test('keeps its files in the folder of the user; without one it leaves them and ends well', async () => {
      const running = { executable: '/bin/sh', priority: 90, request_memory: '32MB' };
      const [kept, left] = await Promise.all([
        submitted(
          {
            attributes: {
              ...running,
              arguments: ['-c', 'echo kept'],
              output: 'graph-$(ClusterId).out',
            },
          },
          { submitDirectory: '/home/{user}' },
        ),
        submitted({ attributes: { ...running, arguments: ['-c', 'echo x >left-behind'] } }),
      ]);
      const port = open(pool);
      onTestFinished(() => port.stop());
      await vi.waitFor(
        async () => {
          const rows = await port.findJobs(
            [kept.first, left.first],
            selecting(['state', 'origin']),
            signal,
          );
          const ended = { origin: 'HISTORY', state: 'SUCCEEDED' };
          expect(rows).toMatchObject([ended, ended]);
        },
        { timeout: 100_000, interval: 250 },
      );
      const path = `/home/alice/graph-${kept.first.clusterId}.out`;
      expect((await pool.run(['cat', path])).stdout).toBe('kept\n');
      await pool.run(['rm', path]);
    });
  });

  test('many jobs are acted on by a few commands', async () => {
    const { jobs } = await submitted({ count: 600 });
    const commands: CommandReport[] = [];
    const actions = acting({ onCommand: (report) => commands.push(report) });
    const edit = { kind: 'EDIT', set: [{ name: 'Note', set: { value: 'all' } }] } as const;
    for (const action of [
      edit,
      { kind: 'RELEASE', reason: undefined },
      { kind: 'REMOVE', reason: 'done' },
    ] as const) {
      const acted = await actions.act(action, jobs, actor('alice'), signal);
      expect(acted.map(({ key }) => key)).toEqual(jobs);
      expect(new Set(acted.map(({ status }) => status))).toEqual(new Set(['DONE']));
    }
    const counts = (kind: string) => commands.filter((command) => command.kind === kind).length;
    expect(['edit', 'release', 'remove'].map(counts)).toEqual([3, 2, 2]);
  });
});
