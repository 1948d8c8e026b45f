/** A pool that is followed, its commands played by the test: one part that fails holds up no other. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, type Mock, onTestFinished, vi } from 'vitest';
import { GridError } from '../../src/errors.js';
import type { Command } from '../../src/grids/condor/command.js';
import { Ends } from '../../src/grids/condor/ends.js';
import { alwaysHidden } from '../../src/grids/condor/hidden.js';
import { HistoryTail } from '../../src/grids/condor/history-tail.js';
import { type JobLogsSettings, PoolLogs } from '../../src/grids/condor/job-logs.js';
import type { Pool, Schedd } from '../../src/grids/condor/pool.js';
import type { Schedds } from '../../src/grids/condor/schedds.js';
import { StatePoll } from '../../src/grids/condor/state-poll.js';
import type { JobCompletion } from '../../src/grids/job-logs.js';
import { JobRings } from '../../src/grids/job-rings.js';
import { SharedEnds } from '../../src/grids/shared-ends.js';
import type { SharedLog, SharedLogs } from '../../src/streams/index.js';
import type { SharedLogOptions } from '../../src/streams/shared/shared-log.js';
import type { LogTerm } from '../../src/streams/shared/term.js';

const { signal } = new AbortController();

const brief = { attributes: [], told: [], maxAds: 100 };

/** Commands print what `answer` gives. */
function played(answer: (command: Command) => string = () => '') {
  const policy = vi.fn(async () => ({ hidden: alwaysHidden, maxJobs: undefined }));
  const collect = async (command: Command) => Buffer.from(answer(command));
  async function* stream(command: Command) {
    yield await collect(command);
  }
  const runner = { deadlineMs: 1000, collect, stream };
  return { name: 'condor', collector: undefined, policy, runner } as unknown as Pool & {
    readonly policy: typeof policy;
  };
}

function logsOf(
  pool: Pool,
  list: () => Promise<readonly Schedd[]>,
  settings: JobLogsSettings = { eventLog: false },
): PoolLogs {
  const logs = new PoolLogs(pool, { list } as unknown as Schedds, async () => [], false, settings);
  onTestFinished(() => logs.stop());
  return logs;
}

describe('the end of a cluster', () => {
  it('waits for the ends of its own schedd, not for a schedd that is away', async () => {
    const pool = played(({ args }) => {
      if (args.includes('away')) throw new GridError('UNAVAILABLE', 'It is away.');
      return '';
    });
    const logs = logsOf(pool, async () => ['here', 'away'].map((name) => ({ name, own: false })));
    await logs.completions(signal);
    await expect(logs.settled('here', signal)).resolves.toBeUndefined();
  });
});

describe('behind ends that are known from before', () => {
  it('a job that ended in the queue and once more when it left is news, and so is what ended in between', async () => {
    const record = (cluster: number, JobStatus: number, EnteredCurrentStatus: number) =>
      JSON.stringify({ ClusterId: cluster, ProcId: 0, JobStatus, EnteredCurrentStatus });
    // As condor_history prints them: the newest first, up to the job named by -since.
    let history = [record(1, 3, 1300), record(2, 4, 1200), record(3, 4, 1100)];
    const pool = played(({ args }) => {
      const since = args[args.indexOf('-since') + 1]?.split('.')[0] ?? '';
      const stop = args.includes('-since')
        ? history.findIndex((line) => line.startsWith(`{"ClusterId":${since},`))
        : -1;
      return (stop === -1 ? history : history.slice(0, stop)).join('\n');
    });
    const tail = new HistoryTail(pool, { name: 's', own: false });
    const end = (clusterId: number, revision: string) => ({
      key: { schedd: 's', clusterId, procId: 0 },
      revision,
    });
    tail.resume([end(1, '4-1000'), end(3, '4-1100')], 1_000_000);
    const news = async () => (await tail.news(brief, signal)).map((ad) => ad.number('ClusterId'));
    expect(await news()).toEqual([2, 1]);
    expect(await news()).toEqual([]);
    history = [record(4, 4, 1400), ...history];
    expect(await news()).toEqual([4]);
  });

  it('also where it leaves the queue only later', async () => {
    const record = (cluster: number, JobStatus: number) =>
      JSON.stringify({ ClusterId: cluster, ProcId: 0, JobStatus, EnteredCurrentStatus: 1100 });
    let history = [record(3, 4)];
    const pool = played(({ args }) => {
      const since = Number(args[args.indexOf('-since') + 1]?.split('.')[0]);
      const stop = history.findIndex((line) => line.startsWith(`{"ClusterId":${since},`));
      return (stop === -1 ? history : history.slice(0, stop)).join('\n');
    });
    const tail = new HistoryTail(pool, { name: 's', own: false });
    const known = [1, 3].map((clusterId) => ({
      key: { schedd: 's', clusterId, procId: 0 },
      revision: '4-1100',
    }));
    tail.resume(known, 1_000_000);
    const news = async () => (await tail.news(brief, signal)).map((ad) => ad.number('ClusterId'));
    expect(await news()).toEqual([]);
    history = [record(1, 3), record(2, 4), ...history];
    expect(await news()).toEqual([2, 1]);
  });
});

