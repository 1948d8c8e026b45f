/** Acting on the embedded pool: the promises of the port. */
import { describe } from 'vitest';
import { openEmbeddedPool } from '../../../src/grids/condor/index.js';
import { jobActionsContract } from '../../grids/job-actions-contract.js';

describe('an embedded pool', () => {
  jobActionsContract((settings) => {
    const pool = openEmbeddedPool({ name: 'pool', ...settings });
    return Promise.resolve({ pool, users: ['alice', 'bob'], close: () => pool.stop() });
  });
});
