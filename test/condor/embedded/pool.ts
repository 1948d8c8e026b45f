/** Opens an embedded pool for a test, and short words for what is done to it. */
import { onTestFinished, vi } from 'vitest';
import {
  openEmbeddedPool,
  type EmbeddedPoolSettings,
} from '../../../src/grids/condor/embedded/index.js';
import { jobFields } from '../../../src/grids/condor/fields.js';
import type { ActedJob, JobAction, JobActions } from '../../../src/grids/job-actions.js';
import type { JobKey, JobPool, JobRow } from '../../../src/grids/jobs.js';
import type { WorkState } from '../../../src/grids/state.js';
import { selecting, signal } from '../pool.js';

export interface Embedded {
  readonly port: JobPool;
  readonly actions: JobActions;
  /** Submits and gives the keys. */
  readonly submit: (
    attributes: Readonly<Record<string, unknown>>,
    more?: {
      readonly count?: number;
      readonly items?: readonly unknown[];
      readonly owner?: string;
    },
  ) => Promise<readonly JobKey[]>;
  readonly act: (action: JobAction, ...keys: readonly JobKey[]) => Promise<readonly ActedJob[]>;
  readonly find: (key: JobKey) => Promise<JobRow>;
  /** The job once it is in that state. */
  readonly until: (key: JobKey, state: WorkState) => Promise<JobRow>;
}

/** Stopped when the test ends. */
export function embedded(settings: Partial<EmbeddedPoolSettings> = {}): Embedded {
  const port = openEmbeddedPool({ name: 'pool', killGraceMs: 500, ...settings });
  onTestFinished(() => port.stop());
  return wordsFor(port);
}

export function wordsFor(port: JobPool): Embedded {
  const { actions } = port;
  if (actions === undefined) throw new Error('The pool takes no actions.');
  const find = async (key: JobKey): Promise<JobRow> => {
    const [row] = await port.findJobs([key], selecting(Object.keys(jobFields), 'all'), signal);
    if (row === undefined || row instanceof Error) throw row ?? new Error('The job is not there.');
    return row;
  };
  return {
    port,
    actions,
    submit: async (attributes, { count = 1, items, owner = 'alice' } = {}) => {
      const { jobs } = await actions.submit(
        {
          schedd: undefined,
          description: undefined,
          attributes,
          items,
          count,
          actor: { identity: owner, admin: true },
          idempotencyKey: undefined,
          dryRun: false,
        },
        signal,
      );
      return jobs;
    },
    act: (action, ...keys) => actions.act(action, keys, { identity: 'alice', admin: true }, signal),
    find,
    until: (key, state) =>
      vi.waitFor(
        async () => {
          const row = await find(key);
          if (row.state !== state) throw new Error(`The job is ${row.state}, not ${state}.`);
          return row;
        },
        { interval: 10 },
      ),
  };
}

/** A shell command as a job. */
export const shell = (script: string): Readonly<Record<string, unknown>> => ({
  executable: '/bin/sh',
  arguments: `"-c '${script.replaceAll("'", "''").replaceAll('"', '""')}'"`,
});

export const only = <T>([first]: readonly T[]): T => {
  if (first === undefined) throw new Error('Nothing came.');
  return first;
};
