/** Submissions that do not go well: nothing is queued twice, nothing that was queued is lost sight of. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openPool } from '../../src/grids/condor/index.js';
import type { SubmitJobs } from '../../src/grids/job-actions.js';
import { signal } from './pool.js';

/**
 * A pool of scripts: `condor_submit` notes its run, does what `body` says, and puts what it queued into
 * `queue.json`, which `condor_q` prints when it is asked for the mark in it.
 */
function scripted(body: string, hold = 'true') {
  const folder = mkdtempSync(join(tmpdir(), 'submit-faults-'));
  const script = (name: string, text: string): void => {
    writeFileSync(join(folder, name), `#!/bin/sh\ncd ${folder}\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  script('condor_config_val', 'echo FULL_HOSTNAME = pool.test; echo DAEMON_LIST = MASTER, SCHEDD');
  script('condor_status', 'echo "["; echo "{"; echo \'"Name": "pool.test"\'; echo "}"; echo "]"');
  script('condor_history', 'true');
  script('condor_q', '[ ! -e broken ] || exit 1; [ ! -e queue.json ] || cat queue.json');
  script(
    'condor_submit',
    `echo $$ >>runs
     mark=$(sed -n 's/^MY.HtcGraphInput = "\\(.*\\)"/\\1/p')
     queue() {
       printf '[\\n{\\n"ClusterId": 7,\\n"ProcId": 0,\\n"TotalSubmitProcs": 2,\\n"HtcGraphInput": "%s"\\n}\\n]\\n' "$mark" >queue.json
     }
     ${body}`,
  );
  script('condor_hold', hold);
  const port = openPool({
    name: 'pool',
    path: folder,
    allowActions: true,
    actAs: { kind: 'gateway' },
  });
  onTestFinished(async () => {
    await port.stop();
    rmSync(folder, { recursive: true });
  });
  if (!port.actions) throw new Error('The pool can not be acted on.');
  const file = (name: string): string => join(folder, name);
  return {
    port,
    actions: port.actions,
    runs: () =>
      existsSync(file('runs')) ? readFileSync(file('runs'), 'utf8').trim().split('\n').length : 0,
    has: (name: string) => existsSync(file(name)),
    put: (name: string) => writeFileSync(file(name), ''),
  };
}

const request = (more: Partial<SubmitJobs> = {}): SubmitJobs => ({
  schedd: undefined,
  description: 'executable = /bin/true\nqueue 2',
  attributes: undefined,
  items: undefined,
  count: undefined,
  actor: { identity: 'alice', admin: true },
  idempotencyKey: 'key',
  dryRun: false,
  ...more,
});
const queued = { cluster: { schedd: 'pool.test', clusterId: 7 } };
const untilGo = 'while [ ! -e go ]; do sleep 0.02; done';
const ids = "echo '7.0 - 7.1'";

describe('a submission', () => {
  test('goes on to its end when the caller has gone; the same key joins it', async () => {
    const { actions, runs, has, put } = scripted(`${untilGo}; queue; ${ids}; echo x >ended`);
    const leaving = new AbortController();
    const first = actions.submit(request(), leaving.signal);
    await vi.waitFor(() => expect(runs()).toBe(1));
    leaving.abort(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    const second = actions.submit(request(), signal);
    put('go');
    expect(await second).toMatchObject({ ...queued, replayed: true });
    expect(has('ended')).toBe(true);
    expect(await actions.submit(request(), signal)).toMatchObject({ ...queued, replayed: true });
    expect(runs()).toBe(1);
  });

  test.each([
    ['fails without words', 'exit 1'],
    [
      'loses its schedd',
      'echo "ERROR: Failed to commit job submission into the queue." >&2; exit 1',
    ],
    ['is killed', 'kill -9 $$'],
    ['ends well without ids', 'exit 0'],
  ])('whose command queued the jobs and then %s is found by its mark', async (_how, end) => {
    const { actions, runs } = scripted(`queue; ${end}`);
    const { jobs, replayed } = await actions.submit(request({ idempotencyKey: undefined }), signal);
    expect(jobs.map(({ clusterId, procId }) => `${clusterId}.${procId}`)).toEqual(['7.0', '7.1']);
    expect(replayed).toBe(false);
    expect(runs()).toBe(1);
  });

  test.each([
    ['exit 1', 'UNAVAILABLE'],
    ['echo "ERROR: Can\'t find address of local schedd" >&2; exit 1', 'UNAVAILABLE'],
    ['kill -9 $$', 'UNAVAILABLE'],
    ['echo "ERROR: Parse error in expression: x = (" >&2; exit 1', 'BAD_USER_INPUT'],
    ['echo "chroot: invalid user: alice" >&2; exit 125', 'FORBIDDEN'],
    [
      'echo "Number of submitted jobs would exceed MAX_JOBS_PER_SUBMISSION" >&2; exit 1',
      'LIMIT_EXCEEDED',
    ],
  ])('that failed (%s) is an error, and is not tried again by itself', async (end, code) => {
    const { actions, runs } = scripted(end);
    await expect(actions.submit(request(), signal)).rejects.toMatchObject({ code });
    expect(runs()).toBe(1);
  });

  test('whose key can’t be looked up is not made', async () => {
    const { actions, runs, put } = scripted(`queue; ${ids}`);
    put('broken');
    await expect(actions.submit(request(), signal)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(runs()).toBe(0);
  });

  test('under way is waited for when the server stops', async () => {
    const { actions, port, runs, has, put } = scripted(`${untilGo}; queue; ${ids}; echo x >ended`);
    const answer = actions.submit(request(), signal);
    await vi.waitFor(() => expect(runs()).toBe(1));
    const stopped = port.stop();
    put('go');
    await stopped;
    expect(has('ended')).toBe(true);
    expect(await answer).toMatchObject(queued);
    await expect(
      actions.submit(request({ idempotencyKey: undefined }), signal),
    ).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('an action on more jobs than one command takes', () => {
  const keys = Array.from({ length: 1001 }, (_, procId) => ({
    ...{ schedd: 'pool.test', clusterId: 7, procId },
  }));
  const says = 'for id in "$@"; do echo "Job $id held"; done';

  test('goes on to its end when the caller leaves during the first', async () => {
    const pool = scripted('', `touch begun; ${untilGo}; echo $$ >>runs; ${says}`);
    const leaving = new AbortController();
    const who = { identity: 'alice', admin: true };
    const acted = pool.actions.act({ kind: 'HOLD', reason: undefined }, keys, who, leaving.signal);
    await vi.waitFor(() => expect(pool.has('begun')).toBe(true));
    leaving.abort(new Error('gone'));
    pool.put('go');
    expect(new Set((await acted).map(({ status }) => status))).toEqual(new Set(['DONE']));
    expect(pool.runs()).toBe(3);
  });
});