describe('a flood of ends', () => {
  const record = (cluster: number) =>
    JSON.stringify({
      ...{ ClusterId: cluster, ProcId: 0, JobStatus: 4, EnteredCurrentStatus: 1100 },
      ...{ Owner: 'alice', Cmd: '/bin/true' },
    });

  it('is read with whole ads of the first alone: of all of them memory would run full', async () => {
    let history = '';
    const tail = new HistoryTail(
      played(() => history),
      { name: 's', own: false },
    );
    await tail.begin(signal);
    history = [3, 2, 1].map(record).join('\n');
    const wanted = { attributes: undefined, told: ['Owner'], maxAds: 2 };
    const news = await tail.news(wanted, signal);
    expect(news.map((ad) => [ad.number('ClusterId'), ad.string('Owner'), ad.has('Cmd')])).toEqual([
      [1, 'alice', true],
      [2, 'alice', true],
      [3, 'alice', false],
    ]);
    expect(await tail.news(wanted, signal)).toEqual([]);
  });

  it('is told without reading any of the first 10,000 again', async () => {
    const jobs = 10_001;
    let history = '';
    const pool = played(({ program }) => (program === 'condor_history' ? history : ''));
    const find = vi.fn(async () => []);
    const list = async () => [{ name: 'here', own: true }];
    const logs = new PoolLogs(pool, { list } as unknown as Schedds, find, false, {
      eventLog: false,
    });
    onTestFinished(() => logs.stop());
    const projection = { fields: new Set(['state', 'nativeId']), attributes: new Set<string>() };
    const log = await logs.completions(signal, projection);
    history = Array.from({ length: jobs }, (_, i) => record(jobs - i)).join('\n');
    await logs.settled('here', signal);
    const ends = log.read(log.start, jobs);
    expect(ends).toHaveLength(jobs);
    const rows = await logs.rows(ends.slice(0, -1), projection);
    expect(rows.map((row) => row && 'nativeId' in row && row.nativeId)).toEqual(
      ends.slice(0, -1).map(({ key }) => `${key.clusterId}.0`),
    );
    expect(find).not.toHaveBeenCalled();
    await logs.rows(ends.slice(-1), projection);
    expect(find).toHaveBeenCalledOnce();
  });
});

describe('an event log that can not be read', () => {
  it('is not all there is: no cursor is found in it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'following-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'EventLog');
    const isWhole = async () => {
      const logs = logsOf(played(), async () => [], { eventLog: { path } });
      return (await logs.events(signal)).isWhole;
    };
    expect(await isWhole()).toBe(false);
    await writeFile(path, '');
    expect(await isWhole()).toBe(true);
  });
});

/** Logs that a test holds in its hand in the place of those in a Redis. */
function handLogs() {
  const opened: {
    lost: Error | undefined;
    readonly close: Mock<() => Promise<void>>;
    readonly hear: (ends: readonly JobCompletion[]) => void;
    readonly lead: Mock<SharedLog<JobCompletion>['lead']>;
  }[] = [];
  const open = (_name: string, { heard }: SharedLogOptions<JobCompletion>) => {
    const log = {
      ...{ lost: undefined, isRead: true, close: vi.fn(async () => undefined) },
      ...{ lead: vi.fn(), until: async () => undefined, caughtUp: async () => undefined },
      hear: (ends: readonly JobCompletion[]) => heard?.(ends, true),
    };
    opened.push(log);
    return log;
  };
  const logs = { open } as unknown as SharedLogs;
  const ends = new SharedEnds({ logs, name: 'ends', limit: 10, heard: () => undefined });
  const [first] = opened;
  if (first === undefined) throw new Error('No log was opened.');
  return { ends, opened, first };
}

