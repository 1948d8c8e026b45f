import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { argvOf } from '../../src/grids/condor/command.js';
import {
  CommandRunner,
  type CommandReport,
  type RunnerOptions,
} from '../../src/grids/condor/runner.js';
import { Schedds } from '../../src/grids/condor/schedds.js';
import { all } from './pool.js';

const folder = mkdtempSync(join(tmpdir(), 'runner-'));
afterAll(() => rmSync(folder, { recursive: true }));

const script = join(folder, 'condor_q');
writeFileSync(
  script,
  `#!/bin/sh
echo $$ >>"${folder}/pids"
case $1 in
echo) echo "$2" ;;
env) env ;;
sleep) echo started; sleep 60; echo never ;;
leave) sleep 60 & ;;
fail) echo 'Error: Collector has no record of schedd/submitter' >&2; exit 1 ;;
esac
`,
);
chmodSync(script, 0o755);

const signal = new AbortController().signal;
const q = (...args: string[]) => ({ program: 'condor_q', args }) as const;

function running(options: Partial<RunnerOptions> = {}) {
  const reports: CommandReport[] = [];
  const runner = new CommandRunner({
    path: folder,
    onCommand: (report) => reports.push(report),
    ...options,
  });
  onTestFinished(() => runner.stop());
  return { runner, reports, outcomes: () => reports.map(({ outcome }) => outcome) };
}

