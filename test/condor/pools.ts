/** Suites over every implementation of the port of a pool: the real one with its commands, and the embedded one. */
import { describe } from 'vitest';
import { openEmbeddedPool, openPool } from '../../src/grids/condor/index.js';
import type { JobPool } from '../../src/grids/jobs.js';
import { describeReal } from '../real/index.js';
import { signal } from './pool.js';
import { seedPool } from './seed.js';

export interface TestPool {
  readonly kind: 'real' | 'embedded';
  readonly scheddName: string;
  readonly machineName: string;
  /** A grid named "pool" that holds the seed (scripts/pool-jobs.sh); who opens it stops it. */
  open(): Promise<JobPool>;
  /** Submits a description with its `queue` line, and gives the cluster id. */
  submit(port: JobPool, owner: 'alice' | 'bob', description: string): Promise<number>;
  remove(port: JobPool, clusterId: number): Promise<void>;
}

export function describePools(title: string, body: (pool: TestPool) => void): void {
  describeReal('pool', `${title}, of a real pool`, (real) =>
    body({
      kind: 'real',
      scheddName: real.scheddName,
      machineName: real.scheddName,
      open: () =>
        Promise.resolve(openPool({ name: 'pool', prefix: { kind: 'exec', argv: real.prefix } })),
      submit: (_port, owner, description) =>
        real.submit(owner, `transfer_executable = false\n${description}`),
      remove: (_port, clusterId) => real.remove(`ClusterId == ${clusterId}`),
    }),
  );
  describe(`${title}, of an embedded pool`, () => body(embeddedPool));
}

const schedd = 'embedded@pool';

const embeddedPool: TestPool = {
  kind: 'embedded',
  scheddName: schedd,
  machineName: 'embedded.pool',
  async open() {
    const port = openEmbeddedPool({ name: 'pool' });
    await seedPool(port);
    return port;
  },
  async submit({ actions }, owner, description) {
    const submitted = await actions?.submit(
      {
        schedd: undefined,
        description,
        attributes: undefined,
        items: undefined,
        count: undefined,
        actor: { identity: owner, admin: true },
        idempotencyKey: undefined,
        dryRun: false,
      },
      signal,
    );
    if (!submitted?.cluster) throw new Error('Nothing was submitted.');
    return submitted.cluster.clusterId;
  },
  async remove(port, clusterId) {
    const [source] = await port.jobs({ source: 'QUEUE', scanLimit: 1, since: undefined }, signal);
    const filter = { op: 'eq', ref: { field: 'clusterId' }, value: clusterId } as const;
    const projection = { fields: new Set<string>(), attributes: new Set<string>() };
    for await (const job of source?.scan({ filter, projection, notes: {}, signal }) ?? []) {
      const actor = { identity: 'alice', admin: true };
      await port.actions?.act({ kind: 'REMOVE', reason: undefined }, [job], actor, signal);
    }
  },
};
