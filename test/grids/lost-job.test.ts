/** The row of a job of which neither queue nor history tells. */
import { expect, it } from 'vitest';
import { ownerOf } from '../../src/grids/jobs.js';
import { lostJob } from '../../src/grids/lost-job.js';

const end = {
  gridName: 'pool',
  key: { schedd: 's', clusterId: 1, procId: 0 },
  revision: 'lost',
  state: 'UNKNOWN',
  owner: 'alice',
  seenAt: 0,
} as const;

it('has the owner that is known of it', () => {
  expect(lostJob(end).owner).toBe('alice');
});

it('hides the owner where the pool does, except from the rules of access', () => {
  const row = lostJob({ ...end, ownerHidden: true });
  expect(row.owner).toBeNull();
  expect(ownerOf(row)).toBe('alice');
});
