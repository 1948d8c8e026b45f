/** What the commands said of each job, as it was captured from a pool. */
import { describe, expect, test } from 'vitest';
import { outcomesIn } from '../../src/grids/condor/actions/outcomes.js';

describe('the outcome of each job is what its line says', () => {
  test.each([
    [
      'condor_hold',
      'Job 1.1 held\nJob 1.0 already held\nPermission denied to hold job 2.0\nJob 999.0 not found\nJob 1.0 already held\n',
      { '1.1': 'DONE', '1.0': 'ALREADY_DONE', '2.0': 'FORBIDDEN', '999.0': 'NOT_FOUND' },
    ],
    [
      'condor_release',
      'Job 1.0 released\nJob 1.3 released\nPermission denied to release job 2.0\nJob 999.7 not found\nJob 4.2 not held to be released\n',
      {
        '1.0': 'DONE',
        '1.3': 'DONE',
        '2.0': 'FORBIDDEN',
        '999.7': 'NOT_FOUND',
        '4.2': 'BAD_STATE',
      },
    ],
    [
      'condor_rm',
      'Job 1.3 marked for removal\nPermission denied to remove job 2.1\nJob 998.0 not found\nJob 5.0 already marked for removal\n',
      { '1.3': 'DONE', '2.1': 'FORBIDDEN', '998.0': 'NOT_FOUND', '5.0': 'ALREADY_DONE' },
    ],
    [
      'condor_hold with carriage returns and an empty line',
      '\r\nJob 1.1 held\r\n\r\n',
      { '1.1': 'DONE' },
    ],
    ['a job held twice in one command', 'Job 7.0 held\nJob 7.0 already held\n', { '7.0': 'DONE' }],
    [
      'lines about no job of ours',
      "Couldn't find/hold all jobs in cluster 999\nAll jobs in cluster 4 have been marked for removal\nJob 1.0 held by somebody\nxJob 1.0 held\n",
      {},
    ],
  ])('%s', (_name, output, expected) => {
    const statuses = [...outcomesIn(output)].map(([id, { status }]) => [id, status]);
    expect(Object.fromEntries(statuses)).toEqual(expected);
  });
});
