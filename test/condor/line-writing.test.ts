import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { argvOf, type CommandPlace } from '../../src/grids/condor/command.js';
import { CommandRunner } from '../../src/grids/condor/runner.js';
import { describeReal } from '../real/index.js';

const signal = new AbortController().signal;
const q = (...args: string[]) => ({ program: 'condor_q', args, lineByLine: true }) as const;

/** A host whose condor_q shows its environment, or writes a row and goes on; `version` is what it does for `-version`. */
function host(version: string, place: CommandPlace = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'lines-'));
  writeFileSync(
    join(folder, 'condor_q'),
    `#!/bin/sh
case $1 in
-version) echo $$ >>"${folder}/trials"; ${version} ;;
env) env ;;
rows) (echo row; exec sleep 60) | sed p ;;
esac
`,
  );
  chmodSync(join(folder, 'condor_q'), 0o755);
  const reports: unknown[] = [];
  const runner = new CommandRunner({
    path: folder,
    onCommand: (report) => reports.push(report),
    ...place,
  });
  onTestFinished(async () => {
    await runner.stop();
    rmSync(folder, { recursive: true });
  });
  const trials = () =>
    existsSync(join(folder, 'trials'))
      ? readFileSync(join(folder, 'trials'), 'utf8').trim().split('\n').map(Number)
      : [];
  const environment = async () => String(await runner.collect(q('env'), signal));
  return { runner, trials, environment, reports };
}

const gone = (pid: number | undefined): boolean => !existsSync(`/proc/${pid}`);

describe('a command of which each line is wanted', () => {
  test.each([
    ['here', {}],
    ['behind a prefix', { prefix: { kind: 'exec', argv: ['env', 'X=y'] } }],
    ['behind a remote shell', { prefix: { kind: 'ssh', argv: ['sh', '-c'] } }],
  ] as const)('writes line by line %s, from when it is known that it can', async (_, place) => {
    const { runner, trials, environment } = host('exit 0', place);
    await vi.waitFor(async () => expect(await environment()).toContain('_STDBUF_O=L'));
    expect(trials()).toHaveLength(1);
    const rows = runner.stream(q('rows'), signal);
    expect(String((await rows.next()).value)).toMatch(/^row\n/);
    await rows.return();
  });

  test('takes no trial for others, and counts none as a command', async () => {
    const { runner, trials, environment, reports } = host('exit 0');
    const blocks = { ...q('env'), lineByLine: false };
    expect(String(await runner.collect(blocks, signal))).not.toContain('_STDBUF');
    expect(trials()).toEqual([]);
    await environment();
    await vi.waitFor(() => expect(trials()).toHaveLength(1));
    expect(reports).toHaveLength(2);
  });

  test.each([
    ['it cannot', 'exit 1'],
    [
      'the library does not fit',
      'echo "ERROR: ld.so: object from LD_PRELOAD cannot be preloaded" >&2',
    ],
  ])('runs as it does by itself where %s, without another trial', async (_, version) => {
    const { trials, environment } = host(version);
    expect(await environment()).not.toContain('_STDBUF');
    await vi.waitFor(() => expect(trials()).toHaveLength(1));
    await vi.waitFor(() => expect(gone(trials()[0])).toBe(true));
    expect(await environment()).not.toContain('_STDBUF');
    expect(trials()).toHaveLength(1);
  });

  test('leaves no trial behind that hangs', async () => {
    const { runner, trials, environment } = host('exec sleep 60');
    expect(await environment()).not.toContain('_STDBUF');
    await vi.waitFor(() => expect(trials()).toHaveLength(1));
    await runner.stop();
    expect(gone(trials()[0])).toBe(true);
  });
});

describeReal('pool', 'commands of a pool', (pool) => {
  test('write the same by lines as in blocks', async () => {
    const cluster = await pool.submit(
      'alice',
      'executable=/bin/true\ntransfer_executable=false\nrequirements=false\nqueue 3\n',
    );
    onTestFinished(() => pool.remove(`ClusterId == ${cluster}`));
    const args = ['-allusers', '-json', '-stream-results', '-attributes', 'ClusterId,ProcId'];
    const command = q(...args, '-constraint', `ClusterId == ${cluster}`);
    const byLines = await pool.run(argvOf(command, {}, 1));
    expect(byLines).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(byLines.stdout)).toHaveLength(3);
    expect(byLines).toEqual(await pool.run(argvOf({ ...command, lineByLine: false }, {}, 1)));
  });
});
