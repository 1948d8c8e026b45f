/** Opens the port over the real pool, and short words for asking it. */
import { onTestFinished } from 'vitest';
import type { JobListing, JobPool, JobRow } from '../../src/grids/jobs.js';
import { openPool, type PoolSettings } from '../../src/grids/condor/index.js';
import type { CommandReport } from '../../src/grids/condor/runner.js';
import type { Projection } from '../../src/query/plan.js';
import { always, type Predicate } from '../../src/query/predicate.js';
import type { Source, SourceNotes } from '../../src/query/source.js';
import type { RealPool } from '../real/index.js';

export interface OpenedPool {
  readonly port: JobPool;
  readonly commands: CommandReport[];
}

export const prefixOf = (pool: RealPool) => ({ kind: 'exec', argv: pool.prefix }) as const;

/** Stopped when the test ends. */
export function opened(pool: RealPool, settings: Partial<PoolSettings> = {}): OpenedPool {
  const commands: CommandReport[] = [];
  const port = openPool({
    name: 'condor',
    prefix: prefixOf(pool),
    onCommand: (report) => commands.push(report),
    ...settings,
  });
  onTestFinished(() => port.stop());
  return { port, commands };
}

export const signal = new AbortController().signal;

export const selecting = (
  fields: readonly string[] = [],
  attributes: readonly string[] | 'all' = [],
): Projection => ({
  fields: new Set(fields),
  attributes: attributes === 'all' ? 'all' : new Set(attributes),
});

export async function sourceOf(
  port: JobPool,
  source: JobListing['source'] = 'QUEUE',
  listing: Partial<JobListing> = {},
): Promise<Source<JobRow>> {
  const [first] = await port.jobs(
    { source, scanLimit: 50_000, since: undefined, ...listing },
    signal,
  );
  if (first === undefined) throw new Error('The pool has no schedd.');
  return first;
}

export interface Asked {
  readonly filter?: Predicate;
  readonly projection?: Projection;
  readonly notes?: SourceNotes;
}

export async function scanned<Row>(
  source: Source<Row>,
  { filter = always, projection = selecting(), notes = {} }: Asked = {},
): Promise<Row[]> {
  return all(source.scan({ filter, projection, notes, signal }));
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

export const attribute = (name: string) => ({ attribute: name }) as const;
export const field = (name: string) => ({ field: name }) as const;

/** Only the seed's jobs: other tests submit their own meanwhile. */
export const seeded: Predicate = { op: 'defined', ref: attribute('HtcGraphSeed') };
