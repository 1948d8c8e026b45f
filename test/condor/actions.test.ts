/** Acting on a real pool as alice and bob: the promises of the port, and what is HTCondor's own. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { openPool, type ActionSettings, type PoolSettings } from '../../src/grids/condor/index.js';
import type { SubmitJobs } from '../../src/grids/job-actions.js';
import { jobActionsContract } from '../grids/job-actions-contract.js';
import { describeReal, type RealPool } from '../real/index.js';
import { prefixOf, selecting, signal } from './pool.js';

/** Commands run as the user whose name the caller has. */
const asCaller = ({ dir }: RealPool): ActionSettings => ({
  actAs: {
    kind: 'prefix',
    argv: ['chroot', '--userspec={user}:{user}', dir],
    adminAs: 'condor',
  },
});

const acting = (pool: RealPool, settings: Partial<PoolSettings> = {}) =>
  openPool({
    name: 'pool',
    prefix: prefixOf(pool),
    allowActions: true,
    ...asCaller(pool),
    ...settings,
  });

const marked = 'HtcGraphSubmission isnt undefined';

describeReal('pool', 'a real pool', (pool) => {
  jobActionsContract(async () => {
    const port = acting(pool);
    return {
      pool: port,
      users: ['alice', 'bob'],
      async close() {
        await pool.remove(marked);
        await port.stop();
      },
    };
  });
});
