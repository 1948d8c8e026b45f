/** The settings of acting on a pool: nothing by accident, everything by name. */
import { expect, test } from 'vitest';
import { gridSettings } from '../../src/config/grids.js';

const check = (more: object) =>
  gridSettings.safeParse([{ kind: 'HTCONDOR', name: 'pool', ...more }]);
const prefix = { kind: 'prefix', argv: ['sudo', '-n', '-u', '{user}'] };
const tokens = { kind: 'tokens', directory: '/etc/tokens' };

test.each([
  [{}],
  [{ allowActions: false }],
  [{ allowActions: true, actAs: { kind: 'gateway' }, submitDirectory: '/srv/jobs' }],
  [{ allowActions: true, actAs: { ...prefix, via: 'ssh', adminAs: 'condor' } }],
  [{ allowActions: true, actAs: tokens, submitDirectory: '/home/{user}/jobs' }],
  [
    {
      allowActions: true,
      actAs: prefix,
      allowedExecutables: ['/opt/tools/*'],
      maxSubmittedJobs: 5,
    },
  ],
])('%j is taken', (settings) => {
  expect(check(settings).success).toBe(true);
});

test.each([
  [{ allowActions: true }, 'actAs'],
  [{ actAs: { kind: 'root' } }, 'actAs'],
  [{ actAs: { kind: 'prefix', argv: ['sudo', '-u', 'alice'] } }, 'argv'],
  [{ actAs: { kind: 'prefix', argv: [] } }, 'argv'],
  [{ actAs: { ...prefix, adminAs: 'root' } }, 'adminAs'],
  [{ actAs: { ...tokens, adminAs: '../x' } }, 'adminAs'],
  [{ actAs: { kind: 'tokens', directory: 'tokens' } }, 'directory'],
  [{ actAs: { kind: 'tokens', directory: '/etc/../x' } }, 'directory'],
  [{ actAs: { kind: 'gateway', adminAs: 'condor' } }, 'actAs'],
  [{ actAs: prefix, submitDirectory: '/srv/jobs' }, 'submitDirectory'],
  [{ actAs: { kind: 'gateway' }, submitDirectory: '/home/{user}' }, 'submitDirectory'],
  [{ allowedExecutables: ['tools/*'] }, 'allowedExecutables'],
  [{ maxSubmittedJobs: 0 }, 'maxSubmittedJobs'],
])('%j is refused for %s', (settings, key) => {
  const { error } = check(settings);
  expect(error?.issues.map(({ path }) => path.join('.')).join(' ')).toContain(key);
});
