/** How long after a job's exit its event and its end are where streams read them, beside a client that polls condor_q. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openPool } from '../../src/grids/condor/index.js';
import type { CompletionLog } from '../../src/streams/index.js';
import { findPool } from '../../test/real/pool.js';
import { type Bench, type Finding, NotRun } from '../bench.js';
import { sampleOf } from '../measure.js';

const patienceMs = 120_000;

export const events: Bench = {
  name: 'events',
  about: "from a job's exit to what tells of it: jobEvents, jobCompleted, condor_q each second",
  async run({ quick }) {
    const pool = findPool();
    if (typeof pool === 'string') throw new NotRun(pool);
    const jobs = quick ? 4 : 40;
    const grid = openPool({
      name: 'pool',
      prefix: { kind: 'exec', argv: pool.prefix },
      eventLog: { path: pool.eventLog },
    });
    const left = new AbortController();
    // Each job writes down when it exits, into a folder of its owner.
    const folder = await mkdtemp(join(pool.dir, 'home/alice/bench-'));
    await promisify(execFile)('chmod', ['777', folder]);
    const inside = folder.slice(pool.dir.length);
    try {
      const { logs } = grid;
      if (!logs) throw new NotRun('the pool is not followed');
      const toldEnds = arrivals(await logs.completions(left.signal), left.signal, () => true);
      const toldEvents = arrivals(
        await logs.events(left.signal),
        left.signal,
        ({ type }) => type === 'TERMINATED',
      );
      const cluster = await pool.submit(
        'alice',
        `executable = /bin/sh
transfer_executable = false
arguments = "-c 'sleep 1; date +%s%N > ${inside}/$(Process)'"
queue ${jobs}`,
      );
      const gone = new Map<number, number>();
      const endMs = Date.now() + patienceMs;
      const known = (told: ReadonlyMap<string, number>) =>
        [...told.keys()].filter((id) => id.startsWith(`${cluster}.`)).length;
      while (gone.size < jobs || known(toldEnds) < jobs || known(toldEvents) < jobs) {
        if (Date.now() > endMs) throw new Error(`The jobs of cluster ${cluster} did not end.`);
        await pause(1_000);
        const { stdout } = await pool.run(['condor_q', `${cluster}`, '-af', 'ProcId']);
        const queued = new Set(stdout.split('\n').filter(Boolean).map(Number));
        for (let proc = 0; proc < jobs; proc += 1) {
          if (!queued.has(proc) && !gone.has(proc)) gone.set(proc, Date.now());
        }
      }
      const exited = await Promise.all(
        Array.from({ length: jobs }, async (_, proc) => {
          const { stdout } = await pool.run(['cat', `${inside}/${proc}`]);
          return Number(stdout) / 1e6;
        }),
      );
      const delays = (told: (proc: number) => number | undefined) =>
        exited.map((at, proc) => (told(proc) ?? NaN) - at);
      return [
        finding(
          'TERMINATED of jobEvents',
          100,
          delays((proc) => toldEvents.get(`${cluster}.${proc}`)),
        ),
        finding(
          'jobCompleted',
          250,
          delays((proc) => toldEnds.get(`${cluster}.${proc}`)),
        ),
        finding(
          'condor_q each second',
          undefined,
          delays((proc) => gone.get(proc)),
        ),
      ];
    } finally {
      left.abort();
      await grid.stop();
      await rm(folder, { recursive: true });
    }
  },
};

type Keyed = { readonly key: { readonly clusterId: number; readonly procId: number } };

/** When each job's entry was there to be read, until `signal` is aborted. */
function arrivals<Entry extends Keyed>(
  log: CompletionLog<Entry>,
  signal: AbortSignal,
  wanted: (entry: Entry) => boolean,
): ReadonlyMap<string, number> {
  const told = new Map<string, number>();
  const read = async () => {
    let position = log.end;
    while (!signal.aborted) {
      await log.changed(position, signal);
      const entries = log.read(position, 1_000);
      position += entries.length;
      for (const entry of entries.filter(wanted)) {
        told.set(`${entry.key.clusterId}.${entry.key.procId}`, Date.now());
      }
    }
  };
  read().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return told;
}

function finding(what: string, atMost: number | undefined, values: readonly number[]): Finding {
  const sorted = values.toSorted((a, b) => a - b);
  const { median, least, largest } = sampleOf(values);
  return {
    what: `from the job's exit to ${what}, p95`,
    value: sorted[Math.ceil(sorted.length * 0.95) - 1] ?? NaN,
    unit: 'ms',
    spread: [least, largest],
    detail: `median ${median.toFixed(0)} ms of ${values.length} jobs`,
    ...(atMost === undefined ? {} : { target: { atMost } }),
  };
}
