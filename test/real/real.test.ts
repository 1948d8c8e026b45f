import { existsSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { describeReal } from './index.js';

describeReal('pool', 'the real pool', (pool) => {
  test('answers through its prefix and has the seed of varied jobs', async () => {
    const queue = await pool.run(['condor_q', '-allusers', '-af', 'HtcGraphSeed', 'JobStatus']);
    expect(queue.code).toBe(0);
    expect(queue.stdout.split('\n')).toEqual(
      expect.arrayContaining(['idle 1', 'running 2', 'left-completed 4', 'held-by-user 5']),
    );
  });

  test('runs a submitted job of an ordinary user, tells it in the event log and keeps it in the history', async () => {
    const cluster = await pool.submit(
      'bob',
      'executable=/bin/sh\narguments="-c \'exit 4\'"\ntransfer_executable=false\npriority=60\nqueue\n',
    );
    await vi.waitFor(
      async () => {
        const ended = await pool.run([
          'condor_history',
          String(cluster),
          '-af',
          'Owner',
          'ExitCode',
        ]);
        expect(ended.stdout).toBe('bob 4\n');
      },
      { timeout: 100_000, interval: 200 },
    );
    expect(readFileSync(pool.eventLog, 'utf8')).toContain(`"Cluster": ${cluster},`);
  });

  test("refuses one user's action on another's job", async () => {
    const cluster = await pool.submit(
      'alice',
      'executable=/bin/true\ntransfer_executable=false\nhold=true\nqueue\n',
    );
    const answer = await pool.asUser('bob', ['condor_rm', `${cluster}.0`]);
    expect(answer.code).toBe(1);
    expect(answer.stderr).toContain('Permission denied');
    await pool.remove(`ClusterId == ${cluster}`);
  });
});

describeReal('redis', 'the real Redis', (redis) => {
  test('answers, two side by side, and is gone after stop', async () => {
    const [one, two] = await Promise.all([redis.start(), redis.start('--requirepass', 'secret')]);
    expect(await say(one.port, 'PING')).toBe('+PONG');
    expect(await say(two.port, 'PING')).toMatch(/^-NOAUTH/);
    await Promise.all([one.stop(), two.stop()]);
    expect(existsSync(`/proc/${one.pid}`)).toBe(false);
    expect(existsSync(`/proc/${two.pid}`)).toBe(false);
  });

  test('says why it could not start', async () => {
    await expect(redis.start('--maxmemory', 'lots')).rejects.toThrow(/must be a memory value/);
  });
});

describeReal('chromium', 'the real Chromium', (chromium) => {
  test('renders a page', () => {
    const page = 'data:text/html,<title>x</title><p id=a></p><script>a.textContent=6*7</script>';
    const answer = spawnSync(
      chromium.program,
      [...chromium.args, '--headless', '--disable-gpu', '--dump-dom', page],
      { encoding: 'utf8', timeout: 100_000 },
    );
    expect(answer.stdout).toContain('<p id="a">42</p>');
  });
});

async function say(port: number, line: string): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  socket.write(`${line}\r\n`);
  const [answer] = (await once(socket, 'data')) as [string];
  socket.destroy();
  return answer.trim();
}
