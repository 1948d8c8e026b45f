/** Jobs of the embedded pool as processes: how they end, what they leave, what they can't do. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { embedded, only, shell } from './pool.js';

/** Processes that have the mark in their environment, by what the operating system says. */
const marked = (mark: string): readonly string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`MARK=${mark}`);
      } catch {
        return false;
      }
    });

const stdout = (row: { record?: { value(name: string): unknown } }): unknown =>
  row.record?.value('EmbeddedStdout');

describe('a job that ends', () => {
  test.each([
    ['exit 0', 'SUCCEEDED', 0, null],
    ['exit 3', 'FAILED', 3, { kind: 'EXIT_CODE', exitCode: 3 }],
    ['kill -9 $$', 'FAILED', null, { kind: 'SIGNAL', signal: 9 }],
  ] as const)('by %j is %s', async (script, state, exitCode, failure) => {
    const pool = embedded();
    const key = only(await pool.submit(shell(script)));
    const row = await pool.until(key, state);
    expect(row).toMatchObject({ state, exitCode, terminal: true, origin: 'HISTORY', attempts: 1 });
    if (failure === null) expect(row.failure).toBeNull();
    else expect(row.failure).toMatchObject(failure);
    expect(row.endedAt).toBeGreaterThanOrEqual(row.startedAt ?? Infinity);
    expect(row.machineName).toBe('embedded.pool');
  });

  test('keeps the last of what it printed, and no more', async () => {
    const pool = embedded({ outputBytes: 100 });
    const [loud, quiet] = await Promise.all([
      pool.submit(shell('yes 0123456789 | head -c 1300000; echo end')),
      pool.submit(shell('printf "a\\0(b"; echo oops >&2')),
    ]);
    const text = String(stdout(await pool.until(only(loud), 'SUCCEEDED')));
    expect(text).toHaveLength(100);
    expect(text.endsWith('end\n')).toBe(true);
    const row = await pool.until(only(quiet), 'SUCCEEDED');
    // NUL would make an expression of it.
    expect(stdout(row)).toBe('a(b');
    expect(row.record?.value('EmbeddedStderr')).toBe('oops\n');
  });

  test('says what processor time and memory it used', async () => {
    const pool = embedded();
    const spin = `require('crypto').pbkdf2Sync('a', 'b', 5e5, 64, 'sha512'); Buffer.alloc(64e6, 1)`;
    const script = `const { execPath } = process; ${spin}; setTimeout(() => 0, 3000)`;
    const job = { ...shell(''), executable: process.execPath, arguments: ['-e', script] };
    const { record } = await pool.until(only(await pool.submit(job)), 'SUCCEEDED');
    const number = (name: string) => Number(record?.value(name));
    expect(number('RemoteUserCpu')).toBeGreaterThan(0.05);
    expect(number('CpusUsage')).toBeGreaterThan(0);
    expect(number('ResidentSetSize')).toBeGreaterThan(40_000);
    expect(record?.attribute('MemoryUsage').expression).toBe('((ResidentSetSize + 1023) / 1024)');
  });

  test('takes along what it left running in its group, and its scratch folder', async () => {
    const pool = embedded();
    const job = { ...shell('pwd; touch file; sleep 1000 & exit 0'), environment: 'MARK=left' };
    const row = await pool.until(only(await pool.submit(job)), 'SUCCEEDED');
    expect(marked('left')).toEqual([]);
    expect(existsSync(String(stdout(row)).trim())).toBe(false);
  });
});

