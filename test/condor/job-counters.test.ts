/** The schedd's own counters are used where they say exactly what was asked, and only there. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { JobCounters } from '../../src/grids/condor/job-counters.js';
import { CommandRunner } from '../../src/grids/condor/runner.js';
import { HiddenNames } from '../../src/grids/condor/hidden.js';
import { field, attribute, signal } from './pool.js';

const record = (Owner: string, counts: Readonly<Record<string, unknown>> = {}) => {
  const zeros = ['Idle', 'Running', 'Removed', 'Completed', 'Held', 'Suspended'].flatMap((name) => [
    [`Num${name}`, 0],
    [`NumScheduler${name}`, 0],
  ]);
  return {
    ...Object.fromEntries(zeros),
    ...{ Owner, User: `${Owner}@example.test`, NumJobs: 0, NumSchedulerJobs: 0 },
    ...counts,
  } as Readonly<Record<string, unknown>>;
};

/** Counters of a host whose `condor_qusers` prints these records, or is not there. */
function counters(records?: readonly unknown[], exitCode = 0) {
  const folder = mkdtempSync(join(tmpdir(), 'counters-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  if (records) {
    const output = `[\n${records.map((one) => JSON.stringify(one, null, 2)).join('\n,\n')}\n]\n`;
    const script = join(folder, 'condor_qusers');
    writeFileSync(join(folder, 'output'), output);
    writeFileSync(
      script,
      `#!/bin/sh\necho "$@" >>"${folder}/calls"\ncat "${folder}/output"\nexit ${exitCode}\n`,
    );
    chmodSync(script, 0o755);
  }
  const runner = new CommandRunner({ path: folder });
  onTestFinished(() => runner.stop());
  const pool = {
    ...{ name: 'condor', runner, collector: undefined },
    policy: async () => ({ hidden: new HiddenNames(), maxJobs: undefined }),
  };
  const found = new JobCounters(pool);
  const calls = (): number => {
    const path = join(folder, 'calls');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').length : 0;
  };
  const groups = async (...by: Parameters<JobCounters['groups']>[1]) =>
    (await found.groups({ name: 'submit@example.test', own: true }, by, signal))?.map((ad) =>
      ['Owner', 'JobStatus', 'JobCount'].map((name) => ad.get(name)),
    );
  return { groups, calls };
}

const busy = [
  record('alice', { NumIdle: 3, NumHeld: 1, NumJobs: 4 }),
  record('bob', { NumCompleted: 2, NumJobs: 2, NumSchedulerIdle: 1, NumSchedulerJobs: 1 }),
  record('carol'),
];

test('owners and states are counted, with the jobs that run on the submit host', async () => {
  const { groups } = counters(busy);
  expect(await groups(field('owner'), field('state'))).toEqual([
    ['alice', 1, 3],
    ['alice', 5, 1],
    ['bob', 1, 1],
    ['bob', 4, 2],
  ]);
});

test('anything else is left to the queue, without asking', async () => {
  const { groups, calls } = counters(busy);
  const others = [field('batchName'), field('holdCode'), field('constructor')];
  for (const ref of [...others, ...['Cmd', 'User', 'state', 'Terminal'].map(attribute)]) {
    expect(await groups(field('owner'), ref)).toBeUndefined();
  }
  expect(calls()).toBe(0);
});

test('running jobs are counted with those that transfer output: so not where the two are told apart', async () => {
  const { groups, calls } = counters([record('alice', { NumRunning: 2, NumJobs: 2 })]);
  expect(await groups(field('state'))).toEqual([['alice', 2, 2]]);
  for (const ref of [field('nativeState'), attribute('jobSTATUS')]) {
    expect(await groups(ref)).toBeUndefined();
  }
  expect(calls()).toBe(3);
});

test.each([
  ['that do not add up', [record('alice', { NumIdle: 3, NumJobs: 4 })]],
  ['without a sum', [record('alice', { NumJobs: undefined })]],
  ['of users of two domains', [record('alice'), record('alice', { User: 'alice@b.test' })]],
  ['whose owner is not the user', [record('alice', { User: 'bob@example.test' })]],
  ['of nobody', []],
])('records %s are not used, nor asked for again soon', async (_what, records) => {
  const { groups, calls } = counters(records);
  expect(await groups(field('owner'))).toBeUndefined();
  expect(await groups(field('owner'))).toBeUndefined();
  expect(calls()).toBe(1);
});

test('where the command is missing, or fails, the queue is asked', async () => {
  expect(await counters().groups(field('owner'))).toBeUndefined();
  expect(await counters([], 1).groups(field('owner'))).toBeUndefined();
});

test('projects are nobody', async () => {
  const project = { MyType: 'Project', Name: 'p', NumJobs: 7 };
  const { groups } = counters([project, record('alice', { NumIdle: 1, NumJobs: 1 })]);
  expect(await groups()).toEqual([['alice', 1, 1]]);
});