/** Deadlines pass when the test says so, however long a process takes to start. */
function timersByHand(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** Starts a command that does not end, and waits until it runs. */
async function hanging(runner: CommandRunner, stop: AbortSignal) {
  const output = runner.stream(q('sleep'), stop);
  const first = await output.next();
  expect(String(first.value)).toBe('started\n');
  const pid = Number(readFileSync(join(folder, 'pids'), 'utf8').trim().split('\n').at(-1));
  return { output, pid };
}

const alive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z');

describe('a command', () => {
  test('gets its arguments as they are: no shell reads them', async () => {
    const { runner } = running();
    const nasty = `$(touch ${folder}/pwned) \`id\` ; & | > "x" 'y' \\ *`;
    expect(String(await runner.collect(q('echo', nasty), signal))).toBe(`${nasty}\n`);
    expect(existsSync(join(folder, 'pwned'))).toBe(false);
  });

  test('gets a fixed environment', async () => {
    vi.stubEnv('REQUEST_TEXT', 'x');
    onTestFinished(() => void vi.unstubAllEnvs());
    const env = String(await running().runner.collect(q('env'), signal));
    expect(env).toContain('LANG=C.UTF-8');
    expect(env).toContain('_CONDOR_QUERY_TIMEOUT=10');
    expect(env).toContain('_CONDOR_TOOL_DEBUG_ON_ERROR=D_CAT');
    expect(env).not.toContain('REQUEST_TEXT');
  });

  test('that takes too long is killed with all it started, and is TIMED_OUT', async () => {
    timersByHand();
    const { runner, outcomes } = running({ deadlineMs: 150, coolDownMs: 0 });
    const { output, pid } = await hanging(runner, signal);
    const rest = expect(all(output)).rejects.toMatchObject({ code: 'TIMED_OUT', retryable: true });
    vi.advanceTimersByTime(150);
    await rest;
    expect(alive(pid)).toBe(false);
    expect(outcomes()).toEqual(['timed-out']);
  });

  test('that ends and leaves a child with its pipes is killed with it at the deadline', async () => {
    const { runner, outcomes } = running({ deadlineMs: 150, coolDownMs: 0 });
    await expect(runner.collect(q('leave'), signal)).rejects.toMatchObject({ code: 'TIMED_OUT' });
    expect(outcomes()).toEqual(['timed-out']);
  });

  test('is killed when its caller goes', async () => {
    const { runner, outcomes } = running();
    const caller = new AbortController();
    const { output, pid } = await hanging(runner, caller.signal);
    const rest = all(output);
    caller.abort(new Error('gone'));
    await expect(rest).rejects.toThrow('gone');
    expect(alive(pid)).toBe(false);
    expect(outcomes()).toEqual(['cancelled']);
  });

  test('is killed when its reader returns early', async () => {
    const { runner } = running();
    const { output, pid } = await hanging(runner, signal);
    await output.return();
    await vi.waitFor(() => expect(alive(pid)).toBe(false));
  });

  test('is killed by stop, and none starts after it', async () => {
    const { runner } = running();
    const { output, pid } = await hanging(runner, signal);
    const rest = all(output).catch((error: unknown) => error);
    await runner.stop();
    await rest;
    expect(alive(pid)).toBe(false);
    await expect(runner.collect(q('echo', 'x'), signal)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });

  test('that fails says why', async () => {
    const { runner, outcomes } = running();
    await expect(runner.collect(q('fail'), signal)).rejects.toMatchObject({
      code: 'UNKNOWN_SCHEDD',
    });
    expect(outcomes()).toEqual(['failed']);
  });

  test('that is not there is UNAVAILABLE and says so', async () => {
    const { runner } = running({ path: join(folder, 'nowhere') });
    await expect(runner.collect(q(), signal)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('not found') as string,
    });
  });
});

describe('commands at the same time', () => {
  test('never more than the limit; one more waits for a place', async () => {
    const { runner } = running({ concurrency: 1 });
    const first = new AbortController();
    const { output } = await hanging(runner, first.signal);
    let done = false;
    const second = runner.collect(q('echo', 'second'), signal).then((text) => {
      done = true;
      return text;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    first.abort(new Error('gone'));
    await expect(all(output)).rejects.toThrow('gone');
    expect(String(await second)).toBe('second\n');
  });

  test('a full queue is THROTTLED with a time to wait', async () => {
    const { runner } = running({ concurrency: 1, queueLimit: 1 });
    const { output } = await hanging(runner, signal);
    const waiting = new AbortController();
    const queued = runner.collect(q('echo', 'a'), waiting.signal).catch((error: unknown) => error);
    await expect(runner.collect(q('echo', 'b'), signal)).rejects.toMatchObject({
      code: 'THROTTLED',
      retryAfterMs: 1000,
    });
    waiting.abort(new Error('gone'));
    expect(await queued).toMatchObject({ message: 'gone' });
    await output.return();
  });

  test('one that timed out keeps its place for the cool-down', async () => {
    timersByHand();
    const { runner } = running({ concurrency: 1, deadlineMs: 100, coolDownMs: 250 });
    const { output } = await hanging(runner, signal);
    const rest = expect(all(output)).rejects.toMatchObject({ code: 'TIMED_OUT' });
    vi.advanceTimersByTime(100);
    await rest;
    // The place is not free within the wait of 100 ms, and is free after the cool-down.
    const early = expect(runner.collect(q('echo', 'x'), signal)).rejects.toMatchObject({
      code: 'THROTTLED',
    });
    vi.advanceTimersByTime(100);
    await early;
    vi.advanceTimersByTime(149);
    const late = runner.collect(q('echo', 'y'), signal);
    await new Promise((resolve) => setImmediate(resolve));
    expect(vi.getTimerCount()).toBe(2);
    vi.advanceTimersByTime(1);
    expect(String(await late)).toBe('y\n');
  });

  test('identical ones are one, and each caller may go without the others', async () => {
    const { runner, reports } = running();
    const leaving = new AbortController();
    const [gone, ...stay] = [leaving.signal, signal, signal].map((each) =>
      runner.collect(q('echo', 'shared'), each),
    );
    leaving.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    expect((await Promise.all(stay)).map(String)).toEqual(['shared\n', 'shared\n']);
    expect(reports).toHaveLength(1);
  });

  test('one whose last caller goes is killed; who comes next starts anew', async () => {
    const { runner, reports } = running();
    const caller = new AbortController();
    const asked = runner.collect(q('sleep'), caller.signal);
    caller.abort(new Error('gone'));
    await expect(asked).rejects.toThrow('gone');
    await vi.waitFor(() => expect(reports.map(({ outcome }) => outcome)).toEqual(['cancelled']));
  });
});

describe('the own schedd', () => {
  test('is found by one command, also for whom the first who asked has left', async () => {
    const config = join(folder, 'condor_config_val');
    const ready = join(folder, 'ready');
    writeFileSync(
      config,
      `#!/bin/sh\nuntil [ -e "${ready}" ]; do sleep 0.02; done\nprintf 'FULL_HOSTNAME = h\\nDAEMON_LIST = SCHEDD\\n'\n`,
    );
    chmodSync(config, 0o755);
    const { runner, reports } = running();
    const policy = () => Promise.reject(new Error('No ad is shown.'));
    const schedds = new Schedds({ name: 'pool', runner, collector: undefined, policy });
    const first = new AbortController();
    const gone = schedds.named('h', first.signal);
    const stays = schedds.named('h', signal);
    first.abort(new Error('gone'));
    await expect(gone).rejects.toThrow('gone');
    writeFileSync(ready, '');
    expect(await stays).toEqual({ name: 'h', own: true });
    expect(await schedds.named('other', signal)).toEqual({ name: 'other', own: false });
    expect(reports).toHaveLength(1);
  });
});

describe('a prefix', () => {
  const remote = { kind: 'ssh', argv: ['ssh', 'submit.example.test'] } as const;

  test('of kind exec stands before the words', () => {
    const prefix = { kind: 'exec', argv: ['chroot', '/pool'] } as const;
    expect(argvOf(q('-name', "a'b"), { prefix }, 15_000)).toEqual([
      'chroot',
      '/pool',
      'condor_q',
      '-name',
      "a'b",
    ]);
  });

  test('of kind exec hands variables on by itself: what it runs may start with none', () => {
    const prefix = { kind: 'exec', argv: ['docker', 'exec', 'submit'] } as const;
    const extra = { _CONDOR_SEC_TOKEN_DIRECTORY: '/tokens/alice' };
    expect(argvOf(q(), { prefix }, 15_000, extra)).toEqual([
      ...['docker', 'exec', 'submit', 'env', '_CONDOR_SEC_TOKEN_DIRECTORY=/tokens/alice'],
      'condor_q',
    ]);
  });

  test('of kind ssh quotes each word for the remote shell, under a time limit', () => {
    const argv = argvOf(q('-constraint', `Owner =?= "it's $(id)"`), { prefix: remote }, 15_000);
    expect(argv.slice(0, 2)).toEqual(['ssh', 'submit.example.test']);
    expect(argv).toHaveLength(3);
    expect(argv[2]).toContain(
      `'timeout' '16' 'condor_q' '-constraint' 'Owner =?= "it'\\''s $(id)"'`,
    );
  });

  test('of kind ssh reaches the program as it is, through a real shell', async () => {
    const prefix = { kind: 'ssh', argv: ['sh', '-c'] } as const;
    const { runner } = running({ prefix });
    const nasty = `a'b "c" $(id) \`id\` \\ ; * é`;
    expect(String(await runner.collect(q('echo', nasty), signal))).toBe(`${nasty}\n`);
  });

  test.each(['a\u0000b', 'a\nb', 'a\rb'])('refuses the word %j', (word) => {
    for (const place of [{}, { prefix: remote }]) {
      expect(() => argvOf(q(word), place, 1)).toThrow(
        expect.objectContaining({ code: 'BAD_FILTER' }),
      );
    }
  });
});