describe('a job sees', () => {
  test('its words and its environment, nothing of the server', async () => {
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'do-not-tell');
    const pool = embedded();
    const row = await pool.until(
      only(
        await pool.submit({
          executable: '/usr/bin/env',
          environment: `"A=1 B='two words' C='it''s'"`,
        }),
      ),
      'SUCCEEDED',
    );
    vi.unstubAllEnvs();
    const lines = String(stdout(row)).split('\n');
    expect(lines).toEqual(expect.arrayContaining(['A=1', 'B=two words', "C=it's"]));
    expect(lines.join()).not.toContain('do-not-tell');
    expect(lines).toContain('_CONDOR_SLOT=slot1_1');
  });

  test('arguments as HTCondor quotes them, and no shell between', async () => {
    const pool = embedded();
    const job = { executable: '/usr/bin/printf', arguments: `"'[%s]' 'a b' |x '' c;id ""q"""` };
    const row = await pool.until(only(await pool.submit(job)), 'SUCCEEDED');
    expect(stdout(row)).toBe('[a b][|x][][c;id]["q"]');
  });
});

describe('a job that can not be started is held with code 6', () => {
  test.each([
    ['/no/such/file', 2],
    ['/etc/passwd', 13],
    ['/tmp', 13],
  ])('%s (errno %i)', async (executable, errno) => {
    const pool = embedded();
    const row = await pool.until(only(await pool.submit({ executable })), 'HELD');
    expect(row).toMatchObject({ holdCode: 6, attempts: 0 });
    expect(row.record?.value('HoldReasonSubCode')).toBe(errno);
    expect(row.holdReason).toContain(executable);
  });
});

describe('a running job', () => {
  test('that is removed ends with its whole group, also when it ignores SIGTERM', async () => {
    const pool = embedded({ killGraceMs: 100 });
    const script = 'trap "" TERM; sleep 1000 & sleep 1000 & wait; wait; wait; sleep 1000';
    const key = only(await pool.submit({ ...shell(script), environment: 'MARK=removed' }));
    await vi.waitFor(() => expect(marked('removed').length).toBeGreaterThanOrEqual(3));
    const [acted] = await pool.act({ kind: 'REMOVE', reason: 'enough' }, key);
    expect(acted).toMatchObject({ status: 'DONE' });
    expect(await pool.find(key)).toMatchObject({ state: 'CANCELLED', origin: 'QUEUE' });
    const row = await vi.waitFor(async () => {
      const found = await pool.find(key);
      expect(found.origin).toBe('HISTORY');
      return found;
    });
    expect(row).toMatchObject({
      state: 'CANCELLED',
      failure: { message: 'enough (by user alice)' },
    });
    expect(marked('removed')).toEqual([]);
  });

  test('that is held leaves its slot; released, it starts again only then', async () => {
    const pool = embedded({ cpus: 1 });
    const key = only(await pool.submit(shell('sleep 1000')));
    await pool.until(key, 'RUNNING');
    await pool.act({ kind: 'HOLD', reason: undefined }, key);
    await pool.act({ kind: 'RELEASE', reason: undefined }, key);
    const again = await pool.until(key, 'RUNNING');
    expect(again.attempts).toBe(2);
    expect(again.record?.value('NumHolds')).toBe(1);
    expect(again.record?.value('HoldReason')).toBeUndefined();
  });

  test('is held when it exceeds what it is allowed', async () => {
    const pool = embedded();
    const job = { ...shell('sleep 1000'), allowed_execute_duration: 1 };
    const row = await pool.until(only(await pool.submit(job)), 'HELD');
    expect(row.holdCode).toBe(47);
  });

  test('is gone when the pool stops, and so is the folder of scratch folders', async () => {
    const pool = embedded();
    const keys = await pool.submit(
      { ...shell('trap "" TERM; sleep 1000; sleep 1000'), environment: 'MARK=stopped' },
      { count: 3 },
    );
    for (const key of keys) await pool.until(key, 'RUNNING');
    const folder = readFileSync(`/proc/${only(marked('stopped'))}/environ`, 'utf8')
      .split('\0')
      .find((line) => line.startsWith('TMPDIR='))
      ?.slice('TMPDIR='.length);
    await pool.port.stop();
    expect(marked('stopped')).toEqual([]);
    expect(existsSync(folder ?? '/')).toBe(false);
  });
});
