/** What the operator hides and limits: from the settings of the grid, and from HTCondor's own configuration. */
import { describe, expect, test } from 'vitest';
import { Ad } from '../../src/classad/ad.js';
import { parseAds } from '../../src/classad/json.js';
import { AdRecord, checkRefs } from '../../src/grids/condor/attributes.js';
import { shownDetail } from '../../src/grids/condor/event-detail.js';
import { jobTable } from '../../src/grids/condor/fields.js';
import { HiddenNames } from '../../src/grids/condor/hidden.js';
import { jobRows } from '../../src/grids/condor/job-row.js';
import { policyOf } from '../../src/grids/condor/policy.js';
import { attributesFor } from '../../src/grids/condor/projection.js';
import { checkedExpression } from '../../src/grids/condor/submit/expression.js';
import type { JobRow } from '../../src/grids/jobs.js';
import { always } from '../../src/query/predicate.js';
import type { Tally } from '../../src/query/source.js';
import { describeReal, type RealPool } from '../real/index.js';
import {
  all,
  attribute,
  field,
  opened,
  scanned,
  seeded,
  selecting,
  signal,
  sourceOf,
} from './pool.js';

const forbidden = expect.objectContaining({ code: 'FORBIDDEN' }) as Error;

describe('the policy of a pool', () => {
  test('hides what the settings or RESTD_HIDE_JOB_ATTRS name, in whatever case', () => {
    const { hidden } = policyOf(
      { hideAttributes: ['Cmd'] },
      'restd_hide_job_attrs = Environment,  ARGS\tEnv ,\n',
    );
    for (const name of ['cmd', 'ENVIRONMENT', 'Args', 'env', 'ClaimId']) {
      expect(hidden.has(name), name).toBe(true);
    }
    expect(hidden.has('Command')).toBe(false);
  });

  test.each([
    [undefined, '', undefined],
    [7, '', 7],
    [undefined, 'RESTD_MAX_JOBS = 5\n', 5],
    [7, 'RESTD_MAX_JOBS = 5\n', 5],
    [3, 'RESTD_MAX_JOBS = 5\n', 3],
    [undefined, 'RESTD_MAX_JOBS = 0\n', 0],
    [undefined, 'RESTD_MAX_JOBS = -1\n', undefined],
    [3, 'RESTD_MAX_JOBS = -1\n', 3],
    [undefined, 'RESTD_MAX_JOBS =\n', undefined],
  ])('of maxJobs %j and "%s" the smaller limit counts: %j', (maxJobs, text, limit) => {
    expect(policyOf({ maxJobs }, text).maxJobs).toBe(limit);
  });

  test.each(['many', '1e3', '5 jobs', '2.5'])(
    '"%s" as RESTD_MAX_JOBS is no limit to guess',
    (text) => {
      expect(() => policyOf({}, `RESTD_MAX_JOBS = ${text}\n`)).toThrow(
        expect.objectContaining({
          code: 'UNAVAILABLE',
          message: expect.stringContaining(text) as string,
        }),
      );
    },
  );
});

describe('a hidden attribute', () => {
  const hidden = new HiddenNames(['Cmd', 'Owner', 'ExitCode', 'NumJobStarts']);
  const ad = new Ad({
    ClusterId: 1,
    ProcId: 0,
    JobStatus: 4,
    ExitBySignal: false,
    ExitCode: 0,
    Cmd: '/bin/secret',
    Owner: 'alice',
    NumJobStarts: 3,
  });
  const everything = selecting(Object.keys(jobTable), []);
  const row = jobRows('pool', 'schedd', everything, hidden)(ad, { origin: 'QUEUE', atMs: 0 });

  test('takes the fields along that are computed from it, but for what a job can not be without', () => {
    expect(row).toMatchObject({
      command: null,
      owner: null,
      exitCode: null,
      failure: null,
      attempts: 0,
      nativeId: '1.0',
      state: 'SUCCEEDED',
      terminal: true,
    });
  });

  test('still says to the rules of access whose the job is', () => {
    expect(row?.ownedBy).toBe('alice');
    expect(JSON.stringify(row?.record?.names())).not.toMatch(/Owner|Cmd/);
  });

  test('is fetched where the row needs it, and else not', () => {
    const names = attributesFor(
      selecting(['owner', 'command', 'state'], ['Cmd', 'Iwd']),
      jobTable,
      [],
      hidden,
    );
    expect(names).toEqual([
      'Owner',
      'JobStatus',
      'HoldReasonCode',
      'ExitBySignal',
      'ExitCode',
      'Iwd',
    ]);
  });

  test.each(['Cmd == "/bin/secret"', 'TARGET.cmd', '[ Cmd = "x" ].Cmd', 'f(a,CMD)'])(
    'redacts an expression that names it: %s',
    (text) => {
      const record = new AdRecord(
        parseAds(
          `[{"A": "\\/Expr(${text.replaceAll('"', '\\"')})\\/", "B": {"C": [1, "\\/Expr(Cmd)\\/"]}}]`,
        )[0] as Ad,
        hidden,
      );
      expect(record.attribute('A')).toEqual({
        name: 'A',
        defined: false,
        redacted: true,
        expression: null,
        value: null,
      });
      expect(record.attribute('B').value).toEqual({ C: [1, null] });
    },
  );

  test('takes along what HTCondor keeps of it before it is rounded', () => {
    const ad = new Ad({ Cmd: 'x', Cmd_RAW: 'xx', CmdX_RAW: 'y', _RAW: 'z' });
    expect(new AdRecord(ad, hidden).json()).toEqual({ CmdX_RAW: 'y', _RAW: 'z' });
    expect(() => checkRefs([attribute('cmd_raw')], hidden)).toThrow(forbidden);
    expect(hidden.namedIn('1 + CMD_RAW')).toBe(true);
    expect(hidden.namedIn('1 + Cmd_RAWs')).toBe(false);
  });

  test.each([
    ['ResidentSetSize', 'memoryUsage'],
    ['ResidentSetSize', 'RequestMemory'],
    ['ImageSize', 'RequestMemory'],
    ['DiskUsage', 'RequestDisk'],
    ['Cpus', 'SlotWeight'],
  ])('%s is not told by what HTCondor computes from it: %s', (name, computed) => {
    const hidden = new HiddenNames([name]);
    expect(() => checkRefs([attribute(computed)], hidden)).toThrow(
      expect.objectContaining({
        code: 'FORBIDDEN',
        message: expect.stringContaining(`${name} behind ${computed}`) as string,
      }),
    );
    expect(shownDetail({ [computed]: 3, Size: 1 }, hidden)).toEqual({ Size: 1 });
    const submitted = { path: ['description'], place: 'Line 1' };
    expect(() => checkedExpression(`1 + ${computed}`, hidden, submitted)).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    );
    expect(() => checkRefs([attribute(computed)], new HiddenNames(['Cmd']))).not.toThrow();
  });

  test('leaves expressions alone that only look like it', () => {
    expect(hidden.namedIn('Command + MyCmd + Cmd2')).toBe(false);
  });
});