describe('the ends in a log of replicas', () => {
  it('a log that Redis has lost is let go of when another takes its place', async () => {
    const { ends, opened, first } = handLogs();
    await ends.ready(signal);
    expect(first.close).not.toHaveBeenCalled();
    first.lost = new Error('It was lost.');
    await ends.ready(signal);
    expect(opened).toHaveLength(2);
    expect(first.close).toHaveBeenCalledOnce();
  });

  it('what one replica has given up as lost and another found is not told as lost behind its end', async () => {
    const { ends, first } = handLogs();
    await ends.ready(signal);
    const end = (clusterId: number, revision: string): JobCompletion => ({
      ...{ gridName: 'condor', key: { schedd: 's', clusterId, procId: 0 }, revision },
      ...{ state: revision === 'lost' ? 'UNKNOWN' : 'SUCCEEDED', owner: null, seenAt: 0 },
    });
    ends.add([end(1, 'lost'), end(2, 'lost')]);
    first.hear([end(1, '4-1000')]);
    const append = vi.fn();
    const over = AbortSignal.abort();
    // It gets the lease.
    await first.lead.mock.lastCall?.[0].run({
      signal: over,
      append,
    } as unknown as LogTerm<JobCompletion>);
    expect(append.mock.calls).toEqual([[[end(2, 'lost')]]]);
  });
});

describe('a pool that does not answer this replica', () => {
  it('is known after some seconds, also where no end is expected, and so is that it answers again', async () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    let isAway = false;
    const pool = played(() => {
      if (isAway) throw new GridError('UNAVAILABLE', 'It is away.');
      return '';
    });
    const schedd = { name: 's', own: false };
    const rings = new JobRings({ gridName: 'condor', find: async () => [] });
    const sights: boolean[] = [];
    const ends: Ends = new Ends(pool, schedd, new HistoryTail(pool, schedd), rings, {
      restMs: () => 30_000,
      onSight: () => sights.push(ends.isBlind),
    });
    await ends.begin(signal);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sights).toEqual([]);
    isAway = true;
    await vi.advanceTimersByTimeAsync(36_000);
    expect(sights).toEqual([true]);
    isAway = false;
    await vi.advanceTimersByTimeAsync(6_000);
    expect(sights).toEqual([true, false]);
    // A moment is not worth a word.
    isAway = true;
    ends.reconcile();
    await vi.advanceTimersByTimeAsync(1_000);
    isAway = false;
    await vi.advanceTimersByTimeAsync(36_000);
    expect(sights).toEqual([true, false]);
    await ends.stop();
  });
});

describe('a clock that is set', () => {
  it('forward makes no job lost before its time', async () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const pool = played(() => '');
    const schedd = { name: 's', own: false };
    const rings = new JobRings({ gridName: 'condor', find: async () => [] });
    const completions = vi.spyOn(rings, 'addCompletions');
    const lost = () => completions.mock.calls.flatMap(([ends]) => ends);
    const ends = new Ends(pool, schedd, new HistoryTail(pool, schedd), rings, {
      restMs: () => 1_000,
    });
    await ends.begin(signal);
    ends.expect({ schedd: 's', clusterId: 1, procId: 0 }, 'alice');
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(50_000);
    expect(lost()).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(lost()).toMatchObject([{ state: 'UNKNOWN', owner: 'alice' }]);
    await ends.stop();
  });

  it('back lets no question to the queue reach back less far', async () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const reached: number[] = [];
    const pool = played(({ args }) => {
      reached.push(Number(/time\(\) - (-?\d+)/.exec(args.join(' '))?.[1]));
      return '';
    });
    const rings = new JobRings({ gridName: 'condor', find: async () => [] });
    const tell = { onEnd: vi.fn(), missed: vi.fn() };
    const poll = new StatePoll(pool, { name: 's', own: false }, rings, () => alwaysHidden, tell);
    await poll.begin();
    vi.setSystemTime(Date.now() - 3_600_000);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(reached.length).toBeGreaterThan(1);
    for (const seconds of reached.slice(1)) expect(seconds).toBeGreaterThanOrEqual(4);
    expect(tell.missed).not.toHaveBeenCalled();
    await poll.stop();
  });
});
