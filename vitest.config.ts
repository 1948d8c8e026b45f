import { defineConfig } from 'vitest/config';

// `graphql` 16 has no `exports`: Vite resolves index.mjs and Node index.js, and two copies of the
// module refuse each other's schemas. The alias makes it one.
export default defineConfig({
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    // What disturbs the pool for everybody runs by itself, when all else is done.
    include: [
      process.env['TEST_ALONE'] === '1' ? 'test/alone/*.test.ts' : 'test/!(alone)/**/*.test.ts',
    ],
    reporters: ['default', './test/real/not-run-reporter.ts'],
    setupFiles: ['test/patience.ts'],
    expect: { poll: { timeout: 60_000 } },
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 180_000,
  },
});
