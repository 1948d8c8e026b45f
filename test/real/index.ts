/**
 * Suites over real parts. A suite whose part is not on this machine is listed at the end of the run as
 * not run (./not-run-reporter.ts); with TEST_REQUIRE_REAL=1, as `npm run test:all` sets it, it fails.
 */
import { describe, test } from 'vitest';
import { findChromium, type RealChromium } from './chromium.js';
import { findPool, findSecondPool, type RealPool } from './pool.js';
import { findPython, type RealPython } from './python.js';
import { findRedis, type RealRedis } from './redis.js';
import { findSshd, type RealSshd } from './sshd.js';

export type { RealPool } from './pool.js';
export type { RealRedis, RedisServer } from './redis.js';

export interface RealParts {
  readonly pool: RealPool;
  readonly 'second pool': RealPool;
  readonly redis: RealRedis;
  readonly chromium: RealChromium;
  readonly python: RealPython;
  readonly sshd: RealSshd;
}

declare module 'vitest' {
  interface TaskMeta {
    /** Why a suite over real parts did not run. */
    notRun?: string;
  }
}

const find: { readonly [P in keyof RealParts]: () => RealParts[P] | string } = {
  pool: findPool,
  'second pool': findSecondPool,
  redis: findRedis,
  chromium: findChromium,
  python: findPython,
  sshd: findSshd,
};

/** `describe` for a suite that needs a real part, which its body is given. */
export function describeReal<P extends keyof RealParts>(
  part: P,
  name: string,
  body: (part: RealParts[P]) => void,
): void {
  const found: RealParts[P] | string = find[part]();
  if (typeof found !== 'string') {
    describe(name, () => body(found));
    return;
  }
  describe(name, () => {
    if (process.env['TEST_REQUIRE_REAL'] === '1') {
      test('its real part is on this machine', () => {
        throw new Error(found);
      });
    } else {
      test.skip('its real part is on this machine', { meta: { notRun: found } }, () => undefined);
    }
  });
}
