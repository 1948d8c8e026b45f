/** Jobs submitted, held, released, edited and removed through the graph, with queries that see it in between. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  ActedJobDocument,
  EditJobsDocument,
  HoldJobsDocument,
  type JobActionInput,
  ReleaseJobsDocument,
  RemoveJobsDocument,
  SubmitJobsDocument,
  type SubmitJobsInput,
} from '../generated/graphql.js';
import { encodeId } from '../../src/grids/id.js';
import { describeReal } from '../real/index.js';
import { admin, caller, type Graph, openGraph, poolGrid } from './open-graph.js';

const alice = caller('alice', 'user');
const bob = caller('bob', 'user');
const reader = caller('alice', 'reader');

describeReal('pool', 'actions on jobs', (pool) => {
  let graph: Graph;
  /** A mark of this run: filters must find these jobs alone. */
  const mark = `actions-${process.pid}-${Date.now()}`;
  beforeAll(async () => {
    const argv = ['chroot', '--userspec={user}:{user}', pool.dir];
    const actAs = { kind: 'prefix', argv, adminAs: 'condor' } as const;
    graph = await openGraph([poolGrid(pool, { allowActions: true, actAs })], { maxActionJobs: 10 });
  });
  afterAll(async () => {
    await pool.remove(`ActionMark =?= "${mark}"`);
    await graph.stop();
  });

  const held = {
    executable: '/bin/sleep',
    arguments: '60',
    hold: true,
    requirements: false,
    '+ActionMark': mark,
  };
  const submit = async (more: Partial<SubmitJobsInput> = {}, who = alice) => {
    const input = { ...('description' in more ? {} : { attributes: held }), ...more };
    return (await graph.ask(SubmitJobsDocument, { input }, who)).submitJobs;
  };
  const submitted = async (more: Partial<SubmitJobsInput> = {}, who = alice) => {
    const { cluster, userErrors } = await submit(more, who);
    if (!cluster) throw new Error(JSON.stringify(userErrors));
    return { cluster, ids: cluster.jobs?.nodes.map(({ id }) => id) ?? [] };
  };
  const hold = async (input: JobActionInput, who = alice) =>
    (await graph.ask(HoldJobsDocument, { input }, who)).holdJobs;
  const release = async (input: JobActionInput, who = alice) =>
    (await graph.ask(ReleaseJobsDocument, { input }, who)).releaseJobs;
  const remove = async (input: JobActionInput, who = alice) =>
    (await graph.ask(RemoveJobsDocument, { input }, who)).removeJobs;
  const job = async (id = '', who = alice) => (await graph.ask(ActedJobDocument, { id }, who)).job;
  const statuses = ({ outcomes }: { outcomes: readonly { status: string }[] }) =>
    outcomes.map(({ status }) => status);

  it('show their effect: submit, release, hold, edit, remove', async () => {
    const { cluster, ids } = await submitted({ items: [{ n: 1 }, { n: 2 }] });
    const [id = ''] = ids;
    expect(cluster.jobs).toMatchObject({ totalCount: 2 });
    expect(await job(id)).toMatchObject({ state: 'HELD', origin: 'QUEUE' });

    expect(await release({ ids })).toMatchObject({ matched: 2, changed: 2, failed: 0 });
    expect(await job(id)).toMatchObject({ state: 'QUEUED' });

    const reason = 'the "input" is missing';
    const onHold = await hold({ cluster: cluster.id, reason });
    expect(onHold.outcomes[0]).toMatchObject({
      status: 'DONE',
      message: null,
      schedd: pool.scheddName,
      item: { id, state: 'HELD', holdReason: "the 'input' is missing (by user alice)" },
    });
    expect(await job(id)).toMatchObject({ holdReason: "the 'input' is missing (by user alice)" });

    const set = [
      { name: 'JobPrio', value: 5 },
      { name: 'Note', expression: 'JobPrio + 1' },
    ];
    const { editJobs } = await graph.ask(EditJobsDocument, { input: { ids, set } }, alice);
    expect(editJobs.outcomes[1]?.item).toMatchObject({
      priority: 5,
      attribute: { value: null, expression: 'JobPrio + 1' },
    });
    expect(await job(id)).toMatchObject({ priority: 5 });

    expect(await remove({ ids, reason: 'done' })).toMatchObject({ changed: 2 });
    await vi.waitFor(
      async () => {
        expect(await job(id)).toMatchObject({
          state: 'CANCELLED',
          origin: 'HISTORY',
          attribute: { value: expect.stringContaining('done') as string },
        });
      },
      { interval: 200 },
    );
    expect(statuses(await remove({ ids }))).toEqual(['ALREADY_DONE', 'ALREADY_DONE']);
    expect(statuses(await hold({ ids }))).toEqual(['BAD_STATE', 'BAD_STATE']);
  });

  it('are dry when asked: ads are shown, outcomes foreseen, nothing changes', async () => {
    const attributes = { ...held, '+Twice': { expression: 'RequestCpus * 2' } };
    const dry = await submit({ dryRun: true, count: 2, attributes });
    expect(dry).toMatchObject({ cluster: null, jobIds: [], streamCursor: null, userErrors: [] });
    expect(dry.ads).toMatchObject([{ ActionMark: mark, JobStatus: 5 }, { ActionMark: mark }]);
    // As `classAd` has it.
    expect(dry.ads?.[0]).toMatchObject({ Twice: 'RequestCpus * 2' });
    const { ids } = await submitted();
    const [id = ''] = ids;
    expect(await release({ ids, dryRun: true })).toMatchObject({ matched: 1, changed: 1 });
    expect(statuses(await hold({ ids, dryRun: true }))).toEqual(['ALREADY_DONE']);
    expect(await remove({ ids, dryRun: true })).toMatchObject({
      matched: 1,
      changed: 1,
      failed: 0,
    });
    expect(await job(id)).toMatchObject({ state: 'HELD' });
  });

  it('give the cluster of the first call for the same key', async () => {
    const idempotencyKey = crypto.randomUUID();
    const calls = await Promise.all([1, 2, 3].map(() => submit({ idempotencyKey })));
    expect(new Set(calls.map(({ cluster }) => cluster?.id)).size).toBe(1);
    expect(calls.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect((await submit({ idempotencyKey, count: 2 })).userErrors).toMatchObject([
      { code: 'IDEMPOTENCY_CONFLICT', path: ['idempotencyKey'] },
    ]);
  });

  describe('whose jobs', () => {
    it('another user’s are not there: by id, by cluster, by filter, like those that never were', async () => {
      const { cluster, ids } = await submitted();
      const [id = ''] = ids;
      const never = encodeId('Job', 'pool', pool.scheddName, 999_999_999, 0);
      const byId = await release({ ids: [id, never] }, bob);
      expect(byId).toMatchObject({ matched: 0, changed: 0, failed: 2 });
      const told = byId.outcomes.map(({ status, message, item }) => ({ status, message, item }));
      expect(told[0]).toEqual(told[1]);
      expect(told[0]).toMatchObject({ status: 'NOT_FOUND', item: null });
      const byCluster = await release({ cluster: cluster.id }, bob);
      expect(byCluster.userErrors).toMatchObject([{ code: 'NOT_FOUND', path: ['cluster'] }]);
      const attributes = [{ name: 'ActionMark', string: { eq: mark } }];
      const byFilter = await remove({ filter: { attributes }, expectAtMost: 10 }, bob);
      expect(byFilter).toMatchObject({ matched: 0, outcomes: [], userErrors: [] });
      expect(await job(id)).toMatchObject({ state: 'HELD' });
    });

    it('an admin acts on everybody’s', async () => {
      const { ids } = await submitted({}, bob);
      expect(statuses(await release({ ids }, admin))).toEqual(['DONE']);
      expect(await job(ids[0], bob)).toMatchObject({ state: 'QUEUED' });
    });

    it('a reader may do nothing', async () => {
      const { ids } = await submitted();
      const answers = await Promise.all([
        graph.answer(SubmitJobsDocument, { input: { attributes: held } }, reader),
        graph.answer(HoldJobsDocument, { input: { ids } }, reader),
        graph.answer(ReleaseJobsDocument, { input: { ids } }, reader),
        graph.answer(RemoveJobsDocument, { input: { ids } }, reader),
        graph.answer(EditJobsDocument, { input: { ids, set: [] } }, reader),
      ]);
      for (const { codes } of answers) expect(codes).toEqual(['FORBIDDEN']);
    });
  });

  describe('which jobs', () => {
    const some = encodeId('Job', 'pool', pool.scheddName, 1, 0);
    it.each([
      ['nothing', {}, 'BAD_USER_INPUT', null],
      ['two ways', { ids: [some], cluster: some }, 'BAD_USER_INPUT', null],
      ['no ids', { ids: [] }, 'BAD_USER_INPUT', ['ids']],
      ['a foreign id', { ids: ['x'] }, 'BAD_ID', null],
      ['too many ids', { ids: Array.from({ length: 11 }, (_, i) => encodeId('Job', 'pool', 's', 1, i)) }, 'LIMIT_EXCEEDED', ['ids']],
      ['a filter without a bound', { filter: { owner: { eq: 'alice' } } }, 'BAD_USER_INPUT', ['expectAtMost']],
      ['an empty filter', { filter: {}, expectAtMost: 5 }, 'BAD_FILTER', ['filter']],
      ['a filter that is empty inside', { filter: { and: [{}, { not: { or: [] } }] }, expectAtMost: 5 }, 'BAD_FILTER', ['filter']],
      ['a bound of none', { filter: { owner: { eq: 'alice' } }, expectAtMost: 0 }, 'BAD_USER_INPUT', ['expectAtMost']],
      ['a bound above the limit', { filter: { owner: { eq: 'alice' } }, expectAtMost: 11 }, 'BAD_USER_INPUT', ['expectAtMost']],
      ['a reason of two lines', { ids: [some], reason: 'a\nb' }, 'BAD_USER_INPUT', ['reason']],
    ] as const)('%s is refused', async (_name, input, code, path) => {
      const answer = await remove(input as JobActionInput);
      expect(answer).toMatchObject({ matched: 0, outcomes: [], userErrors: [{ code, path }] });
    }); // prettier-ignore

    it('a filter that matches more than expected does nothing', async () => {
      const own = `${mark}-many`;
      const attributes = { ...held, '+ActionGroup': own };
      const { ids } = await submitted({ attributes, count: 3 });
      const filter = { attributes: [{ name: 'ActionGroup', string: { eq: own } }] };
      const refused = await remove({ filter, expectAtMost: 2 });
      expect(refused.userErrors).toMatchObject([
        { code: 'LIMIT_EXCEEDED', message: expect.stringContaining('matched 3') as string },
      ]);
      expect(await job(ids[0])).toMatchObject({ state: 'HELD' });
      const allowed = await release({ filter, expectAtMost: 3 });
      expect(allowed).toMatchObject({ matched: 3, changed: 3, failed: 0 });
      expect(allowed.outcomes.map(({ nativeId }) => nativeId)).toEqual(
        expect.arrayContaining([0, 1, 2].map((n) => expect.stringMatching(`\\.${n}$`) as string)),
      );
    });

    it('the same id twice is one job', async () => {
      const { ids } = await submitted();
      expect(await release({ ids: [...ids, ...ids] })).toMatchObject({ matched: 1, changed: 1 });
    });
  });

  describe('what may not be', () => {
    it('is said with the part of the input it is about', async () => {
      const description = 'executable = /bin/sh\ninput = /etc/passwd\n';
      expect((await submit({ description })).userErrors).toMatchObject([
        { code: 'FORBIDDEN', path: ['description'] },
      ]);
      const { ids } = await submitted();
      const set = [
        { name: 'Note', value: 1 },
        { name: 'Cmd', value: '/bin/sh' },
      ];
      const { editJobs } = await graph.ask(EditJobsDocument, { input: { ids, set } }, alice);
      expect(editJobs.userErrors).toMatchObject([{ code: 'FORBIDDEN', path: ['set', '1'] }]);
      const both = [{ name: 'Note', value: 1, expression: '2' }];
      const second = await graph.ask(EditJobsDocument, { input: { ids, set: both } }, alice);
      expect(second.editJobs.userErrors).toMatchObject([
        { code: 'BAD_USER_INPUT', path: ['set', '0'] },
      ]);
    });
  });

  describe('what the operator hides', () => {
    it('may not be edited or read by an edit, dry or not: nothing of it is said', async () => {
      const actAs = {
        kind: 'prefix',
        argv: ['chroot', '--userspec={user}:{user}', pool.dir],
      } as const;
      const hideAttributes = ['Confidential'];
      const hiding = await openGraph([
        poolGrid(pool, { allowActions: true, actAs, hideAttributes }),
      ]);
      try {
        const attributes = { ...held, '+Confidential': 'sesame', '+Note': 'before' };
        const { ids } = await submitted({ attributes });
        for (const dryRun of [true, false]) {
          for (const edit of [
            { name: 'confidential', value: 'sesame' },
            { name: 'Note', expression: 'Confidential == "sesame"' },
          ]) {
            const set = [{ name: 'Rank', value: 1 }, edit];
            const { editJobs } = await hiding.ask(
              EditJobsDocument,
              { input: { ids, set, dryRun } },
              alice,
            );
            expect(editJobs).toMatchObject({ matched: 0, outcomes: [] });
            expect(editJobs.userErrors).toMatchObject([{ code: 'FORBIDDEN', path: ['set', '1'] }]);
            expect(editJobs.userErrors[0]?.message).toMatch(/hidden/);
            expect(JSON.stringify(editJobs)).not.toContain('sesame');
          }
        }
        // Where it is not hidden the same edit is taken: the job was there to be edited.
        const set = [{ name: 'Note', expression: 'Confidential == "sesame"' }];
        const { editJobs } = await graph.ask(EditJobsDocument, { input: { ids, set } }, alice);
        expect(editJobs).toMatchObject({ changed: 1, userErrors: [] });
      } finally {
        await hiding.stop();
      }
    });
  });

  describe('where they are off', () => {
    it('are refused with what to set', async () => {
      const reading = await openGraph([poolGrid(pool)]);
      try {
        const { submitJobs } = await reading.ask(
          SubmitJobsDocument,
          { input: { attributes: held } },
          admin,
        );
        expect(submitJobs.userErrors).toMatchObject([
          {
            code: 'CAPABILITY_MISSING',
            message: expect.stringContaining('allowActions') as string,
          },
        ]);
        const { ids } = await submitted();
        const { holdJobs } = await reading.ask(HoldJobsDocument, { input: { ids } }, admin);
        expect(holdJobs).toMatchObject({ userErrors: [{ code: 'CAPABILITY_MISSING' }] });
      } finally {
        await reading.stop();
      }
    });

    it('only admins submit as the gateway’s own account', async () => {
      const shared = await openGraph([
        poolGrid(pool, { allowActions: true, actAs: { kind: 'gateway' } }),
      ]);
      try {
        const { submitJobs } = await shared.ask(
          SubmitJobsDocument,
          { input: { attributes: held } },
          alice,
        );
        expect(submitJobs.userErrors).toMatchObject([
          { code: 'FORBIDDEN', message: expect.stringContaining('only admins') as string },
        ]);
      } finally {
        await shared.stop();
      }
    });
  });
});