/** The pool with settings of HTCondor's own, as its administrator would make them. */
const configured = (pool: RealPool, ...settings: readonly string[]) => ({
  prefix: {
    kind: 'exec',
    argv: ['env', ...settings.map((setting) => `_CONDOR_${setting}`), ...pool.prefix],
  } as const,
});

describeReal('pool', 'on the real pool', (pool) => {
  test('a scan stops at the limit, and says whether there was more', async () => {
    for (const settings of [{ maxJobs: 3 }, configured(pool, 'RESTD_MAX_JOBS=3')]) {
      const { port } = opened(pool, settings);
      for (const kind of ['QUEUE', 'HISTORY', 'ALL'] as const) {
        const notes = {};
        const found = await scanned(await sourceOf(port, kind), { filter: seeded, notes });
        expect(found, kind).toHaveLength(3);
        expect(notes, kind).toMatchObject({ truncated: true });
      }
    }
  });

  test('a list that just fits is whole', async () => {
    const everything = await scanned(await sourceOf(opened(pool).port), { filter: seeded });
    const { port } = opened(pool, { maxJobs: everything.length });
    const notes = {};
    expect(await scanned(await sourceOf(port), { filter: seeded, notes })).toHaveLength(
      everything.length,
    );
    expect(notes).not.toHaveProperty('truncated');
  });

  test('counts that the schedd makes are not limited: they read no jobs', async () => {
    const { port } = opened(pool, { maxJobs: 3 });
    const source = await sourceOf(port);
    const request = { filter: seeded, by: [field('state')], notes: {}, signal };
    const tallies = await all(source.tally?.(request) as AsyncIterable<readonly Tally<JobRow>[]>);
    expect(tallies.flat().reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(3);
  });

  test('look-ups are not limited', async () => {
    const jobs = await scanned(await sourceOf(opened(pool).port), { filter: seeded });
    const { port } = opened(pool, configured(pool, 'RESTD_MAX_JOBS=1'));
    const found = await port.findJobs(jobs, selecting(), signal);
    expect(found.filter((row) => row !== undefined)).toHaveLength(jobs.length);
  });

  test('what RESTD_HIDE_JOB_ATTRS names is hidden, and refused', async () => {
    const { port } = opened(pool, configured(pool, 'RESTD_HIDE_JOB_ATTRS=Cmd, myint'));
    const source = await sourceOf(port);
    const projection = selecting(['command', 'owner'], 'all');
    const [job] = await scanned(source, { filter: seeded, projection });
    expect(job).toMatchObject({ command: null, owner: expect.any(String) as string });
    expect(job?.record?.attribute('Cmd').redacted).toBe(true);
    for (const ref of [attribute('CMD'), attribute('MyInt'), field('command')]) {
      await expect(source.admits?.([ref], signal), JSON.stringify(ref)).rejects.toThrow(forbidden);
    }
    await source.admits?.([attribute('Iwd'), field('owner'), field('state')], signal);
    const filter = { op: 'defined', ref: attribute('Cmd') } as const;
    for (const each of [source, port.slots(), port.ads('ANY')] as const) {
      await expect(scanned(each as typeof source, { filter })).rejects.toThrow(forbidden);
    }
    expect(() =>
      source.tally?.({ filter: always, by: [attribute('Cmd')], notes: {}, signal }),
    ).toThrow(forbidden);
  });

  test('a limit that is no number makes the pool unavailable, not unlimited', async () => {
    const { port } = opened(pool, configured(pool, 'RESTD_MAX_JOBS=lots'));
    await expect(sourceOf(port)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test("HTCondor's configuration is read once for many lists and look-ups", async () => {
    const { port, commands } = opened(pool, { schedds: [pool.scheddName] });
    const source = await sourceOf(port);
    const jobs = await scanned(source, { filter: seeded });
    await Promise.all(jobs.slice(0, 5).map((job) => port.findJobs([job], selecting(), signal)));
    await scanned(await sourceOf(port), { filter: seeded });
    // The own schedd is looked for in the same words.
    expect(commands.filter(({ kind }) => kind === 'config').length).toBeLessThanOrEqual(2);
  });
});
