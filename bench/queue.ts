/** The queue that the pool benches read: a real pool with tens of thousands of idle jobs, and its commands alone. */
import { execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findPool, type RealPool } from '../test/real/pool.js';
import { type LoadedPool, NotRun } from './bench.js';

const loadedJobs = 'HtcGraphLoad =?= true';

/** Loads the pool unless it holds as many jobs; `unload` takes away what was loaded here. */
export class Queue {
  private opened: Promise<LoadedPool> | undefined;
  private loadedHere: string | undefined;

  constructor(private readonly jobs: number) {}

  open(): Promise<LoadedPool> {
    this.opened ??= this.prepare();
    return this.opened;
  }

  async unload(): Promise<void> {
    if (this.loadedHere !== undefined) await scriptsPool('unload', this.loadedHere);
  }

  private async prepare(): Promise<LoadedPool> {
    const pool = findPool();
    if (typeof pool === 'string') throw new NotRun(pool);
    if ((await clusters(pool)).reduce((sum, { jobs }) => sum + jobs, 0) < this.jobs) {
      this.loadedHere = pool.dir;
      await scriptsPool('load', String(this.jobs), pool.dir);
    }
    const found = await clusters(pool);
    const [cluster] = found.toSorted((a, b) => b.jobs - a.jobs);
    if (!cluster) throw new NotRun(`the pool in ${pool.dir} has no jobs of a load`);
    return { dir: pool.dir, jobs: found.reduce((sum, { jobs }) => sum + jobs, 0), cluster };
  }
}

async function clusters(pool: RealPool): Promise<readonly LoadedPool['cluster'][]> {
  // The constraint of a -group-by sees the attributes that are grouped by alone.
  const { code, stdout, stderr } = await pool.run([
    ...['condor_q', '-allusers', '-constraint', loadedJobs],
    ...['-group-by', '-attributes', 'ClusterId,HtcGraphLoad', '-json'],
  ]);
  if (code !== 0) throw new Error(`condor_q failed (${code}): ${stderr}`);
  if (stdout.trim() === '') return [];
  const groups = JSON.parse(stdout) as readonly { ClusterId: number; JobCount: number }[];
  return groups.map(({ ClusterId, JobCount }) => ({ id: ClusterId, jobs: JobCount }));
}

const scriptsPool = (...words: readonly string[]) =>
  promisify(execFile)(fileURLToPath(new URL('../scripts/pool', import.meta.url)), words);

/** Runs a command of the pool as a whole process and throws its output away; the milliseconds it took. */
export function command(pool: LoadedPool, ...words: readonly string[]): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn('chroot', [pool.dir, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(performance.now() - started);
      else reject(new Error(`${words.join(' ')} ended with ${code}.`));
    });
  });
}

/** The five attributes of a job list, for a client of the command and for one of the graph. */
export const five = 'ClusterId,ProcId,Owner,JobStatus,QDate';
export const allJobs = ['condor_q', '-allusers', '-json', '-attributes'] as const;
